//! `root`: the machine's domains, for those who list and move them. What a target asks is [`incoming`].

use abi::Error;
use abi::kind::DomainRights;
use abi::register::{ObjectId, PageCount};
use runtime::Cap;
use runtime::capability::Any;
use runtime::message::Message;
use runtime::protocol::root::{DomainState, MemoryRecord, Refusal, Request, done, refused};
use runtime::protocol::{Name, Words};
use runtime::server::{Answer, Server};

use super::{incoming, now};
use crate::badge::{Interface, badge};
use crate::domain::{Domain, plain};
use crate::handle::Handle;
use crate::supervisor::Supervisor;
use crate::{clock, names};

/// The longest that a domain stays frozen that is retired no more.
const UNRETIRED_NS: u64 = 1_000_000_000;

/// What an answer carries: words, and a capability that the caller gets a copy of.
pub type Reply = Result<(Words, Option<Cap<Any>>), Refusal>;

/// Answers a request.
pub fn handle(root: &mut Supervisor, server: &mut Server, message: &Message) -> Answer {
    let Ok(request) = Request::unpack(message.words()) else {
        return now(&refused(Refusal::Malformed));
    };
    if let Request::Export { name, frozen_ns } = request {
        return export(root, server, name, frozen_ns);
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
        Request::Release { name } => release(root, name),
        Request::Unretire { name } => unretire(root, name),
        Request::Admit {
            name,
            id,
            pages,
            movable,
        } => incoming::admit(root, name, id, pages, movable),
        Request::Bind { name, binding } => incoming::bind(root, name, binding),
        Request::Keep { name, token, home } => incoming::keep(root, name, token, home, message),
        Request::Adopt {
            name,
            id,
            incarnation,
        } => incoming::adopt(root, name, id, incarnation),
        Request::Outlive {
            name,
            id,
            incarnation,
        } => incoming::outlive(root, name, id, incarnation),
        Request::Discard { name, id } => incoming::discard(root, name, id),
        Request::DropOutlived { name, id } => incoming::drop_outlived(root, name, id),
        Request::Start { name } => start(root, name),
        Request::Memory => memory(root),
    }
}

/// The exported domain of this name.
fn exported(root: &Supervisor, name: Name) -> Result<usize, Refusal> {
    let index = root.by_name(name).ok_or(Refusal::NoSuchDomain)?;
    match root.domains[index].state {
        DomainState::Exported => Ok(index),
        _ => Err(Refusal::WrongState),
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
    // One that faulted is not moved, but a migration server that was started again learns from the kernel that it is not
    // retired.
    let comes = matches!(domain.state, DomainState::Incoming | DomainState::Prepared);
    let Some(body) = domain.body.as_ref().filter(|_| !comes && domain.movable) else {
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
    let own = root.machine.domain;
    let binding = if badge == faults && own.identify(root.machine.endpoint.slot()) == Ok(object) {
        plain(names::FAULTS)
    } else {
        domain.binding_of(own, object, badge)
    };
    let binding = binding.ok_or(Refusal::NoSuchObject)?;
    Ok((binding.pack(), None))
}

/// Quiesces a domain's port; if the switch has to do that first, the answer comes when it has.
fn export(root: &mut Supervisor, server: &mut Server, name: Name, frozen_ns: u64) -> Answer {
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
    domain.begin_export(clock::now_ns(), frozen_ns);
    let number = domain.number;
    let is_quiet = root.switchboard.quiesce(number);
    // Even if there is nothing to do: the switch is to ask again when root looks at the domain.
    root.ring();
    if is_quiet {
        return now(&done());
    }
    match server.take_reply() {
        Ok(reply) => {
            root.awaiting_quiet.push((number, reply));
            Answer::Never
        }
        Err(error) => now(&refused(kernel(error))),
    }
}

fn revert(root: &mut Supervisor, name: Name) -> Reply {
    let index = root.by_name(name).ok_or(Refusal::NoSuchDomain)?;
    root.end_export(index)?;
    Ok((done(), None))
}

fn release(root: &mut Supervisor, name: Name) -> Reply {
    let index = exported(root, name)?;
    leave(root, index);
    Ok((done(), None))
}

fn unretire(root: &mut Supervisor, name: Name) -> Reply {
    let index = exported(root, name)?;
    let body = root.domains[index].body.as_ref();
    let domain = &body.ok_or(Refusal::WrongState)?.domain;
    // If it were not thawed here, the kernel would soon.
    match domain.unretire(clock::now_ns().saturating_add(UNRETIRED_NS)) {
        Ok(freeze) => domain.thaw(freeze.token).map_err(kernel)?,
        // It was asked before, and the answer got lost, or the kernel thaws it.
        Err(Error::WrongState) => return Ok((done(), None)),
        Err(error) => return Err(kernel(error)),
    }
    log::warn!("{name} is retired no more, as an operator wants it");
    Ok((done(), None))
}

/// Starts a domain that is at home here and not here. One that cannot be started is what it was before.
fn start(root: &mut Supervisor, name: Name) -> Reply {
    let index = root.by_name(name).ok_or(Refusal::NoSuchDomain)?;
    let Domain {
        state,
        id,
        incarnation,
        ..
    } = root.domains[index];
    if !root.domains[index].is_elsewhere() {
        return Err(Refusal::AlreadyHere);
    }
    root.start(index).inspect_err(|_| {
        let domain = &mut root.domains[index];
        (domain.state, domain.id, domain.incarnation) = (state, id, incarnation);
    })?;
    Ok((done(), None))
}

fn memory(root: &Supervisor) -> Reply {
    let report = root.machine.pool.report().map_err(kernel)?;
    let record = MemoryRecord {
        pages: PageCount(report.total.0),
        spent: PageCount(report.spent.0),
        heap_free: runtime::heap::free_bytes() as u64,
        switch_heap_free: root.switchboard.heap_free,
    };
    Ok((record.pack(), None))
}

/// A domain went, or does not come after all.
pub fn leave(root: &mut Supervisor, index: usize) {
    let state = root.domains[index].state;
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
    log::info!("{} left", domain.name);
    root.note_gone(&domain);
}

/// The kernel's refusal, which only the log explains.
pub fn kernel(error: abi::Error) -> Refusal {
    log::error!("the kernel refused what a move needs: {error}");
    Refusal::Kernel
}
