//! Requests to `root` about a domain that arrives from another machine.
//!
//! ```text
//! (not here) --admit--> incoming --keep--> prepared --adopt--> running
//!         \<---discard---/<----discard------/
//! ```
//!
//! An incoming domain belongs to its builder, the migration server, and root holds only its pool. A prepared domain belongs to
//! root, so it survives a restart of its builder. It is frozen until it is adopted.

use abi::NO_DEADLINE;
use abi::kind::PoolRights;
use abi::register::PageCount;
use runtime::Cap;
use runtime::capability::{Kind, Pool};
use runtime::message::Message;
use runtime::protocol::root::{DomainState, Refusal, done};
use runtime::protocol::{DomainId, Incarnation, Name};

use super::{Response, kernel};
use crate::domain::Domain;
use crate::handle::Handle;
use crate::spawn::DomainObjects;
use crate::supervisor::Supervisor;
use crate::table::DomainTable;

/// Whether a domain in this state is arriving.
pub(super) fn is_arriving(state: DomainState) -> bool {
    matches!(state, DomainState::Incoming | DomainState::Prepared)
}

/// The arriving domain of this name.
pub(super) fn find_arriving(domains: &mut DomainTable, name: Name) -> Result<&mut Domain, Refusal> {
    let domain = find(domains, name)?;
    if !is_arriving(domain.state) {
        return Err(Refusal::WrongState);
    }
    Ok(domain)
}

fn find(domains: &mut DomainTable, name: Name) -> Result<&mut Domain, Refusal> {
    domains.by_name_mut(name).ok_or(Refusal::NoSuchDomain)
}

/// Reserves memory for a domain, from this guest if it comes from one.
pub fn admit(
    root: &mut Supervisor,
    name: Name,
    id: DomainId,
    (pages, movable): (PageCount, bool),
    guest: Option<Name>,
) -> Response {
    if let Some(guest) = guest {
        check_guest(root, name, guest)?;
    }
    // A domain that is at home here but absent may arrive instead of being started.
    let known =
        |domain: &Domain| !domain.is_elsewhere() && (domain.name == name || domain.id == id);
    if let Some(domain) = root.domains.iter().find(|domain| known(domain)) {
        let same = domain.name == name && domain.id == id && domain.state == DomainState::Incoming;
        let pool = domain.builder_pool.as_ref().filter(|_| same);
        let pool = pool.ok_or(Refusal::AlreadyHere)?;
        return Ok((done(), Some(pool.erase())));
    }
    let pool = root.remains.split(&root.machine, pages);
    let pool = pool.map_err(|error| match error {
        abi::Error::PoolEmpty => Refusal::NoMemory,
        other => kernel(other),
    })?;
    let builder_pool = weaken(pool)?;
    let reply = (done(), Some(builder_pool.erase()));
    let earlier = root.domains.by_name(name).map(|domain| domain.number);
    let earlier = earlier.and_then(|number| root.domains.remove(number));
    let domain = root.domains.add(name, id);
    domain.state = DomainState::Incoming;
    domain.movable = movable;
    domain.has_arrived = true;
    domain.is_from_guest = guest.is_some();
    domain.pool = Some(pool);
    domain.builder_pool = Some(builder_pool);
    if let Some(earlier) = earlier {
        domain.state_before_arrival = Some(earlier.state);
        domain.definition = earlier.definition;
        domain.guest = earlier.guest;
    }
    Ok(reply)
}

/// The capability for a new pool that its builder gets. It has the rights that a movable domain may have over its own pool, so no DMA:
/// no device belongs to a domain that moves. If the kernel refuses it, the pool is destroyed.
fn weaken(pool: Cap<Pool>) -> Result<Handle<Pool>, Refusal> {
    match pool.mint(PoolRights::OWN, 0) {
        Ok(weaker) => Ok(Handle::new(weaker)),
        Err(error) => {
            Handle::new(pool).destroy();
            Err(kernel(error))
        }
    }
}

/// Checks that a domain of this name may be on this guest. A guest states the domain's home itself, so this does not rely on it: every
/// machine's manifest has all domains of the fleet file.
fn check_guest(root: &Supervisor, name: Name, guest: Name) -> Result<(), Refusal> {
    let known = root.domains.by_name(name);
    let definition = known.and_then(|domain| domain.definition.as_ref());
    let has_package = definition.is_some_and(|definition| definition.is_received());
    let mut described = root.manifest.domains.iter();
    if !has_package && described.any(|domain| domain.name == name) {
        return Err(Refusal::OfArchive);
    }
    match known.and_then(|domain| domain.guest) {
        Some(other) if other != guest => Err(Refusal::OnAnotherGuest),
        _ => Ok(()),
    }
}

/// Takes over a complete domain. If one was kept before, its builder has already destroyed it.
pub fn keep(
    root: &mut Supervisor,
    name: Name,
    token: u64,
    home: Option<Name>,
    message: &Message,
) -> Response {
    let own = root.machine.domain;
    let domain = find_arriving(&mut root.domains, name)?;
    let pool = domain.pool.ok_or(Refusal::WrongState)?;
    let mut reader = message.reader();
    let sent = reader
        .capability::<Pool>()
        .map_err(|_| Refusal::Capability)?;
    if own.identify(sent.slot()) != own.identify(pool.slot()) {
        return Err(Refusal::Capability);
    }
    let objects = DomainObjects {
        pool,
        domain: copy(reader.capability())?,
        wake: copy(reader.capability())?,
    };
    // The port is attached before the domain runs, so that the switch has nothing to map while the domain's clients wait.
    root.switchboard.attach(domain.number, *objects.wake);
    domain.objects = Some(objects);
    domain.freeze_token = token;
    domain.home = home;
    domain.state = DomainState::Prepared;
    root.ring_for_commands();
    Ok((done(), None))
}

/// Lets a prepared domain run. Root thaws it itself, so an adopted domain cannot stay frozen.
pub fn adopt(
    root: &mut Supervisor,
    name: Name,
    id: DomainId,
    incarnation: Incarnation,
) -> Response {
    let domain = find(&mut root.domains, name)?;
    match adoption(domain, id, incarnation)? {
        Adoption::Done => return Ok((done(), None)),
        Adoption::Due => {}
    }
    let objects = domain.objects.as_ref().ok_or(Refusal::WrongState)?;
    // The thaw comes first, so that the port is not announced if the domain stays frozen.
    objects.domain.thaw(domain.freeze_token).map_err(kernel)?;
    root.switchboard.activate(domain.number);
    domain.begin_adopted(incarnation);
    root.ring_for_commands();
    Ok((done(), None))
}

/// The work left for an adoption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Adoption {
    /// Nothing: the request is a repetition whose first reply was lost. The domain may even have ended since.
    Done,
    /// The domain is to be thawed.
    Due,
}

fn adoption(domain: &Domain, id: DomainId, incarnation: Incarnation) -> Result<Adoption, Refusal> {
    match domain.state {
        _ if domain.id != id => Err(Refusal::AlreadyHere),
        _ if domain.incarnation == incarnation => Ok(Adoption::Done),
        DomainState::Prepared => Ok(Adoption::Due),
        _ => Err(Refusal::WrongState),
    }
}

/// Stops a domain for good because a younger copy of it runs on another machine.
pub fn outlive(
    root: &mut Supervisor,
    name: Name,
    id: DomainId,
    incarnation: Incarnation,
    guest: Option<Name>,
) -> Response {
    let domain = find(&mut root.domains, name)?;
    match domain.state {
        _ if domain.id != id => return Err(Refusal::NoSuchDomain),
        DomainState::Outlived => return Ok((done(), None)),
        DomainState::Running if domain.incarnation < incarnation => {}
        _ => return Err(Refusal::WrongState),
    }
    let objects = domain.objects.as_ref().ok_or(Refusal::WrongState)?;
    let freeze = objects.domain.freeze(NO_DEADLINE).map_err(kernel)?;
    domain.freeze_token = freeze.token;
    domain.state = DomainState::Outlived;
    domain.guest = guest.or(domain.guest);
    root.switchboard.stop(domain.number);
    root.ring_for_commands();
    log::error!("{name} is stopped: a younger copy of it runs on another machine");
    Ok((done(), None))
}

/// Discards an arriving domain whose move has failed.
pub fn discard(root: &mut Supervisor, name: Name, id: DomainId) -> Response {
    give_up(root, name, id, is_arriving)
}

/// Discards an outlived copy.
pub fn drop_outlived(root: &mut Supervisor, name: Name, id: DomainId) -> Response {
    give_up(root, name, id, |state| state == DomainState::Outlived)
}

fn give_up(
    root: &mut Supervisor,
    name: Name,
    id: DomainId,
    may_discard: impl Fn(DomainState) -> bool,
) -> Response {
    let domain = find(&mut root.domains, name)?;
    match &*domain {
        // Another domain of this name arrives from a third machine.
        domain if domain.id != id => return Err(Refusal::NoSuchDomain),
        domain if may_discard(domain.state) => {}
        _ => return Err(Refusal::WrongState),
    }
    let number = domain.number;
    root.remove(number);
    log::info!("the copy of {name} here is dropped");
    Ok((done(), None))
}

/// Duplicates a transferred capability, since a message's capabilities are deleted after the message is handled.
fn copy<T: Kind>(sent: Result<Cap<T>, abi::Error>) -> Result<Handle<T>, Refusal> {
    let sent = sent.map_err(|_| Refusal::Capability)?;
    sent.duplicate().map(Handle::new).map_err(kernel)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::badge::DomainNumber;

    const ID: DomainId = DomainId(7);

    fn domain(state: DomainState, incarnation: u64) -> Domain {
        let name = Name::try_new("counter").expect("a name");
        Domain {
            state,
            incarnation: Incarnation(incarnation),
            ..Domain::new(DomainNumber(1), name, ID)
        }
    }

    #[test]
    fn a_prepared_domain_is_adopted_once() {
        let prepared = domain(DomainState::Prepared, 0);
        assert_eq!(adoption(&prepared, ID, Incarnation(2)), Ok(Adoption::Due));
        for state in [DomainState::Running, DomainState::Stopped] {
            assert_eq!(
                adoption(&domain(state, 2), ID, Incarnation(2)),
                Ok(Adoption::Done)
            );
        }
    }

    #[test]
    fn nothing_else_is_adopted() {
        let incoming = domain(DomainState::Incoming, 0);
        assert_eq!(
            adoption(&incoming, ID, Incarnation(2)),
            Err(Refusal::WrongState)
        );
        let running = domain(DomainState::Running, 1);
        assert_eq!(
            adoption(&running, ID, Incarnation(2)),
            Err(Refusal::WrongState)
        );
        let prepared = domain(DomainState::Prepared, 0);
        let other = DomainId(8);
        assert_eq!(
            adoption(&prepared, other, Incarnation(2)),
            Err(Refusal::AlreadyHere)
        );
    }
}
