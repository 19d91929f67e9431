//! Requests of operators about the life of a domain that is at home here: start, stop, remove.

use manifest::check::check;
use runtime::protocol::Name;
use runtime::protocol::root::{DomainState, Refusal, done};

use super::Response;
use crate::badge::DomainNumber;
use crate::domain::Domain;
use crate::provision::ports;
use crate::restart::absent_state;
use crate::supervisor::Supervisor;

/// Starts a domain that is at home here but absent. A failure restores its previous state.
pub fn start(root: &mut Supervisor, name: Name) -> Response {
    let domain = root.domains.by_name(name).ok_or(Refusal::NoSuchDomain)?;
    let Domain {
        number,
        state,
        id,
        incarnation,
        ..
    } = *domain;
    if !domain.is_elsewhere() {
        return Err(Refusal::AlreadyHere);
    }
    root.start(number).inspect_err(|_| {
        // The port's address would keep the domain from arriving from another machine.
        if let Some(ring) = root.switchboard.remove(number) {
            ports::destroy_ring(ring);
        }
        root.ring_for_commands();
        if let Some(domain) = root.domains.by_number_mut(number) {
            (domain.state, domain.id, domain.incarnation) = (state, id, incarnation);
        }
    })?;
    // No guest has it, or an operator has decided so.
    if let Some(domain) = root.domains.by_number_mut(number) {
        domain.guest = None;
    }
    Ok((done(), None))
}

/// Ends a domain. If it may be on another machine, it is listed as absent, so that a roll call precedes its next start. A running
/// domain is restarted without a roll call, since the copy that ends is the only one.
pub fn stop(root: &mut Supervisor, name: Name, restart: bool) -> Response {
    let domain = root.domains.by_name(name).ok_or(Refusal::NoSuchDomain)?;
    let (number, runs) = (domain.number, domain.state == DomainState::Running);
    check_may_stop(domain, restart)?;
    let is_at_home = domain.definition.is_some();
    if restart && !is_at_home {
        return Err(Refusal::NotHome);
    }
    log::info!("{name} is stopped at an operator's request");
    let needs_roll_call = domain.may_be_elsewhere() && !(restart && runs);
    if !is_at_home || needs_roll_call {
        end_absent(root, name, number, restart);
        return Ok((done(), None));
    }
    root.end(number);
    if restart {
        root.start(number)?;
    }
    Ok((done(), None))
}

/// Checks that a domain may be stopped. An absent domain can be stopped, which prevents its start. It cannot be
/// restarted.
fn check_may_stop(domain: &Domain, restart: bool) -> Result<(), Refusal> {
    match domain.state {
        _ if domain.is_part_of_machine() => Err(Refusal::PartOfMachine),
        DomainState::Running | DomainState::Stopped => Ok(()),
        DomainState::Waiting | DomainState::Away if !restart => Ok(()),
        _ => Err(Refusal::WrongState),
    }
}

/// Ends a domain, and lists it as absent if it is at home here.
fn end_absent(root: &mut Supervisor, name: Name, number: DomainNumber, restart: bool) {
    root.remove(number);
    if let Some(absent) = root.domains.by_name_mut(name) {
        absent.state = absent_state(restart);
    }
}

/// Forgets a domain that came in a package, and the package.
pub fn remove(root: &mut Supervisor, name: Name) -> Response {
    let domain = root.domains.by_name(name).ok_or(Refusal::NoSuchDomain)?;
    let definition = domain.definition.as_ref().ok_or(Refusal::NotHome)?;
    if !definition.is_received() {
        return Err(Refusal::OfArchive);
    }
    if domain.state != DomainState::Stopped && !domain.is_elsewhere() {
        return Err(Refusal::WrongState);
    }
    let number = domain.number;
    let mut others = root.manifest.clone();
    others.domains.retain(|other| other.name != name);
    check(&others).map_err(|_| Refusal::InUse)?;
    root.forget(number);
    log::info!("{name} is removed at an operator's request");
    Ok((done(), None))
}
