//! What will happen and when, in order.

use std::collections::BTreeMap;

use nomad_protocol::{Event, Instant, TransactionId};

use crate::faults::{Faults, ForeignFreeze, Pause, PlannedCrash, When};
use crate::network::Datagram;

/// Something that will happen.
#[derive(Clone, Debug)]
pub(super) enum Due {
    Datagram(Datagram),
    Answer {
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
    Arrive(TransactionId),
    TellBroken {
        machine: usize,
        transaction: TransactionId,
    },
    Step,
    Interfere,
    /// The domain of this number is to move.
    Move(usize),
    Cancel(usize),
    Break,
    BreakBetween(usize, usize),
    Cut(bool),
    Crash(PlannedCrash),
    Pause(Pause),
    ForeignFreeze(ForeignFreeze),
    Fair,
}

/// All that will happen. Of what is due at the same moment, what was planned first happens first.
#[derive(Clone, Debug, Default)]
pub(super) struct Agenda {
    entries: BTreeMap<(Instant, u64), Due>,
    sequence: u64,
}

impl Agenda {
    /// The faults that happen at a known time.
    pub(super) fn of(faults: &Faults) -> Self {
        let mut agenda = Agenda::default();
        for planned in &faults.moves {
            agenda.plan(planned.at_us, Due::Move(planned.domain));
        }
        for crash in &faults.crashes {
            if let When::At(at_us) = crash.when {
                agenda.plan(at_us, Due::Crash(*crash));
            }
        }
        if let Some((cut_us, heal_us)) = faults.cut_us {
            agenda.plan(cut_us, Due::Cut(true));
            agenda.plan(heal_us, Due::Cut(false));
        }
        if let Some(at_us) = faults.break_us {
            agenda.plan(at_us, Due::Break);
        }
        if let Some((machine, at_us)) = faults.cancel_us {
            agenda.plan(at_us, Due::Cancel(machine));
        }
        if faults.interference_us.is_some() {
            agenda.plan(0, Due::Interfere);
        }
        if let Some(loss) = faults.one_way {
            agenda.plan(loss.begin_us, Due::BreakBetween(loss.from, loss.to));
        }
        if let Some(pause) = faults.pause {
            agenda.plan(pause.begin_us, Due::Pause(pause));
        }
        if let Some(freeze) = faults.foreign_freeze {
            agenda.plan(freeze.at_us, Due::ForeignFreeze(freeze));
        }
        agenda.plan(0, Due::Step);
        agenda.plan(faults.end_us(), Due::Fair);
        agenda
    }

    pub(super) fn plan(&mut self, at_us: u64, due: Due) {
        self.sequence += 1;
        let at = Instant::from_us(at_us);
        self.entries.insert((at, self.sequence), due);
    }

    pub(super) fn next_at(&self) -> Option<Instant> {
        self.entries.keys().next().map(|(at, _)| *at)
    }

    /// Takes the next entry if it is due at `now`.
    pub(super) fn take(&mut self, now: Instant) -> Option<Due> {
        let entry = self.entries.first_entry()?;
        (entry.key().0 <= now).then(|| entry.remove())
    }

    /// Is nothing planned but what goes on for ever and the end of faults?
    pub(super) fn is_idle(&self) -> bool {
        let is_idle = |due: &Due| {
            matches!(
                due,
                Due::Step | Due::Interfere | Due::Cut(_) | Due::BreakBetween(..) | Due::Fair
            )
        };
        self.entries.values().all(is_idle)
    }

    /// Drops the faults that are yet to come.
    pub(super) fn forget_faults(&mut self) {
        self.entries
            .retain(|_, due| matches!(due, Due::Step | Due::Interfere));
    }

    pub(super) fn is_planned(&self, is_it: impl Fn(&Due) -> bool) -> bool {
        self.entries.values().any(is_it)
    }
}
