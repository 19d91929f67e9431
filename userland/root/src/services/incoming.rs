//! What `root` does for a domain that comes from another machine.
//!
//! ```text
//! (not here) --admit--> incoming --keep--> prepared --adopt--> running
//!         \<---discard---/<----discard------/
//! ```
//!
//! An incoming domain belongs to whoever builds it, and root holds its pool only. A prepared one is root's: its builder
//! may end, and be asked by the other machine after it was started again. It is frozen until it is adopted.

use abi::NO_DEADLINE;
use abi::kind::{EndpointRights, MemoryRights, NotificationRights};
use abi::register::PageCount;
use runtime::Cap;
use runtime::capability::{Any, Kind, Pool};
use runtime::message::Message;
use runtime::protocol::Name;
use runtime::protocol::ports::doorbell_flag;
use runtime::protocol::root::{Binding, DomainId, DomainState, Refusal, done};

use super::root::{Reply, kernel, leave};
use crate::badge::{Interface, badge};
use crate::birth::Body;
use crate::domain::{Domain, Held};
use crate::handle::Handle;
use crate::supervisor::Supervisor;
use crate::{clock, names, provision};

/// Whether a domain is on its way here.
fn comes(state: DomainState) -> bool {
    matches!(state, DomainState::Incoming | DomainState::Prepared)
}

/// The domain of this name that is on its way here.
fn coming(root: &Supervisor, name: Name) -> Result<usize, Refusal> {
    let index = root.by_name(name).ok_or(Refusal::NoSuchDomain)?;
    match comes(root.domains[index].state) {
        true => Ok(index),
        false => Err(Refusal::WrongState),
    }
}

/// Reserves memory.
pub fn admit(
    root: &mut Supervisor,
    name: Name,
    id: DomainId,
    pages: PageCount,
    movable: bool,
) -> Reply {
    // One that is at home here and elsewhere comes instead of being started.
    let known =
        |domain: &Domain| !domain.is_elsewhere() && (domain.name == name || domain.id == id);
    if let Some(domain) = root.domains.iter().find(|domain| known(domain)) {
        let same = domain.name == name && domain.id == id && domain.state == DomainState::Incoming;
        let pool = domain.pool.filter(|_| same).ok_or(Refusal::AlreadyHere)?;
        return Ok((done(), Some(pool.erase())));
    }
    let pool = root
        .machine
        .pool
        .split(pages)
        .map_err(|error| match error {
            abi::Error::PoolEmpty => Refusal::NoMemory,
            other => kernel(other),
        })?;
    let waiting = root.by_name(name).map(|index| root.domains.remove(index));
    let number = root.draw_number();
    root.domains.push(Domain {
        state: DomainState::Incoming,
        movable,
        waited: waiting.map(|domain| domain.state),
        pool: Some(pool),
        ..Domain::new(number, name, id)
    });
    Ok((done(), Some(pool.erase())))
}

/// Finds this machine's object of a name, or makes it.
pub fn bind(root: &mut Supervisor, name: Name, binding: Binding) -> Reply {
    let index = coming(root, name)?;
    let held = root.domains[index].held.iter();
    let mut bound = held.filter(|held| held.binding == binding);
    if let Some(held) = bound.next() {
        return Ok((done(), Some(held.capability)));
    }
    let (capability, badge) = make_binding(root, index, binding)?;
    root.domains[index].held.push(Held {
        binding,
        capability,
        badge,
        minted: Some(Handle::new(capability)),
    });
    Ok((done(), Some(capability)))
}

/// This machine's capability for a name, with the badge that it has.
fn make_binding(
    root: &mut Supervisor,
    index: usize,
    binding: Binding,
) -> Result<(Cap<Any>, u64), Refusal> {
    let number = root.domains[index].number;
    let machine = root.machine;
    let interface = |interface| {
        let badge = badge(interface, number);
        let endpoint = machine.endpoint.mint(EndpointRights::SEND, badge);
        endpoint
            .map(|endpoint| (endpoint.erase(), badge))
            .map_err(kernel)
    };
    match binding.name.as_str() {
        names::LOG => interface(Interface::Log),
        names::FAULTS => interface(Interface::Faults),
        names::DOORBELL => {
            let port = provision::ports::import(binding.state).ok_or(Refusal::Malformed)?;
            let flag = doorbell_flag(port.mac);
            let doorbell = machine.doorbell.mint(NotificationRights::SIGNAL, flag);
            Ok((doorbell.map_err(kernel)?.erase(), flag))
        }
        clock::NAME => {
            let page = clock::make_page(&machine).map_err(kernel)?;
            root.domains[index].clock = Some(page);
            let rights = MemoryRights::READ | MemoryRights::WRITE;
            Ok((page.mint(rights, 0).map_err(kernel)?.erase(), 0))
        }
        names::RING => {
            let station = provision::ports::import(binding.state).ok_or(Refusal::Malformed)?;
            if root.switchboard.is_taken(number, station) {
                return Err(Refusal::AddressTaken);
            }
            let ring = root.add_port(number, station).map_err(kernel)?;
            let rights = MemoryRights::READ | MemoryRights::WRITE;
            Ok((ring.mint(rights, 0).map_err(kernel)?.erase(), 0))
        }
        service => {
            let endpoint =
                provision::stateless_endpoint(root, service).ok_or(Refusal::NoSuchObject)?;
            let badge = u64::from(number.0);
            let endpoint = endpoint.mint(EndpointRights::SEND, badge).map_err(kernel)?;
            Ok((endpoint.erase(), badge))
        }
    }
}

/// Takes a complete domain over. One that was kept before is no more: its builder has ended it.
pub fn keep(
    root: &mut Supervisor,
    name: Name,
    token: u64,
    home: Option<Name>,
    message: &Message,
) -> Reply {
    let own = root.machine.domain;
    let index = coming(root, name)?;
    let domain = &mut root.domains[index];
    let pool = domain.pool.ok_or(Refusal::WrongState)?;
    let mut reader = message.reader();
    let sent = reader
        .capability::<Pool>()
        .map_err(|_| Refusal::Capability)?;
    if own.identify(sent.slot()) != own.identify(pool.slot()) {
        return Err(Refusal::Capability);
    }
    let body = Body {
        pool,
        domain: copy(reader.capability())?,
        wake: copy(reader.capability())?,
    };
    // Now, so that the switch has nothing to map while the domain's clients wait.
    root.switchboard.attach(domain.number, *body.wake);
    domain.body = Some(body);
    domain.freeze_token = token;
    domain.home = home;
    domain.state = DomainState::Prepared;
    root.ring_for_commands();
    Ok((done(), None))
}

/// Lets a prepared domain run. It is thawed here, so that it cannot be root's and yet stand still for ever.
pub fn adopt(root: &mut Supervisor, name: Name, id: DomainId, incarnation: u64) -> Reply {
    let index = root.by_name(name).ok_or(Refusal::NoSuchDomain)?;
    let domain = &mut root.domains[index];
    match adoption(domain, id, incarnation)? {
        Adoption::Done => return Ok((done(), None)),
        Adoption::Due => {}
    }
    let body = domain.body.as_ref().ok_or(Refusal::WrongState)?;
    // No port is announced of a domain that stands still after all.
    body.domain.thaw(domain.freeze_token).map_err(kernel)?;
    root.switchboard.activate(domain.number);
    domain.begin_adopted(incarnation);
    root.ring_for_commands();
    Ok((done(), None))
}

/// What an adoption takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Adoption {
    /// It was asked for before, and who asked ended or heard no answer. The domain may even have ended since.
    Done,
    /// The domain is to run.
    Due,
}

fn adoption(domain: &Domain, id: DomainId, incarnation: u64) -> Result<Adoption, Refusal> {
    match domain.state {
        _ if domain.id != id => Err(Refusal::AlreadyHere),
        _ if domain.incarnation == incarnation => Ok(Adoption::Done),
        DomainState::Prepared => Ok(Adoption::Due),
        _ => Err(Refusal::WrongState),
    }
}

/// Stops a domain for good of which a younger copy runs on another machine.
pub fn outlive(root: &mut Supervisor, name: Name, id: DomainId, incarnation: u64) -> Reply {
    let index = root.by_name(name).ok_or(Refusal::NoSuchDomain)?;
    let domain = &mut root.domains[index];
    match domain.state {
        _ if domain.id != id => return Err(Refusal::NoSuchDomain),
        DomainState::Outlived => return Ok((done(), None)),
        DomainState::Running if domain.incarnation < incarnation => {}
        _ => return Err(Refusal::WrongState),
    }
    let body = domain.body.as_ref().ok_or(Refusal::WrongState)?;
    body.domain.freeze(NO_DEADLINE).map_err(kernel)?;
    domain.state = DomainState::Outlived;
    root.switchboard.stop(domain.number);
    root.ring_for_commands();
    log::error!("{name} stands still: a younger copy of it runs on another machine");
    Ok((done(), None))
}

/// Gives up a domain that does not come.
pub fn discard(root: &mut Supervisor, name: Name, id: DomainId) -> Reply {
    give_up(root, name, id, comes)
}

/// Gives up a copy that was outlived.
pub fn drop_outlived(root: &mut Supervisor, name: Name, id: DomainId) -> Reply {
    give_up(root, name, id, |state| state == DomainState::Outlived)
}

fn give_up(
    root: &mut Supervisor,
    name: Name,
    id: DomainId,
    is_so: impl Fn(DomainState) -> bool,
) -> Reply {
    let index = root.by_name(name).ok_or(Refusal::NoSuchDomain)?;
    match &root.domains[index] {
        // Another one of this name comes from a third machine.
        domain if domain.id != id => return Err(Refusal::NoSuchDomain),
        domain if is_so(domain.state) => {}
        _ => return Err(Refusal::WrongState),
    }
    leave(root, index);
    Ok((done(), None))
}

/// A copy of a capability that was sent: what came with a message is deleted after it.
fn copy<T: Kind>(sent: Result<Cap<T>, abi::Error>) -> Result<Handle<T>, Refusal> {
    let sent = sent.map_err(|_| Refusal::Capability)?;
    sent.duplicate().map(Handle::new).map_err(kernel)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::badge::DomainNumber;

    const ID: DomainId = DomainId([7; 16]);

    fn domain(state: DomainState, incarnation: u64) -> Domain {
        let name = Name::try_new("counter").expect("a name");
        Domain {
            state,
            incarnation,
            ..Domain::new(DomainNumber(1), name, ID)
        }
    }

    #[test]
    fn a_prepared_domain_is_adopted_once() {
        let prepared = domain(DomainState::Prepared, 0);
        assert_eq!(adoption(&prepared, ID, 2), Ok(Adoption::Due));
        for state in [DomainState::Running, DomainState::Stopped] {
            assert_eq!(adoption(&domain(state, 2), ID, 2), Ok(Adoption::Done));
        }
    }

    #[test]
    fn nothing_else_is_adopted() {
        let incoming = domain(DomainState::Incoming, 0);
        assert_eq!(adoption(&incoming, ID, 2), Err(Refusal::WrongState));
        let running = domain(DomainState::Running, 1);
        assert_eq!(adoption(&running, ID, 2), Err(Refusal::WrongState));
        let prepared = domain(DomainState::Prepared, 0);
        let other = DomainId([8; 16]);
        assert_eq!(adoption(&prepared, other, 2), Err(Refusal::AlreadyHere));
    }
}
