//! What goes wrong in a simulation, drawn from its seed before it begins.

use crate::network::Weather;
use crate::random::Random;
use crate::world::Crash;

/// Faults are over after so long: from then on the world must settle.
pub const FAULTS_END_US: u64 = 4_000_000;
/// Faults that happen once begin within so long: a move takes some tens of milliseconds.
const ONSET_US: u64 = 60_000;
/// Some more than nomad's own limit.
pub const FREEZE_US: u64 = 1_500_000;
/// A machine performs about so many actions during a move.
const ACTIONS: u64 = 45;

/// When a machine crashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// At this time.
    At(u64),
    /// After it has performed so many actions.
    AfterActions(u64),
}

/// A crash to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlannedCrash {
    /// Of which machine.
    pub machine: usize,
    /// Of what.
    pub crash: Crash,
    /// When.
    pub when: When,
    /// How long until it is up again.
    pub down_us: u64,
}

/// All that goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults {
    /// The network until [`FAULTS_END_US`].
    pub weather: Weather,
    /// Crashes.
    pub crashes: Vec<PlannedCrash>,
    /// The wire is cut and healed at these times.
    pub cut_us: Option<(u64, u64)>,
    /// A page stream breaks at this time.
    pub break_us: Option<u64>,
    /// The operator of this machine cancels at this time.
    pub cancel_us: Option<(usize, u64)>,
    /// An outsider changes the domain about every so many microseconds.
    pub interference_us: Option<u64>,
    /// The shell answers so many actions in a thousand late.
    pub late_permille: u64,
    /// nomad freezes the domain for this long at most: too short for some moves.
    pub freeze_us: u64,
    /// Moves are asked for at these times.
    pub offers_us: Vec<u64>,
    /// The target's pool is too small.
    pub small_pool: bool,
}

impl Faults {
    /// Nothing goes wrong.
    pub fn none() -> Self {
        Faults {
            weather: Weather::FAIR,
            crashes: Vec::new(),
            cut_us: None,
            break_us: None,
            cancel_us: None,
            interference_us: None,
            late_permille: 0,
            freeze_us: FREEZE_US,
            offers_us: vec![0],
            small_pool: false,
        }
    }

    /// Draws how long the domain is frozen for at most, from a generator of its own: what else a seed draws stays what it was.
    pub fn with_freeze_of(self, random: &mut Random) -> Self {
        let is_short = random.permille(300);
        let short_us = 200 + random.below(20_000);
        let freeze_us = if is_short { short_us } else { FREEZE_US };
        Faults { freeze_us, ..self }
    }

    /// Draws faults: few of each kind, and often none, so that what they do together can still be told apart.
    pub fn draw(random: &mut Random) -> Self {
        // Each is a move away from where the domain then runs: there, back, and there again.
        let again = random.below(4);
        let offers_us = (0..=again)
            .map(|nth| nth * (20_000 + random.below(ONSET_US)))
            .collect();
        let crash_count = [0, 0, 1, 1, 1, 2, 3][random.below(7) as usize];
        Faults {
            weather: Weather::draw(random),
            crashes: (0..crash_count)
                .map(|_| PlannedCrash::draw(random, 1 + again))
                .collect(),
            cut_us: random.permille(250).then(|| {
                let cut_us = random.below(ONSET_US);
                (cut_us, cut_us + random.below(FAULTS_END_US - ONSET_US))
            }),
            break_us: random.permille(100).then(|| random.below(ONSET_US)),
            cancel_us: random
                .permille(150)
                .then(|| (random.below(2) as usize, random.below(ONSET_US))),
            interference_us: random.permille(400).then(|| 500 + random.below(20_000)),
            late_permille: random.below(2) * random.below(600),
            freeze_us: FREEZE_US,
            offers_us,
            small_pool: random.permille(30),
        }
    }
}

impl PlannedCrash {
    fn draw(random: &mut Random, moves: u64) -> Self {
        PlannedCrash {
            machine: random.below(2) as usize,
            crash: if random.permille(500) {
                Crash::Nomad
            } else {
                Crash::Machine
            },
            when: match random.permille(700) {
                true => When::AfterActions(1 + random.below(moves * ACTIONS)),
                false => When::At(random.below(moves * ONSET_US)),
            },
            down_us: random.below(400_000),
        }
    }
}
