//! `root`: listing, starting and moving the machine's domains. Only the migration server has this interface: its requests end a
//! domain, run a second copy of it, or forget it. The console has [`super::domains`].
//!
//! | file | requests |
//! | --- | --- |
//! | this one | about the machine's present state |
//! | [`lifecycle`] | from operators, about the life of a domain |
//! | [`packages`] | from operators, with a new domain |
//! | [`reboot`] | from operators, to restart the machine |
//! | [`outgoing`] | from the source of a move |
//! | [`incoming`], [`bindings`] | from its destination; the objects there for an arriving domain |

pub mod bindings;
pub mod incoming;
mod lifecycle;
pub mod outgoing;
pub mod packages;
mod reboot;

use abi::kind::DomainRights;
use abi::register::{ObjectId, PageCount};
use runtime::Cap;
use runtime::capability::Any;
use runtime::message::Message;
use runtime::protocol::root::{MemoryRecord, Refusal, Request, done, granted, refused};
use runtime::protocol::{Name, Words, decode};
use runtime::server::{Handled, Server};

use super::now;
use crate::badge::{Interface, badge};
use crate::handle::Handle;
use crate::held_object::stateless_binding;
use crate::supervisor::Supervisor;
use crate::{console, names};

/// The words of a reply, and the capability, if any, that is copied to the caller; or the refusal.
pub type Response = Result<(Words, Option<Cap<Any>>), Refusal>;

/// The rights of the migration server over a domain that may move: to stop it, to read it, and to retire it. The kernel
/// has no call that only reads a domain's clock, so CLOCK is among them. Only root ends a domain that it has started, or undoes its retirement.
pub const MIGRATION_RIGHTS: DomainRights = DomainRights::FREEZE
    .union(DomainRights::CAPTURE)
    .union(DomainRights::RETIRE)
    .union(DomainRights::CLOCK);

/// Handles a request.
pub fn handle(root: &mut Supervisor, server: &mut Server, message: &Message) -> Handled {
    let Ok(request) = decode(message.words()) else {
        return now(&refused(Refusal::Malformed));
    };
    if let Request::Export { name, frozen_ns } = request {
        return outgoing::export(root, server, name, frozen_ns);
    }
    match perform(root, &request, message) {
        Ok((words, None)) => now(&words),
        Ok((words, Some(capability))) => {
            Handled::Reply(Message::of(words.as_slice()).capability(capability))
        }
        Err(refusal) => now(&refused(refusal)),
    }
}

fn perform(root: &mut Supervisor, request: &Request, message: &Message) -> Response {
    match *request {
        Request::List { index } => list(root, index),
        Request::Find { name } => find(root, name),
        Request::NameOf {
            name,
            object,
            badge,
        } => name_of(root, name, object, badge),
        // Handled separately, since its reply may be deferred.
        Request::Export { .. } => Err(Refusal::Malformed),
        Request::Revert { name } => outgoing::revert(root, name),
        Request::Release { name, id, guest } => outgoing::release(root, name, id, guest),
        Request::Reclaim { id, incarnation } => {
            root.remains.reclaim((id, incarnation));
            Ok((done(), None))
        }
        Request::Unretire { name } => outgoing::unretire(root, name),
        Request::Admit {
            name,
            id,
            pages,
            movable,
            guest,
        } => {
            let sizes = (PageCount(pages), movable);
            incoming::admit(root, name, id, sizes, guest)
        }
        Request::Bind { name, binding } => bindings::bind(root, name, binding),
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
            guest,
        } => incoming::outlive(root, name, id, incarnation, guest),
        Request::RememberGuest { name, guest } => outgoing::remember_guest(root, name, guest),
        Request::Discard { name, id } => incoming::discard(root, name, id),
        Request::DropOutlived { name, id } => incoming::drop_outlived(root, name, id),
        Request::Start { name } => lifecycle::start(root, name),
        Request::Stop { name, restart } => lifecycle::stop(root, name, restart),
        Request::Remove { name } => lifecycle::remove(root, name),
        Request::BeginPackage { bytes } => packages::begin(root, bytes),
        Request::AppendPackage { offset, piece } => packages::append(root, offset, &piece),
        Request::InstallPackage => packages::install(root),
        Request::Memory => memory(root),
        Request::Reboot => reboot::reboot(root),
        Request::ReadLog { from } => match console::line(from) {
            Some(line) => Ok((granted(&line), None)),
            None => Err(Refusal::NoSuchObject),
        },
    }
}

/// The domain at this index.
pub(super) fn list(root: &Supervisor, index: u64) -> Response {
    let index = usize::try_from(index).map_err(|_| Refusal::NoSuchDomain)?;
    let domain = root.domains.nth(index).ok_or(Refusal::NoSuchDomain)?;
    Ok((granted(&domain.record()), None))
}

fn find(root: &mut Supervisor, name: Name) -> Response {
    let domain = root.domains.by_name_mut(name);
    let domain = domain.ok_or(Refusal::NoSuchDomain)?;
    let words = granted(&domain.record());
    // A faulted domain does not move, but a restarted migration server needs its capability to find out whether it is retired.
    let may_move = domain.movable && !incoming::is_arriving(domain.state);
    let Some(objects) = domain.objects.as_ref().filter(|_| may_move) else {
        return Ok((words, None));
    };
    if domain.migration_handle.is_none() {
        let migration_handle = objects.domain.mint(MIGRATION_RIGHTS, 0).map_err(kernel)?;
        domain.migration_handle = Some(Handle::new(migration_handle));
    }
    let handle = domain.migration_handle.as_ref();
    Ok((words, handle.map(|handle| handle.erase())))
}

fn name_of(root: &Supervisor, name: Name, object: ObjectId, badge: u64) -> Response {
    let domain = root.domains.by_name(name).ok_or(Refusal::NoSuchDomain)?;
    let faults = self::badge(Interface::Faults, domain.number);
    let own = root.machine.domain;
    let binding = if badge == faults && own.identify(root.machine.endpoint.slot()) == Ok(object) {
        stateless_binding(names::FAULTS)
    } else {
        domain.binding_of(own, object, badge)
    };
    let binding = binding.ok_or(Refusal::NoSuchObject)?;
    Ok((granted(&binding), None))
}

/// The machine's memory.
pub(super) fn memory(root: &Supervisor) -> Response {
    let report = root.machine.pool.report().map_err(kernel)?;
    let record = MemoryRecord {
        pool_pages: report.total.0,
        // What domains have left behind is destroyed as soon as it is needed, and maybe before.
        spent_pages: report.spent.0.saturating_sub(root.remains.pages()),
        pages_being_freed: root.remains.destruction.pages(),
        heap_growth_pages: runtime::heap::promised_bytes() as u64 / abi::PAGE_BYTES,
        heap_free: runtime::heap::free_bytes() as u64,
        switch_heap_free: root.switchboard.heap_free,
    };
    Ok((granted(&record), None))
}

/// Logs the kernel's error, which the refusal in the protocol does not contain.
pub fn kernel(error: abi::Error) -> Refusal {
    log::error!("the kernel refused a call for a move: {error}");
    Refusal::Kernel
}
