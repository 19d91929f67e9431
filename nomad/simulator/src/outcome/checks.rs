//! Checks at quiescence: machines without leftovers, and homes that list their absent domains.

use std::net::Ipv4Addr;

use identity::DomainId;
use nomad_client::event::Location;
use nomad_protocol::{Instant, Side};
use service_protocol::root::DomainState;

use super::{Defect, Doubted};
use crate::domain::RunState;
use crate::hardware::domain_number;
use crate::machine::{Machine, domain_name};
use crate::root::Entry as RootEntry;
use crate::shared::Shared;
use crate::world::{World, domain_id};

/// Everything that a machine holds must be a domain that runs there, a copy in doubt or an outlived copy.
pub(super) fn check_left_over(
    world: &World,
    number: usize,
    doubts: &[Doubted],
) -> Result<(), Defect> {
    let machine = &world.machines[number];
    let hardware = machine.hardware();
    let kernel = &hardware.kernel;
    let entries = || hardware.root.entries.values();
    let held_pages: u64 = entries().filter_map(|entry| entry.pool).sum();
    let kept_pages = hardware.remains.pool_pages();
    let is_accounted = kernel.free_pages + held_pages + kept_pages == machine.pool_pages();
    // A copy that nomad has forgotten would stay until root needs the memory.
    let kept: Vec<_> = machine.shell.returns.kept.copies().collect();
    let are_copies_known = hardware.remains.all().all(|copy| kept.contains(&&copy));

    let domains = || kernel.domains.values();
    let is_logging = domains().any(|domain| domain.dirty.is_some());
    let stopped = domains().filter(|domain| domain.run != RunState::Running);
    // A domain that root lists in another state is a copy that does not run.
    let is_at_rest = |state| {
        matches!(
            state,
            DomainState::Running | DomainState::Waiting | DomainState::Away
        )
    };
    let moving = entries().filter(|entry| !is_at_rest(entry.state));
    // An outlived copy is listed and stopped, and belongs to no transaction until its operator drops it.
    let is_outlived = |entry: &&RootEntry| entry.state == DomainState::Outlived;
    let outlived: Vec<&RootEntry> = entries().filter(is_outlived).collect();
    let is_stopped = |entry: &&RootEntry| !hardware.has_unstopped_outlived(domain_number(entry.id));
    let are_outlived_stopped = outlived.iter().all(is_stopped);
    let copies = [stopped.count(), moving.count()];
    let is_held = |doubt: &Doubted| match doubt.side {
        Side::Source => kernel.domains.contains_key(&doubt.domain),
        Side::Destination => hardware.is_prepared(doubt.domain),
    };
    let are_doubts_all = copies == [doubts.len() + outlived.len(); 2]
        && hardware.record_store.transactions().len() == doubts.len()
        && hardware.record_store.token_count() <= doubts.len()
        && doubts.iter().all(is_held);
    let is_building = !kernel.drafts.is_empty();
    let is_at_rest = is_accounted && are_copies_known && !is_logging && !is_building;
    if is_at_rest && are_doubts_all && are_outlived_stopped {
        Ok(())
    } else {
        Err(Defect::Leftover(number))
    }
}

/// A home must list which machine has each of its absent domains, unless it is about to start the domain.
pub(super) fn check_listed(world: &World, machine: &Machine, now: Instant) -> Result<(), Defect> {
    let listed = machine.shell.homes(now);
    let entries = machine.hardware().root.entries.iter();
    for (number, _) in entries.filter(|(_, entry)| entry.is_elsewhere()) {
        let machines = world.machines.iter();
        let holders = machines.filter(|other| other.hardware().has(*number));
        let holders: Vec<Ipv4Addr> = holders.map(|other| other.address).collect();
        let home = listed
            .iter()
            .find(|home| home.domain == domain_name(*number));
        let is_right = home.is_some_and(|home| match home.location {
            Location::Held { by, .. } => by.is_some_and(|by| holders.contains(&by)),
            Location::Lost => holders.is_empty(),
            Location::Unknown(_) => false,
        });
        if !is_right && !is_to_be_started(world, domain_id(*number)) {
            return Err(Defect::Unlisted(machine.number, domain_id(*number)));
        }
    }
    Ok(())
}

/// Whether no machine has this domain, and its home waits to start it.
pub(super) fn is_to_be_started(world: &World, id: DomainId) -> bool {
    let number = domain_number(id);
    let waits = |machine: &Shared<Machine>| {
        let entry = machine.hardware().root.entries.get(&number);
        entry.is_some_and(|entry| entry.state == DomainState::Waiting)
    };
    let has = |machine: &Shared<Machine>| machine.hardware().has(number);
    world.machines.iter().any(waits) && !world.machines.iter().any(has)
}
