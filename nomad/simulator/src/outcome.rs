//! The judgement at quiescence: every domain must be accounted for, and nothing may be left over on any machine.
//!
//! A domain is accounted for if it runs on the machine that the history names, if it is in doubt and listed, or if it
//! was lost with a machine that was restarted. It is in doubt while a machine does not know the outcome of its move.
//!
//! With three machines, a copy of an abandoned move may also stay in doubt. This happens if the source gives the move
//! up, its message about that is lost, and the source moves the domain elsewhere and is restarted. The destination can
//! then no longer learn that the move was given up. Such a copy is *stale*: it is listed, and an operator has to drop
//! it.

mod checks;

use std::collections::BTreeMap;

use identity::DomainId;
use nomad_protocol::{Doubt, Entry, Instant, PhaseName, Side, TransactionId};

use crate::hardware::domain_number;
use crate::history::{Committed, DomainHistory};
use crate::machine::machine_number;
use crate::world::World;

use checks::{check_left_over, check_listed, is_to_be_started};

/// The outcome for a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    /// The domain runs on another machine than it started on.
    Moved,
    /// The domain runs where it started.
    Stayed,
    /// The destination holds a frozen copy; the source was restarted.
    DestinationInDoubt,
    /// The source holds a retired copy; the destination was restarted.
    SourceInDoubt,
    /// The domain died with the machine that ran it or held the only copy. If it is at home somewhere, it is listed there.
    Lost,
    /// The domain was lost, and its home has started a new one.
    StartedAnew,
}

/// The outcome for a domain, and the machines involved.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct End {
    /// The outcome.
    pub outcome: Outcome,
    /// The machine that runs it or holds its copy, if one does.
    pub holder: Option<usize>,
    /// Machines that held a copy when they were restarted.
    pub lost_with: Vec<usize>,
    /// Machines that hold a stale copy in doubt beside the holder.
    pub stale: Vec<usize>,
}

/// A defect at the end of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Defect {
    /// A transaction is neither over nor in doubt for a reason that lasts.
    Unsettled(usize, PhaseName, Option<Doubt>),
    /// A transaction is in doubt although nothing forces it to be.
    NeedlessDoubt(usize, Doubt),
    /// A machine holds records, pages or copies that nothing accounts for.
    Leftover(usize),
    /// The domain runs nowhere although no machine that had it was restarted.
    Vanished(DomainId),
    /// The domain is not on the machine that the history names.
    Misplaced(DomainId),
    /// A home lists neither the machine that has its domain nor that the domain is lost.
    Unlisted(usize, DomainId),
    /// The domain is lost, and its home has not started it as it should.
    NotStarted(DomainId),
}

/// A move that stays in doubt.
struct Doubted {
    machine: usize,
    transaction: TransactionId,
    domain: DomainId,
    side: Side,
}

/// Judges the end of a world. `now` is the time on each machine's clock.
///
/// # Errors
/// The first defect.
pub fn judge(
    world: &World,
    now: impl Fn(usize) -> Instant,
) -> Result<BTreeMap<DomainId, End>, Defect> {
    let mut doubts = Vec::new();
    for machine in 0..world.machines.len() {
        let here = doubts_of(world, machine)?;
        check_left_over(world, machine, &here)?;
        doubts.extend(here);
    }
    for machine in &world.machines {
        check_listed(world, machine, now(machine.number))?;
    }
    let histories = world.history.domains.iter();
    histories
        .map(|(id, history)| Ok((*id, judge_domain(world, *id, history, &doubts)?)))
        .collect()
}

/// Checks, when no move is in doubt, that no machine holds anything but domains that run, and that every home has listed or
/// started its domains.
///
/// # Errors
/// The first defect.
pub fn check_quiet(world: &World, now: impl Fn(usize) -> Instant) -> Result<(), Defect> {
    for machine in &world.machines {
        check_left_over(world, machine.number, &[])?;
        check_listed(world, machine, now(machine.number))?;
    }
    match world.domains().find(|id| is_to_be_started(world, *id)) {
        Some(id) => Err(Defect::NotStarted(id)),
        None => Ok(()),
    }
}

fn judge_domain(
    world: &World,
    id: DomainId,
    history: &DomainHistory,
    doubts: &[Doubted],
) -> Result<End, Defect> {
    let runs = |machine: &usize| world.is_running(*machine, id);
    let running: Vec<usize> = (0..world.machines.len()).filter(runs).collect();
    let (mut abandoned, doubted): (Vec<&Doubted>, Vec<&Doubted>) = doubts
        .iter()
        .filter(|doubt| domain_number(doubt.domain) == domain_number(id))
        .partition(|doubt| doubt.is_abandoned(history));
    let (outcome, holder) = match (&running[..], &doubted[..], history.committed) {
        ([machine], [], None) if *machine == history.home => {
            (where_it_runs(history, *machine), Some(*machine))
        }
        ([], doubts, Some(committed)) => judge_committed(id, history, committed, doubts)?,
        ([], [doubt], None) if history.is_home_lost && doubt.side == Side::Source => {
            (Outcome::SourceInDoubt, Some(doubt.machine))
        }
        // If several copies may be the youngest, one is the holder's and the others count as stale.
        ([], [], None) if history.is_home_lost => match abandoned.pop() {
            Some(doubt) => (Outcome::DestinationInDoubt, Some(doubt.machine)),
            None => (Outcome::Lost, None),
        },
        ([], ..) => return Err(Defect::Vanished(id)),
        _ => return Err(Defect::Misplaced(id)),
    };
    if outcome == Outcome::Lost && is_to_be_started(world, id) {
        return Err(Defect::NotStarted(id));
    }
    Ok(End {
        outcome,
        holder,
        lost_with: lost_with(history),
        stale: abandoned.iter().map(|doubt| doubt.machine).collect(),
    })
}

/// The outcome of a domain that runs on its home and is not in doubt.
fn where_it_runs(history: &DomainHistory, machine: usize) -> Outcome {
    if machine != history.start {
        Outcome::Moved
    } else if history.is_anew {
        Outcome::StartedAnew
    } else {
        Outcome::Stayed
    }
}

/// Judges a domain that its home has retired and that was not activated: home or destination holds a copy, unless the home
/// was restarted, and the destination was restarted too or has declined the domain.
fn judge_committed(
    id: DomainId,
    history: &DomainHistory,
    committed: Committed,
    doubts: &[&Doubted],
) -> Result<(Outcome, Option<usize>), Defect> {
    let losses = (history.is_home_lost, history.is_destination_out(committed));
    match (losses, doubts) {
        ((true, false), [doubt]) if doubt.is(Side::Destination, committed.destination) => {
            Ok((Outcome::DestinationInDoubt, Some(committed.destination)))
        }
        ((false, true), [doubt]) if doubt.is(Side::Source, history.home) => {
            Ok((Outcome::SourceInDoubt, Some(history.home)))
        }
        ((true, true), []) => Ok((Outcome::Lost, None)),
        _ => Err(Defect::Vanished(id)),
    }
}

fn lost_with(history: &DomainHistory) -> Vec<usize> {
    let home = history.is_home_lost.then_some(history.home);
    let committed = history.committed;
    let destination = committed.filter(|committed| committed.is_destination_lost);
    home.into_iter()
        .chain(destination.map(|committed| committed.destination))
        .collect()
}

/// The moves that stay in doubt on a machine.
fn doubts_of(world: &World, machine: usize) -> Result<Vec<Doubted>, Defect> {
    let entries = world.machines[machine].shell.moves.ledger.entries();
    entries
        .map(|entry| judge_doubt(world, machine, &entry))
        .collect()
}

fn judge_doubt(world: &World, machine: usize, entry: &Entry<'_>) -> Result<Doubted, Defect> {
    let (PhaseName::InDoubt, Some(why)) = (entry.phase, entry.doubt) else {
        return Err(Defect::Unsettled(machine, entry.phase, entry.doubt));
    };
    let is_forced_by_restart = matches!(
        (entry.side, why),
        (Side::Destination, Doubt::SourceRestarted)
            | (
                Side::Source,
                Doubt::DestinationRestarted | Doubt::LostAfterActivated
            )
    );
    if !is_forced_by_restart || !world.history.restarted[machine_number(entry.peer)] {
        return Err(Defect::NeedlessDoubt(machine, why));
    }
    Ok(Doubted {
        machine,
        transaction: entry.transaction,
        domain: entry.offer.domain,
        side: entry.side,
    })
}

impl Doubted {
    fn is(&self, side: Side, machine: usize) -> bool {
        self.side == side && self.machine == machine
    }

    /// Whether a destination is in doubt about a move that never reached its commit point.
    fn is_abandoned(&self, history: &DomainHistory) -> bool {
        self.side == Side::Destination && !history.retired.contains_key(&self.transaction)
    }
}
