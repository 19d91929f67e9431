//! Requests to `root` about a domain that leaves for another machine.

use abi::Error;
use runtime::Cap;
use runtime::protocol::root::{DomainState, Refusal, done, refused};
use runtime::protocol::{DomainId, Name};
use runtime::server::{Handled, Server};

use super::{Response, kernel, now};
use crate::badge::DomainNumber;
use crate::clock;
use crate::domain::Domain;
use crate::supervisor::Supervisor;

/// The maximum time for which a domain stays frozen after its retirement was undone.
const UNRETIRED_NS: u64 = 1_000_000_000;

/// The exported domain of this name.
fn find_exported(root: &Supervisor, name: Name) -> Result<&Domain, Refusal> {
    let domain = root.domains.by_name(name).ok_or(Refusal::NoSuchDomain)?;
    match domain.state {
        DomainState::Exported => Ok(domain),
        _ => Err(Refusal::WrongState),
    }
}

/// Exports a domain and quiesces its port; the reply is deferred until the switch has done that.
pub fn export(root: &mut Supervisor, server: &mut Server, name: Name, frozen_ns: u64) -> Handled {
    let Some(domain) = root.domains.by_name_mut(name) else {
        return now(&refused(Refusal::NoSuchDomain));
    };
    if !matches!(domain.state, DomainState::Running | DomainState::Exported) {
        return now(&refused(Refusal::WrongState));
    }
    if !domain.movable {
        return now(&refused(Refusal::NotMovable));
    }
    domain.begin_export(clock::now_ns(), frozen_ns);
    let number = domain.number;
    let is_quiet = root.switchboard.quiesce(number);
    // The doorbell rings even without a command: the switch must receive the time of root's check, at which it polls again.
    root.ring();
    if is_quiet {
        return now(&done());
    }
    match server.take_reply() {
        Ok(reply) => {
            root.quiet_waiters.add(number, reply);
            Handled::NoReply
        }
        Err(error) => now(&refused(kernel(error))),
    }
}

/// Ends the export of a domain that stays.
pub fn revert(root: &mut Supervisor, name: Name) -> Response {
    let domain = root.domains.by_name(name).ok_or(Refusal::NoSuchDomain)?;
    end_export(root, domain.number)?;
    Ok((done(), None))
}

/// Forgets an exported domain, which runs on this guest or on a machine of the fleet. Its memory is kept until the migration server no
/// longer wants it, or root needs it.
pub fn release(root: &mut Supervisor, name: Name, id: DomainId, guest: Option<Name>) -> Response {
    let domain = match find_exported(root, name) {
        Ok(domain) if domain.id == id => domain,
        // The request is a repetition whose first reply was lost.
        other => {
            let refusal = other.err().unwrap_or(Refusal::NoSuchDomain);
            let left = root.remains.find(id).ok_or(refusal)?;
            return Ok((done(), Some(left.erase())));
        }
    };
    if !is_retired(domain) {
        return Err(Refusal::WrongState);
    }
    let number = domain.number;
    if let Some(domain) = root.domains.by_number_mut(number) {
        domain.guest = guest.or(domain.guest);
    }
    let pool = root.release(number).map_err(kernel)?;
    log::info!("{name} left");
    Ok((done(), Some(pool.erase())))
}

/// Remembers a guest that has an absent domain, which is at home here.
pub fn remember_guest(root: &mut Supervisor, name: Name, guest: Name) -> Response {
    let domain = root.domains.by_name_mut(name);
    let domain = domain.ok_or(Refusal::NoSuchDomain)?;
    if !domain.is_elsewhere() {
        return Err(Refusal::WrongState);
    }
    domain.guest.get_or_insert(guest);
    Ok((done(), None))
}

/// Whether the kernel has retired the domain, so that it runs here no more. A freeze with a deadline in the past has no effect and
/// shows the state.
fn is_retired(domain: &Domain) -> bool {
    let objects = domain.objects.as_ref();
    objects.is_some_and(|objects| is_retired_by(&objects.domain))
}

fn is_retired_by(domain: &Cap<runtime::capability::Domain>) -> bool {
    domain.freeze(0) == Err(Error::WrongState)
}

/// Lets a retired domain run here again.
pub fn unretire(root: &mut Supervisor, name: Name) -> Response {
    let state = root.domains.by_name(name).map(|domain| domain.state);
    if let Some(DomainState::Running | DomainState::Stopped) = state {
        // The request is a repetition: its first attempt failed to thaw the domain, the kernel has thawed it at its deadline, and a
        // check has ended the export.
        return Ok((done(), None));
    }
    let objects = find_exported(root, name)?.objects.as_ref();
    let domain = &objects.ok_or(Refusal::WrongState)?.domain;
    // It is thawed at once; the deadline applies if the thaw fails.
    match domain.unretire(clock::now_ns().saturating_add(UNRETIRED_NS)) {
        Ok(freeze) => domain.thaw(freeze.token).map_err(kernel)?,
        // The request is a repetition whose first reply was lost, or the kernel has thawed the domain. It stays retired if the kernel
        // refuses to undo that, because pages were taken from it.
        Err(Error::WrongState) if is_retired_by(domain) => return Err(Refusal::WrongState),
        Err(Error::WrongState) => return Ok((done(), None)),
        Err(error) => return Err(kernel(error)),
    }
    log::warn!("{name} is no longer retired, and runs on");
    Ok((done(), None))
}

/// Checks each exported domain whose freeze must have ended by now, and ends the exports of those that run.
pub fn check_due_exports(root: &mut Supervisor) {
    if root.domains.next_check_ns().is_some() {
        check_exports(root, clock::now_ns());
    }
}

/// As [`check_due_exports`], at the time `now_ns`.
pub(in crate::api) fn check_exports(root: &mut Supervisor, now_ns: u64) {
    for number in root.domains.check_exports(now_ns) {
        // Cannot fail: the domain is exported.
        let _ = end_export(root, number);
    }
}

/// The time left until the next check of any domain.
pub fn next_check_in_ns(root: &Supervisor) -> Option<u64> {
    let check_ns = root.domains.next_check_ns()?;
    Some(check_ns.saturating_sub(clock::now_ns()))
}

/// Ends the export of a domain that stays here, and reactivates its port unless it has faulted.
fn end_export(root: &mut Supervisor, number: DomainNumber) -> Result<(), Refusal> {
    let domain = root.domains.by_number_mut(number);
    if domain.ok_or(Refusal::NoSuchDomain)?.end_export()? {
        root.switchboard.activate(number);
    } else {
        // It is no longer leaving, and has faulted.
        root.switchboard.stop(number);
    }
    // Callers must not wait any longer for the port, which may never become quiet.
    let refusal = refused(Refusal::WrongState);
    root.quiet_waiters.reply(number, &refusal);
    root.ring_for_commands();
    Ok(())
}
