//! The judgement once all is quiet: every domain must be accounted for, and nothing may be left over on any machine.
//!
//! A domain is accounted for if it runs where the history has it, if it is in doubt and listed, or if it was lost with a
//! machine that was restarted.
//!
//! Where there are three machines, a copy of an abandoned move may stay in doubt beside that: its source gave the move up,
//! that message was lost, the source moved the domain elsewhere and was restarted. The target cannot learn any more that
//! the move was given up. Such a copy is *stale*: it is listed, and an operator has to drop it.

use std::collections::BTreeMap;

use nomad_protocol::{DomainId, Doubt, Entry, PhaseName, Side, TransactionId};

use crate::domain::Run;
use crate::history::{Committed, DomainHistory};
use crate::machine::machine_number;
use crate::world::World;

/// How it has ended for a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    /// The domain runs on another machine than it started on.
    Moved,
    /// The domain runs where it started.
    Stayed,
    /// The target holds a frozen copy; the source was restarted.
    TargetInDoubt,
    /// The source holds a retired copy; the target was restarted.
    SourceInDoubt,
    /// The domain died with the machine that ran it or held the only copy.
    Lost,
}

/// How it has ended for a domain, and on which machines.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct End {
    /// How.
    pub outcome: Outcome,
    /// The machine that runs it or holds its copy, if one does.
    pub holder: Option<usize>,
    /// Machines that held a copy when they were restarted.
    pub lost_with: Vec<usize>,
    /// Machines that hold a stale copy in doubt beside the holder.
    pub stale: Vec<usize>,
}

/// What is wrong with an end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// A transaction is neither over nor in doubt for a reason that lasts.
    Unsettled(usize, PhaseName, Option<Doubt>),
    /// A transaction is in doubt though nothing forces it to be.
    NeedlessDoubt(usize, Doubt),
    /// A machine holds records, pages or copies that nothing accounts for.
    LeftOver(usize),
    /// The domain runs nowhere though no machine that had it was restarted.
    Vanished(DomainId),
    /// The domain is not where the history has it.
    Misplaced(DomainId),
}

/// A doubt that lasts.
struct Doubted {
    machine: usize,
    transaction: TransactionId,
    domain: DomainId,
    side: Side,
}

/// Judges the end of a world.
pub fn judge(world: &World) -> Result<BTreeMap<DomainId, End>, Wrong> {
    let mut doubts = Vec::new();
    for machine in 0..world.machines.len() {
        let here = doubts_of(world, machine)?;
        check_left_over(world, machine, &here)?;
        doubts.extend(here);
    }
    let histories = world.history.domains.iter();
    histories
        .map(|(id, history)| Ok((*id, judge_domain(world, *id, history, &doubts)?)))
        .collect()
}

/// Checks that a machine holds nothing but domains that run, now that no doubt is left.
pub fn check_empty(world: &World, machine: usize) -> Result<(), Wrong> {
    check_left_over(world, machine, &[])
}

fn judge_domain(
    world: &World,
    id: DomainId,
    history: &DomainHistory,
    doubts: &[Doubted],
) -> Result<End, Wrong> {
    let runs = |machine: &usize| world.is_running(*machine, id);
    let running: Vec<usize> = (0..world.machines.len()).filter(runs).collect();
    let (mut abandoned, doubted): (Vec<&Doubted>, Vec<&Doubted>) = doubts
        .iter()
        .filter(|doubt| doubt.domain == id)
        .partition(|doubt| doubt.is_abandoned(history));
    let (outcome, holder) = match (&running[..], &doubted[..], history.committed) {
        ([machine], [], None) if *machine == history.home => {
            let outcome = match *machine == history.start {
                true => Outcome::Stayed,
                false => Outcome::Moved,
            };
            (outcome, Some(*machine))
        }
        ([], doubts, Some(committed)) => judge_committed(id, history, committed, doubts)?,
        ([], [doubt], None) if history.is_home_lost && doubt.side == Side::Source => {
            (Outcome::SourceInDoubt, Some(doubt.machine))
        }
        // Of several copies that may be the youngest, one is the holder's and the others count as stale.
        ([], [], None) if history.is_home_lost => match abandoned.pop() {
            Some(doubt) => (Outcome::TargetInDoubt, Some(doubt.machine)),
            None => (Outcome::Lost, None),
        },
        ([], ..) => return Err(Wrong::Vanished(id)),
        _ => return Err(Wrong::Misplaced(id)),
    };
    Ok(End {
        outcome,
        holder,
        lost_with: lost_with(history),
        stale: abandoned.iter().map(|doubt| doubt.machine).collect(),
    })
}

/// The domain is retired at home and was not activated: one of the two holds a copy, unless both were restarted.
fn judge_committed(
    id: DomainId,
    history: &DomainHistory,
    committed: Committed,
    doubts: &[&Doubted],
) -> Result<(Outcome, Option<usize>), Wrong> {
    let losses = (history.is_home_lost, committed.is_target_lost);
    match (losses, doubts) {
        ((true, false), [doubt]) if doubt.is(Side::Target, committed.target) => {
            Ok((Outcome::TargetInDoubt, Some(committed.target)))
        }
        ((false, true), [doubt]) if doubt.is(Side::Source, history.home) => {
            Ok((Outcome::SourceInDoubt, Some(history.home)))
        }
        ((true, true), []) => Ok((Outcome::Lost, None)),
        _ => Err(Wrong::Vanished(id)),
    }
}

fn lost_with(history: &DomainHistory) -> Vec<usize> {
    let home = history.is_home_lost.then_some(history.home);
    let committed = history.committed;
    let target = committed.filter(|committed| committed.is_target_lost);
    home.into_iter()
        .chain(target.map(|committed| committed.target))
        .collect()
}

/// The doubts that last on a machine.
fn doubts_of(world: &World, machine: usize) -> Result<Vec<Doubted>, Wrong> {
    let entries = world.machines[machine].nomad.ledger.entries();
    entries
        .map(|entry| judge_doubt(world, machine, &entry))
        .collect()
}

fn judge_doubt(world: &World, machine: usize, entry: &Entry<'_>) -> Result<Doubted, Wrong> {
    let (PhaseName::InDoubt, Some(why)) = (entry.phase, entry.doubt) else {
        return Err(Wrong::Unsettled(machine, entry.phase, entry.doubt));
    };
    let is_forced_by_restart = matches!(
        (entry.side, why),
        (Side::Target, Doubt::SourceRestarted)
            | (
                Side::Source,
                Doubt::TargetRestarted | Doubt::LostAfterActivated
            )
    );
    if !is_forced_by_restart || !world.history.restarted[machine_number(entry.peer)] {
        return Err(Wrong::NeedlessDoubt(machine, why));
    }
    Ok(Doubted {
        machine,
        transaction: entry.transaction,
        domain: entry.offer.domain,
        side: entry.side,
    })
}

/// Everything that a machine holds must be a domain that runs there or the copy of a doubt.
fn check_left_over(world: &World, number: usize, doubts: &[Doubted]) -> Result<(), Wrong> {
    let machine = &world.machines[number];
    let kernel = &machine.kernel;
    let domains = kernel.domains.values();
    let domain_pages = domains.map(|domain| domain.contents.pages.len());
    let incoming_pages = kernel.incoming.values();
    let incoming_pages = incoming_pages.map(|incoming| incoming.pages.len());
    let held_pages = domain_pages.chain(incoming_pages).sum::<usize>() as u64;
    let is_accounted = kernel.free_pages + held_pages == machine.pool_pages();

    let domains = || kernel.domains.values();
    let is_logging = domains().any(|domain| domain.dirty.is_some());
    let standing = domains().filter(|domain| domain.run != Run::Running);
    let copies = standing.count() + kernel.incoming.len();
    let is_held = |doubt: &Doubted| match doubt.side {
        Side::Source => kernel.domains.contains_key(&doubt.domain),
        Side::Target => kernel.incoming.contains_key(&doubt.transaction),
    };
    let are_doubts_all = copies == doubts.len()
        && machine.records.transactions().count() == doubts.len()
        && doubts.iter().all(is_held);
    match is_accounted && !is_logging && are_doubts_all {
        true => Ok(()),
        false => Err(Wrong::LeftOver(number)),
    }
}

impl Doubted {
    fn is(&self, side: Side, machine: usize) -> bool {
        self.side == side && self.machine == machine
    }

    /// Is it a target's doubt about a move that never came to its commit point?
    fn is_abandoned(&self, history: &DomainHistory) -> bool {
        self.side == Side::Target && !history.retired.contains_key(&self.transaction)
    }
}
