//! Requests to `root` about a domain that leaves for another machine.

use abi::Error;
use runtime::protocol::Name;
use runtime::protocol::root::{DomainState, Refusal, done, refused};
use runtime::server::{Answer, Server};

use super::{Response, kernel, now, remove_domain};
use crate::clock;
use crate::supervisor::Supervisor;

/// The maximum freeze of a domain whose retirement was undone.
const UNRETIRED_NS: u64 = 1_000_000_000;

/// The exported domain of this name.
fn find_exported(root: &Supervisor, name: Name) -> Result<usize, Refusal> {
    let index = root.by_name(name).ok_or(Refusal::NoSuchDomain)?;
    match root.domains[index].state {
        DomainState::Exported => Ok(index),
        _ => Err(Refusal::WrongState),
    }
}

/// Exports a domain and quiesces its port; the answer is deferred until the switch has done that.
pub fn export(root: &mut Supervisor, server: &mut Server, name: Name, frozen_ns: u64) -> Answer {
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
    // Even without a command: the switch is to poll again at the time of root's check.
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

/// Ends the export of a domain that stays.
pub fn revert(root: &mut Supervisor, name: Name) -> Response {
    let index = root.by_name(name).ok_or(Refusal::NoSuchDomain)?;
    root.end_export(index)?;
    Ok((done(), None))
}

/// Removes an exported domain, which runs on another machine.
pub fn release(root: &mut Supervisor, name: Name) -> Response {
    let index = find_exported(root, name)?;
    remove_domain(root, index);
    Ok((done(), None))
}

/// Lets a retired domain run here again.
pub fn unretire(root: &mut Supervisor, name: Name) -> Response {
    let index = find_exported(root, name)?;
    let objects = root.domains[index].objects.as_ref();
    let domain = &objects.ok_or(Refusal::WrongState)?.domain;
    // Thawed at once; the kernel's deadline is the fallback.
    match domain.unretire(clock::now_ns().saturating_add(UNRETIRED_NS)) {
        Ok(freeze) => domain.thaw(freeze.token).map_err(kernel)?,
        // A repeated request whose first answer was lost, or the kernel has thawed it.
        Err(Error::WrongState) => return Ok((done(), None)),
        Err(error) => return Err(kernel(error)),
    }
    log::warn!("{name} is no longer retired, at an operator's request");
    Ok((done(), None))
}
