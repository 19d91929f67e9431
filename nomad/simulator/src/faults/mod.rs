//! The faults of a simulation, drawn from its seed before it begins.
//!
//! Few of each kind strike in a run, and often none, so that their combined effects can still be distinguished.

mod crash;
mod hellos;
mod local;
mod point;

pub use crash::{PlannedCrash, PowerOff, When};
pub use hellos::{HelloFaults, Renumbering};
pub use local::{LocalFault, LocalStep, RootCall, RootFault, root_error};
pub use point::{Mishap, Point, PointFault};

use crate::network::NetworkConditions;
use crate::random::Random;
use crate::simulation::clock::TRUE_RATE;

/// Faults end at this time, or at the end of the pause if that is later. From then on the world must settle.
pub const FAULTS_END_US: u64 = 4_000_000;
/// Faults that strike once begin within this time: a move takes some tens of milliseconds.
const ONSET_US: u64 = 60_000;
/// The maximum time for which the kernel keeps a domain frozen, a little longer than nomad's own limit.
pub const FREEZE_US: u64 = 1_500_000;
/// The time after which guests are usually known.
const GUESTS_KNOWN_US: u64 = 20_000;
/// A machine performs about this many actions during a move.
const ACTIONS: u64 = 45;

/// The number of machines and domains of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scale {
    /// The number of machines.
    pub machines: usize,
    /// The number of domains. They start on the machines in turn.
    pub domains: usize,
    /// The number of guests: the last ones of the machines. With guests, the first domain came in a package.
    pub guests: usize,
}

/// A planned move of a domain from the machine that runs it then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlannedMove {
    /// The number of the domain.
    pub domain: usize,
    /// The time.
    pub at_us: u64,
}

/// Datagrams from one machine to another are lost for a while; the other way is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OneWayLoss {
    /// The sender.
    pub from: usize,
    /// The receiver.
    pub to: usize,
    /// When it begins.
    pub begin_us: u64,
    /// When it ends.
    pub end_us: u64,
}

/// A machine pauses for a while: nothing happens on it meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pause {
    /// The machine.
    pub machine: usize,
    /// When it begins.
    pub begin_us: u64,
    /// When it ends.
    pub end_us: u64,
    /// Datagrams sent to it meanwhile are lost, not delivered afterwards.
    pub is_lossy: bool,
}

/// A restart of a machine's switch. Meanwhile the machine has no network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SwitchRestart {
    /// The machine.
    pub machine: usize,
    /// When the switch ends.
    pub end_us: u64,
    /// When it begins again.
    pub begin_us: u64,
}

/// A freeze of a running domain by something other than nomad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForeignFreeze {
    /// The number of the domain.
    pub domain: usize,
    /// The time.
    pub at_us: u64,
    /// Its length.
    pub for_us: u64,
}

/// A drain of a machine. Nothing draws one: a test plans it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlannedDrain {
    /// The machine.
    pub machine: usize,
    /// The one machine that its domains move to, or `None` for all others.
    pub to: Option<usize>,
    /// When it begins.
    pub at_us: u64,
}

/// The faults of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults {
    /// The number of machines and domains.
    pub scale: Scale,
    /// The network until the faults end.
    pub network: NetworkConditions,
    /// Crashes.
    pub crashes: Vec<PlannedCrash>,
    /// All wires are cut and healed at these times.
    pub cut_us: Option<(u64, u64)>,
    /// All page streams break at this time.
    pub break_us: Option<u64>,
    /// The operator of this machine cancels its moves at this time.
    pub cancel_us: Option<(usize, u64)>,
    /// The mean interval at which an outsider changes the domains.
    pub interference_us: Option<u64>,
    /// Actions whose result is late, per thousand.
    pub late_permille: u64,
    /// nomad freezes a domain for this long at most: too short for some moves.
    pub freeze_us: u64,
    /// The requested moves.
    pub moves: Vec<PlannedMove>,
    /// The requested drains. They end when the faults end.
    pub drains: Vec<PlannedDrain>,
    /// Whether the last machine's pool is too small for any domain, if none starts there.
    pub small_pool: bool,
    /// Losses in one direction.
    pub one_way: Option<OneWayLoss>,
    /// A pause, longer than every limit of the protocol.
    pub pause: Option<Pause>,
    /// The rate of each machine's clock, in thousandths of the world's.
    pub clock_permille: Vec<u64>,
    /// Steps that fail.
    pub local: Vec<LocalFault>,
    /// A freeze by something other than nomad.
    pub foreign_freeze: Option<ForeignFreeze>,
    /// Calls of root that fail.
    pub root: Vec<RootFault>,
    /// Faults in the middle of steps.
    pub points: Vec<PointFault>,
    /// A machine that is turned off, while an operator decides by force about domains.
    pub power_off: Option<PowerOff>,
    /// Whether an operator enters all commands that force something, although nothing requires that.
    pub has_needless_force: bool,
    /// Restarts of switches.
    pub switches: Vec<SwitchRestart>,
    /// Whether each machine has room for the record of one transaction only.
    pub few_records: bool,
    /// Faults of hellos and addresses.
    pub hellos: HelloFaults,
}

impl Scale {
    /// The default.
    pub const DEFAULT: Scale = Scale {
        machines: 3,
        domains: 2,
        guests: 0,
    };
    /// The smallest scale with a move.
    pub const PAIR: Scale = Scale {
        machines: 2,
        domains: 1,
        guests: 0,
    };
    /// Domains that leave and arrive on both of two machines at once.
    pub const CROWD: Scale = Scale {
        machines: 2,
        domains: 5,
        guests: 0,
    };
    /// Two machines of a fleet and a guest. A domain moves between its home and the guest, and between the machines.
    pub const GUEST: Scale = Scale {
        machines: 3,
        domains: 2,
        guests: 1,
    };
    /// The same with two guests.
    pub const GUESTS: Scale = Scale {
        machines: 4,
        domains: 2,
        guests: 2,
    };
}

impl Faults {
    /// Nothing goes wrong: every domain moves once.
    pub fn none(scale: Scale) -> Self {
        let at_us = 0;
        Faults {
            scale,
            network: NetworkConditions::FAIR,
            crashes: Vec::new(),
            cut_us: None,
            break_us: None,
            cancel_us: None,
            interference_us: None,
            late_permille: 0,
            freeze_us: FREEZE_US,
            moves: (0..scale.domains)
                .map(|domain| PlannedMove { domain, at_us })
                .collect(),
            drains: Vec::new(),
            small_pool: false,
            one_way: None,
            pause: None,
            clock_permille: vec![TRUE_RATE; scale.machines],
            local: Vec::new(),
            foreign_freeze: None,
            root: Vec::new(),
            points: Vec::new(),
            power_off: None,
            has_needless_force: false,
            switches: Vec::new(),
            few_records: false,
            hellos: HelloFaults::default(),
        }
    }

    /// Draws the faults of a seed.
    ///
    /// There are three generators. New kinds of fault are drawn from the last one, so that the seeds that tests name for two
    /// machines keep their runs. As far as possible, other seeds keep theirs too.
    pub fn from_seed(seed: u64, scale: Scale, first: &mut Random) -> Self {
        let mut faults = Faults::draw(first, scale);
        let second = &mut Random::new(!seed);
        faults.draw_freeze(second);
        if scale != Scale::PAIR {
            faults.draw_more(second);
            faults.draw_last(&mut Random::new(seed.rotate_left(32)));
        }
        if scale.guests > 0 {
            faults.await_guests();
        }
        faults
    }

    /// Plans that a machine is turned off, and an operator who decides by force.
    pub fn turn_off(&mut self, power_off: PowerOff) {
        self.crashes.push(power_off.crash());
        self.power_off = Some(power_off);
    }

    /// The end of the faults.
    pub fn end_us(&self) -> u64 {
        let pause = self.pause.map_or(0, |pause| pause.end_us);
        FAULTS_END_US.max(pause)
    }

    /// Whether a machine may be unreachable for almost as long as another one forwards late frames, by the faster clock of the two.
    pub fn outlasts_forwarding(&self) -> bool {
        let is_skewed = self.clock_permille.iter().any(|rate| *rate != TRUE_RATE);
        let is_cut = self.cut_us.is_some() || self.one_way.is_some();
        self.pause.is_some() || is_skewed && is_cut
    }

    /// Delays all moves until guests are usually known.
    fn await_guests(&mut self) {
        for planned in &mut self.moves {
            planned.at_us += GUESTS_KNOWN_US;
        }
    }

    fn draw(random: &mut Random, scale: Scale) -> Self {
        let again = random.below(4);
        let moves = draw_moves(random, 0, again);
        let crash_count = [0, 0, 1, 1, 1, 2, 3][random.below(7) as usize];
        Faults {
            moves,
            network: NetworkConditions::draw(random),
            crashes: (0..crash_count)
                .map(|_| PlannedCrash::draw(random, scale.machines, 1 + again))
                .collect(),
            cut_us: random.permille(250).then(|| {
                let cut_us = random.below(ONSET_US);
                (cut_us, cut_us + random.below(FAULTS_END_US - ONSET_US))
            }),
            break_us: random.permille(100).then(|| random.below(ONSET_US)),
            cancel_us: random.permille(150).then(|| {
                let machine = random.below(scale.machines as u64) as usize;
                (machine, random.below(ONSET_US))
            }),
            interference_us: random.permille(400).then(|| 500 + random.below(20_000)),
            late_permille: random.below(2) * random.below(600),
            small_pool: random.permille(30),
            ..Faults::none(scale)
        }
    }

    fn draw_freeze(&mut self, random: &mut Random) {
        let is_short = random.permille(300);
        let short_us = 200 + random.below(20_000);
        self.freeze_us = if is_short { short_us } else { FREEZE_US };
    }

    fn draw_more(&mut self, random: &mut Random) {
        let Scale {
            machines, domains, ..
        } = self.scale;
        for domain in 1..domains {
            let again = random.below(4);
            self.moves.extend(draw_moves(random, domain, again));
        }
        for crash in &mut self.crashes {
            crash.while_recording(random);
        }
        self.one_way = random
            .permille(200)
            .then(|| OneWayLoss::draw(random, machines));
        self.pause = random.permille(150).then(|| Pause::draw(random, machines));
        if random.permille(400) {
            let rate = |_| TRUE_RATE / 2 + random.below(TRUE_RATE * 3 / 2 + 1);
            self.clock_permille = (0..machines).map(rate).collect();
        }
        let local = [0, 0, 0, 1, 1, 2][random.below(6) as usize];
        self.local = (0..local)
            .map(|_| LocalFault::draw(random, machines))
            .collect();
        self.foreign_freeze = random.permille(100).then(|| ForeignFreeze {
            domain: random.below(domains as u64) as usize,
            at_us: random.below(ONSET_US),
            for_us: random.below(200_000),
        });
        for crash in &mut self.crashes {
            crash.while_writing(random);
        }
        let root = [0, 0, 0, 1, 1, 2][random.below(6) as usize];
        self.root = (0..root)
            .map(|_| RootFault::draw(random, machines))
            .collect();
        self.few_records = random.permille(100);
        self.hellos = HelloFaults::draw(random, machines);
    }

    fn draw_last(&mut self, random: &mut Random) {
        let machines = self.scale.machines;
        let points = [0, 0, 0, 1, 1, 2][random.below(6) as usize];
        self.points = (0..points)
            .map(|_| PointFault::draw(random, machines))
            .collect();
        let switches = [0, 0, 0, 1, 2][random.below(5) as usize];
        self.switches = (0..switches)
            .map(|_| SwitchRestart::draw(random, machines))
            .collect();
        if random.permille(200) {
            self.turn_off(PowerOff::draw(random, machines));
        }
    }
}

/// Draws moves, each away from the machine that then runs the domain.
fn draw_moves(random: &mut Random, domain: usize, again: u64) -> Vec<PlannedMove> {
    (0..=again)
        .map(|nth| PlannedMove {
            domain,
            at_us: nth * (20_000 + random.below(ONSET_US)),
        })
        .collect()
}

impl OneWayLoss {
    fn draw(random: &mut Random, machines: usize) -> Self {
        let from = random.below(machines as u64) as usize;
        let other = 1 + random.below(machines as u64 - 1) as usize;
        let begin_us = random.below(ONSET_US);
        OneWayLoss {
            from,
            to: (from + other) % machines,
            begin_us,
            end_us: begin_us + random.below(FAULTS_END_US - ONSET_US),
        }
    }
}

impl SwitchRestart {
    fn draw(random: &mut Random, machines: usize) -> Self {
        let end_us = random.below(3 * ONSET_US);
        SwitchRestart {
            machine: random.below(machines as u64) as usize,
            end_us,
            begin_us: end_us + 1 + random.below(400_000),
        }
    }
}

impl Pause {
    /// Draws a pause that is longer than every limit even on a machine whose clock runs at half the rate.
    fn draw(random: &mut Random, machines: usize) -> Self {
        let begin_us = random.below(2 * ONSET_US);
        Pause {
            machine: random.below(machines as u64) as usize,
            begin_us,
            end_us: begin_us + 2 * FAULTS_END_US + random.below(2_000_000),
            is_lossy: random.permille(500),
        }
    }
}
