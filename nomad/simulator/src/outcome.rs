//! The judgement once all is quiet: the domain must be where the history says, and nothing may be left over.

use nomad_protocol::{Doubt, PhaseName, Side};

use crate::machine::DOMAIN;
use crate::world::World;

/// How it has ended.
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
    Vanished,
    /// The domain is not where the history says.
    Misplaced,
}

/// Judges the end of a world whose domain started on machine `start`.
pub fn judge(world: &World, start: usize) -> Result<Outcome, Wrong> {
    let doubts = [doubt(world, 0)?, doubt(world, 1)?];
    for (machine, doubted) in doubts.iter().enumerate() {
        check_left_over(world, machine, doubted.is_some())?;
    }
    let home = world.history.home;
    let away = 1 - home;
    let sides = [
        doubts[home].map(|(side, _)| side),
        doubts[away].map(|(side, _)| side),
    ];
    let restarted = [world.history.restarted[home], world.history.restarted[away]];
    match (
        world.is_running(home),
        world.is_running(away),
        world.history.committed,
    ) {
        (true, false, None) if sides == [None, None] => Ok(if home == start {
            Outcome::Stayed
        } else {
            Outcome::Moved
        }),
        (false, false, Some(_)) => judge_committed(sides, restarted),
        (false, false, None) if restarted[0] => match sides[1] {
            Some(Side::Target) => Ok(Outcome::TargetInDoubt),
            Some(Side::Source) => Ok(Outcome::SourceInDoubt),
            None => Ok(Outcome::Lost),
        },
        (false, false, None) => Err(Wrong::Vanished),
        _ => Err(Wrong::Misplaced),
    }
}

/// The domain is retired at home and was not activated: somebody holds a copy, unless both were restarted.
fn judge_committed(sides: [Option<Side>; 2], restarted: [bool; 2]) -> Result<Outcome, Wrong> {
    match (sides, restarted) {
        ([None, Some(Side::Target)], [true, _]) => Ok(Outcome::TargetInDoubt),
        ([Some(Side::Source), None], [_, true]) => Ok(Outcome::SourceInDoubt),
        ([None, None], [true, true]) => Ok(Outcome::Lost),
        _ => Err(Wrong::Vanished),
    }
}

/// The doubt that lasts on a machine, if there is one.
fn doubt(world: &World, machine: usize) -> Result<Option<(Side, Doubt)>, Wrong> {
    let mut doubts = world.machines[machine].nomad.ledger.entries().map(|entry| {
        match (entry.phase, entry.doubt) {
            (PhaseName::InDoubt, Some(why)) => Ok((entry.side, why)),
            (phase, doubt) => Err(Wrong::Unsettled(machine, phase, doubt)),
        }
    });
    let Some(first) = doubts.next() else {
        return Ok(None);
    };
    let (side, why) = first?;
    match (side, why) {
        (Side::Target, Doubt::SourceRestarted)
        | (Side::Source, Doubt::TargetRestarted | Doubt::LostAfterActivated)
            if world.history.restarted[1 - machine] => {}
        _ => return Err(Wrong::NeedlessDoubt(machine, why)),
    }
    match doubts.next() {
        None => Ok(Some((side, why))),
        Some(_) => Err(Wrong::NeedlessDoubt(machine, why)),
    }
}

/// Everything that a machine holds must be the domain's own or a doubt's.
pub fn check_left_over(world: &World, number: usize, doubted: bool) -> Result<(), Wrong> {
    let machine = &world.machines[number];
    let kernel = &machine.kernel;
    let domain_pages = kernel
        .domains
        .get(&DOMAIN)
        .map_or(0, |domain| domain.contents.pages.len() as u64);
    let incoming_pages: u64 = kernel
        .incoming
        .values()
        .map(|incoming| incoming.pages.len() as u64)
        .sum();
    let held = usize::from(!kernel.domains.is_empty() && !world.is_running(number))
        + kernel.incoming.len();
    let accounted = kernel.free_pages + domain_pages + incoming_pages == machine.pool_pages();
    let logging = kernel.domains.values().any(|domain| domain.dirty.is_some());
    let expected = usize::from(doubted);
    if accounted && !logging && held == expected && machine.records.len() == expected {
        return Ok(());
    }
    Err(Wrong::LeftOver(number))
}
