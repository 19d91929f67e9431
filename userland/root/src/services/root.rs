//! `root`: the machine's domains, for those who list and move them.

use abi::kind::{DomainRights, EndpointRights, MemoryRights, NotificationRights};
use abi::register::{ObjectId, PageCount};
use runtime::Cap;
use runtime::capability::{Any, Domain as DomainKind, Kind, Notification, Pool};
use runtime::message::Message;
use runtime::protocol::root::{Binding, DomainId, DomainState, Refusal, Request, done, refused};
use runtime::protocol::{Name, Words};
use runtime::server::{Answer, Server};

use super::now;
use crate::badge::{Interface, badge};
use crate::birth::Body;
use crate::domain::{Domain, Held, plain};
use crate::handle::Handle;
use crate::supervisor::Supervisor;
use crate::{clock, names, provision};

/// What an answer carries: words, and a capability that the caller gets a copy of.
type Reply = Result<(Words, Option<Cap<Any>>), Refusal>;

/// Answers a request.
pub fn handle(root: &mut Supervisor, server: &mut Server, message: &Message) -> Answer {
    let Ok(request) = Request::unpack(message.words()) else {
        return now(&refused(Refusal::Malformed));
    };
    if let Request::Export { name } = request {
        return export(root, server, name);
    }
    match perform(root, &request, message) {
        Ok((words, None)) => now(&words),
        Ok((words, Some(capability))) => {
            Answer::Now(Message::of(words.as_slice()).capability(capability))
        }
        Err(refusal) => now(&refused(refusal)),
    }
}

fn perform(root: &mut Supervisor, request: &Request, message: &Message) -> Reply {
    match *request {
        Request::List { index } => list(root, index),
        Request::Find { name } => find(root, name),
        Request::NameOf {
            name,
            object,
            badge,
        } => name_of(root, name, object, badge),
        // It may be answered later, and is done before.
        Request::Export { .. } => Err(Refusal::Malformed),
        Request::Revert { name } => revert(root, name),
        Request::Release { name } => leave(root, name, DomainState::Exported),
        Request::Admit {
            name,
            id,
            pages,
            movable,
        } => admit(root, name, id, pages, movable),
        Request::Bind { name, binding } => bind(root, name, binding),
        Request::Adopt { name, incarnation } => adopt(root, name, incarnation, message),
        Request::Discard { name } => leave(root, name, DomainState::Incoming),
    }
}

/// The domain of this name in this state.
fn in_state(root: &mut Supervisor, name: Name, state: DomainState) -> Result<usize, Refusal> {
    let index = root.by_name(name).ok_or(Refusal::NoSuchDomain)?;
    match root.domains[index].state == state {
        true => Ok(index),
        false => Err(Refusal::WrongState),
    }
}

fn list(root: &Supervisor, index: u64) -> Reply {
    let index = usize::try_from(index).map_err(|_| Refusal::NoSuchDomain)?;
    let domain = root.domains.get(index).ok_or(Refusal::NoSuchDomain)?;
    Ok((domain.record().pack(), None))
}

fn find(root: &mut Supervisor, name: Name) -> Reply {
    let index = root.by_name(name).ok_or(Refusal::NoSuchDomain)?;
    let domain = &mut root.domains[index];
    let words = domain.record().pack();
    let running = matches!(domain.state, DomainState::Running | DomainState::Exported);
    let Some(body) = domain.body.as_ref().filter(|_| running && domain.movable) else {
        return Ok((words, None));
    };
    if domain.handed.is_none() {
        let all = DomainRights::all();
        let rights = all - (DomainRights::DESTROY | DomainRights::UNRETIRE);
        let handed = body.domain.mint(rights, 0).map_err(kernel)?;
        domain.handed = Some(Handle::new(handed));
    }
    Ok((words, domain.handed.as_ref().map(|handed| handed.erase())))
}

fn name_of(root: &Supervisor, name: Name, object: ObjectId, badge: u64) -> Reply {
    let index = root.by_name(name).ok_or(Refusal::NoSuchDomain)?;
    let domain = &root.domains[index];
    let faults = self::badge(Interface::Faults, domain.number);
    let binding = if badge == faults && root.machine.endpoint.identify() == Ok(object) {
        plain(names::FAULTS)
    } else {
        domain.binding_of(object, badge)
    };
    let binding = binding.ok_or(Refusal::NoSuchObject)?;
    Ok((binding.pack(), None))
}

/// Quiesces a domain's port; if the switch has to do that first, the answer comes when it has.
fn export(root: &mut Supervisor, server: &mut Server, name: Name) -> Answer {
    let Some(index) = root.by_name(name) else {
        return now(&refused(Refusal::NoSuchDomain));
    };
    let domain = &mut root.domains[index];
    if !matches!(domain.state, DomainState::Running | DomainState::Exported) {
        return now(&refused(Refusal::WrongState));
    }
    if !domain.movable {
        return now(&refused(Refusal::NotMovable));
    }
    domain.state = DomainState::Exported;
    let number = domain.number;
    if root.switchboard.quiesce(number) {
        return now(&done());
    }
    match server.take_reply() {
        Ok(reply) => {
            root.awaiting_quiet.push((number, reply));
            root.ring_for_commands();
            Answer::Never
        }
        Err(error) => now(&refused(kernel(error))),
    }
}

fn revert(root: &mut Supervisor, name: Name) -> Reply {
    let index = root.by_name(name).ok_or(Refusal::NoSuchDomain)?;
    let domain = &mut root.domains[index];
    match domain.state {
        // It was asked before, and the answer got lost.
        DomainState::Running => return Ok((done(), None)),
        DomainState::Exported => domain.state = DomainState::Running,
        _ => return Err(Refusal::WrongState),
    }
    let number = domain.number;
    root.switchboard.resume(number);
    root.ring_for_commands();
    Ok((done(), None))
}

/// A domain that went, or does not come after all.
fn leave(root: &mut Supervisor, name: Name, state: DomainState) -> Reply {
    let index = in_state(root, name, state)?;
    root.end(index);
    let domain = root.domains.remove(index);
    let unused = match state {
        DomainState::Exported => root.switchboard.depart(domain.number),
        _ => root.switchboard.remove(domain.number),
    };
    if let Some(ring) = unused {
        root.destroy_ring(ring);
    }
    root.ring_for_commands();
    log::info!("{name} left");
    Ok((done(), None))
}

fn admit(
    root: &mut Supervisor,
    name: Name,
    id: DomainId,
    pages: PageCount,
    movable: bool,
) -> Reply {
    let known = |domain: &Domain| domain.name == name || domain.id == id;
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
    let number = root.draw_number();
    root.domains.push(Domain {
        state: DomainState::Incoming,
        movable,
        pool: Some(pool),
        ..Domain::new(number, name, id)
    });
    Ok((done(), Some(pool.erase())))
}

fn bind(root: &mut Supervisor, name: Name, binding: Binding) -> Reply {
    let index = in_state(root, name, DomainState::Incoming)?;
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
            let doorbell = machine.doorbell.mint(NotificationRights::SIGNAL, 0);
            Ok((doorbell.map_err(kernel)?.erase(), 0))
        }
        clock::NAME => {
            let page = clock::make_page(&machine).map_err(kernel)?;
            root.domains[index].clock = Some(page);
            let rights = MemoryRights::READ | MemoryRights::WRITE;
            Ok((page.mint(rights, 0).map_err(kernel)?.erase(), 0))
        }
        names::RING => {
            let station = provision::import(binding.state).ok_or(Refusal::Malformed)?;
            let ring = root.add_port(number, station).map_err(kernel)?;
            let rights = MemoryRights::READ | MemoryRights::WRITE;
            Ok((ring.mint(rights, 0).map_err(kernel)?.erase(), 0))
        }
        service => {
            let endpoint = provision::endpoint(root, service).ok_or(Refusal::NoSuchObject)?;
            let badge = u64::from(number.0);
            let endpoint = endpoint.mint(EndpointRights::SEND, badge).map_err(kernel)?;
            Ok((endpoint.erase(), badge))
        }
    }
}

fn adopt(root: &mut Supervisor, name: Name, incarnation: u64, message: &Message) -> Reply {
    let index = root.by_name(name).ok_or(Refusal::NoSuchDomain)?;
    let domain = &root.domains[index];
    if domain.state == DomainState::Running && domain.incarnation == incarnation {
        return Ok((done(), None));
    }
    let pool = domain
        .pool
        .filter(|_| domain.state == DomainState::Incoming);
    let pool = pool.ok_or(Refusal::WrongState)?;
    let mut reader = message.reader();
    let sent = reader
        .capability::<Pool>()
        .map_err(|_| Refusal::Capability)?;
    if sent.identify() != pool.identify() {
        return Err(Refusal::Capability);
    }
    let body = Body {
        pool,
        domain: keep::<DomainKind>(reader.capability())?,
        wake: keep::<Notification>(reader.capability())?,
    };
    let domain = &mut root.domains[index];
    let wake = *body.wake;
    domain.body = Some(body);
    domain.incarnation = incarnation;
    domain.state = DomainState::Running;
    let number = domain.number;
    root.switchboard.activate(number, wake);
    root.ring_for_commands();
    log::info!("{name} arrived, incarnation {incarnation}");
    Ok((done(), None))
}

/// A copy of a capability that was sent: what came with a message is deleted after it.
fn keep<T: Kind>(sent: Result<Cap<T>, abi::Error>) -> Result<Handle<T>, Refusal> {
    let sent = sent.map_err(|_| Refusal::Capability)?;
    sent.duplicate().map(Handle::new).map_err(kernel)
}

fn kernel(error: abi::Error) -> Refusal {
    log::error!("the kernel refused what a move needs: {error}");
    Refusal::Kernel
}
