//! The worlds and bounds of the explorations.

use nomad_protocol::Timing;
use nomad_simulator::exploration::{Bounds, Exploration, Reachable};
use nomad_simulator::machine::Mutant;
use nomad_simulator::world::Setup;

/// One move, and no fault.
pub const PLAIN: Bounds = Bounds {
    offers: 1,
    crashes: [0; 3],
    limits: 2,
    cancels: 0,
    breaks: 0,
    steps: 0,
    interferences: 0,
    deadlines: 0,
    failures: 0,
    torn_records: 0,
    replays: 0,
};

/// The number of machines, and the machine that each domain starts on.
#[derive(Clone, Copy)]
pub struct Fleet {
    machines: usize,
    /// The number of guests among them, the last ones. With guests, all domains came in packages.
    guests: usize,
    starts: &'static [usize],
}

/// Two machines and a domain.
pub const PAIR: Fleet = Fleet {
    machines: 2,
    guests: 0,
    starts: &[0],
};
/// Three machines and a domain.
pub const THREE: Fleet = Fleet {
    machines: 3,
    guests: 0,
    starts: &[0],
};
/// Two machines, a guest, and a domain that came in a package.
#[allow(dead_code, reason = "the tests of mutants have no guest")]
pub const GUEST: Fleet = Fleet {
    machines: 3,
    guests: 1,
    starts: &[0],
};
/// Two machines with a domain on each, whose moves can cross.
pub const CROSSING: Fleet = Fleet {
    machines: 2,
    guests: 0,
    starts: &[0, 1],
};

/// Two domains on one machine, which can both move to the same other machine.
pub const TOGETHER: Fleet = Fleet {
    machines: 2,
    guests: 0,
    starts: &[0, 0],
};

/// An exploration of a world that keeps the rules or breaks one, with the ends that must be reachable.
pub fn exploration(
    fleet: Fleet,
    bounds: Bounds,
    reachable: &[Reachable],
    mutant: Mutant,
) -> Exploration {
    // An armed timer may fire at any time. Equal intervals keep the number of states low.
    let timing = Timing {
        repeat_first_us: 1,
        repeat_max_us: 1,
        ..Timing::default()
    };
    let setup = Setup {
        starts: fleet.starts.to_vec(),
        timing,
        // Deadlines pass when the exploration has them pass.
        freeze_us: 1,
        packages: (0..fleet.starts.len())
            .filter(|_| fleet.guests > 0)
            .collect(),
        guests: fleet.guests,
        record_slots: 0,
        mutant,
        ..Setup::of_one_domain(2, vec![2 + 2 * fleet.starts.len() as u64; fleet.machines])
    };
    Exploration {
        setup,
        bounds,
        reachable: reachable.to_vec(),
    }
}
