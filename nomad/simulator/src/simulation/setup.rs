//! The world of a run, made from its faults: [`world`].

use nomad_protocol::Timing;
use nomad_protocol::planner::{Goals, MoveOptions};

use crate::clocks::Clocks;
use crate::faults::{Faults, Scale};
use crate::machine::{Discovery, Mutant};
use crate::root::Restart;
use crate::world::{Setup, World};

/// The pages of each domain.
pub(super) const PAGES: usize = 64;
/// Pages of each pool beyond those of all domains.
const SPARE_PAGES: usize = 32;
const COPY_PAGES: usize = 8;
/// Slots for records: more than any run needs.
const RECORDS: usize = 16;
/// Slots for the record of one transaction: the second is for replacing it.
const FEW_RECORDS: usize = 2;

const TIMING: Timing = Timing {
    repeat_first_us: 5_000,
    repeat_max_us: 100_000,
    admit_limit_us: 2_000_000,
    round_limit_us: 3_000_000,
    freeze_limit_us: 1_000_000,
    receive_limit_us: 4_000_000,
    silence_limit_us: 500_000,
    release_limit_us: 1_000_000,
};

fn setup(faults: &Faults, mutant: Mutant) -> Setup {
    let Scale {
        machines,
        domains,
        guests,
    } = faults.scale;
    let mut pool_pages = vec![(domains * PAGES + SPARE_PAGES) as u64; machines];
    let starts: Vec<usize> = (0..domains).map(|domain| domain % machines).collect();
    // The small pool is never a home's: root could not start the home's own domains in it.
    if faults.small_pool && !starts.contains(&(machines - 1)) {
        pool_pages[machines - 1] = PAGES as u64 - 1;
    }
    Setup {
        pages: PAGES,
        pool_pages,
        starts,
        goals: Goals {
            downtime_us: 300,
            rounds_max: 8,
            ..Goals::default().with_freeze_limit(TIMING.freeze_limit_us)
        },
        options: MoveOptions::default(),
        timing: TIMING,
        freeze_us: faults.freeze_us,
        homes: (0..domains)
            .map(|domain| (domain, restart(domain)))
            .collect(),
        // With guests, the first domain may be on them.
        packages: (0..guests.min(1)).collect(),
        guests,
        copy_pages: COPY_PAGES,
        record_slots: if faults.few_records {
            FEW_RECORDS
        } else {
            RECORDS
        },
        discovery: match faults.hellos.has_no_addresses {
            true => Discovery::Hellos,
            false => Discovery::ManifestAndHellos,
        },
        mutant,
    }
}

/// The restart of a lost domain: the first is started by its home, the others by an operator.
fn restart(domain: usize) -> Restart {
    match domain {
        0 => Restart::Always,
        _ => Restart::Never,
    }
}

/// A world with the faults of its machines.
pub(super) fn world(faults: &Faults, mutant: Mutant) -> World {
    let mut world = World::new(&setup(faults, mutant));
    let mut clocks = Clocks::new(faults.scale.machines);
    clocks.latency_us = faults.network.latency_max_us();
    clocks.rates.clone_from(&faults.clock_permille);
    world.clocks = Some(clocks);
    for machine in &mut world.machines {
        let number = machine.number;
        let hardware = machine.hardware_mut();
        let local = faults.local.iter();
        hardware.local = local
            .filter(|fault| fault.machine == number)
            .copied()
            .collect();
        let points = faults.points.iter();
        hardware.points = points
            .filter(|fault| fault.machine == number)
            .copied()
            .collect();
        let root = faults.root.iter();
        hardware.root_faults = root
            .filter(|fault| fault.machine == number)
            .copied()
            .collect();
    }
    world
}
