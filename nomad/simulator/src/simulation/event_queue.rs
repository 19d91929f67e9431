//! The queue of scheduled events, in order of time.

use std::collections::BTreeMap;

use nomad_protocol::{Event, Instant, TransactionId};

use super::frames::LateDatagram;
use super::hellos::Greeting;
use crate::faults::{
    Faults, ForeignFreeze, Pause, PlannedCrash, PlannedDrain, Renumbering, SwitchRestart, When,
};
use crate::network::Datagram;

/// The time after which a machine that was turned off counts as silent everywhere.
const SILENCE_US: u64 = 600_000;

/// The time after which all machines reply to queries. Two machines that have known each other for less than a second do not
/// reply to each other, and count as silent.
pub const SETTLED_US: u64 = 2_000_000;

/// A scheduled event.
#[derive(Clone, Debug)]
pub(super) enum Scheduled {
    Datagram(Datagram),
    Event {
        machine: usize,
        life: u32,
        transaction: TransactionId,
        event: Event,
    },
    Copy {
        machine: usize,
        life: u32,
        transaction: TransactionId,
    },
    GiveBack {
        machine: usize,
        life: u32,
        transaction: TransactionId,
    },
    NotifyBroken {
        machine: usize,
        transaction: TransactionId,
    },
    Greeting(Greeting),
    Late(LateDatagram),
    Renumber(Renumbering),
    Step,
    Interfere,
    /// The domain of this number is to move.
    Move(usize),
    Drain(PlannedDrain),
    Cancel(usize),
    Break,
    Cut(bool),
    Crash(PlannedCrash),
    Pause(Pause),
    SwitchEnds(SwitchRestart),
    SwitchBegins(usize),
    ForeignFreeze(ForeignFreeze),
    /// An operator decides by force.
    Decide,
    EndFaults,
}

/// The scheduled events. Events due at the same time happen in the order in which they were scheduled.
#[derive(Clone, Debug, Default)]
pub(super) struct EventQueue {
    entries: BTreeMap<(Instant, u64), Scheduled>,
    sequence: u64,
}

impl EventQueue {
    /// A queue of everything that is known at the beginning: planned moves, timed faults, the first step, the end of the faults.
    pub(super) fn new(faults: &Faults) -> Self {
        let mut queue = EventQueue::default();
        for planned in &faults.moves {
            queue.schedule(planned.at_us, Scheduled::Move(planned.domain));
        }
        for drain in &faults.drains {
            queue.schedule(drain.at_us, Scheduled::Drain(*drain));
        }
        for crash in &faults.crashes {
            if let When::At(at_us) = crash.when {
                queue.schedule(at_us, Scheduled::Crash(*crash));
            }
        }
        if let Some((cut_us, heal_us)) = faults.cut_us {
            queue.schedule(cut_us, Scheduled::Cut(true));
            queue.schedule(heal_us, Scheduled::Cut(false));
        }
        if let Some(at_us) = faults.break_us {
            queue.schedule(at_us, Scheduled::Break);
        }
        if let Some((machine, at_us)) = faults.cancel_us {
            queue.schedule(at_us, Scheduled::Cancel(machine));
        }
        if faults.interference_us.is_some() {
            queue.schedule(0, Scheduled::Interfere);
        }
        if let Some(pause) = faults.pause {
            queue.schedule(pause.begin_us, Scheduled::Pause(pause));
        }
        if let Some(freeze) = faults.foreign_freeze {
            queue.schedule(freeze.at_us, Scheduled::ForeignFreeze(freeze));
        }
        if let Some(off) = faults.power_off {
            queue.schedule(off.at_us + SILENCE_US, Scheduled::Decide);
        } else if faults.has_needless_force {
            queue.schedule(SETTLED_US, Scheduled::Decide);
        }
        for restart in &faults.switches {
            queue.schedule(restart.end_us, Scheduled::SwitchEnds(*restart));
        }
        for renumbering in &faults.hellos.renumberings {
            queue.schedule(renumbering.at_us, Scheduled::Renumber(*renumbering));
        }
        queue.schedule(0, Scheduled::Step);
        queue.schedule(faults.end_us(), Scheduled::EndFaults);
        queue
    }

    pub(super) fn schedule(&mut self, at_us: u64, due: Scheduled) {
        self.sequence += 1;
        let at = Instant::from_us(at_us);
        self.entries.insert((at, self.sequence), due);
    }

    pub(super) fn next_at(&self) -> Option<Instant> {
        self.entries.keys().next().map(|(at, _)| *at)
    }

    /// Takes the next entry if it is due at `now`.
    pub(super) fn take(&mut self, now: Instant) -> Option<Scheduled> {
        let entry = self.entries.first_entry()?;
        (entry.key().0 <= now).then(|| entry.remove())
    }

    /// Whether only recurring events, cuts and the end of the faults are scheduled.
    pub(super) fn is_idle(&self) -> bool {
        let is_idle = |due: &Scheduled| {
            matches!(
                due,
                Scheduled::Step
                    | Scheduled::Greeting(_)
                    | Scheduled::Late(_)
                    | Scheduled::Interfere
                    | Scheduled::Cut(_)
                    | Scheduled::EndFaults
            )
        };
        self.entries.values().all(is_idle)
    }

    /// Drops all entries but the recurring ones.
    pub(super) fn forget_faults(&mut self) {
        self.entries
            .retain(|_, due| matches!(due, Scheduled::Step | Scheduled::Interfere));
    }

    pub(super) fn is_scheduled(&self, is_it: impl Fn(&Scheduled) -> bool) -> bool {
        self.entries.values().any(is_it)
    }
}
