//! The roll call: before its home starts a domain anew, nobody in the fleet may have it. Otherwise a home that was restarted
//! would make a second one of a domain that it had sent away.
//!
//! ```text
//!   home                                     every machine, the home itself too
//!   -- Asks(turn), repeated -->
//!                               <--          Answers(turn): it has one, or has none and says which life of its migration
//!                                            server says so, and how many domains have come to run in that life
//! ```
//!
//! Machines are asked one after the other, and meanwhile the domain may move from one that has not been asked yet to one that has.
//! Hence the home asks in turns, and starts the domain when two turns in a row have the same answers: nobody had it when the first
//! turn was over. For whoever had it then had none before and after, so it has come to run there in between, or the server is another
//! life. (A double collect: Afek et al., "Atomic snapshots of shared memory", 1993.) A copy that never ran there may have come and gone:
//! it came from a machine that had the domain. From then on nobody can have it who does not start it.
//!
//! A machine that is silent, or has one, keeps the home from starting it, and is named to the operator. The home goes on asking.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::identity::{Incarnation, LifeId, MachineId, Turn};
use crate::offer::Name;
use crate::time::Instant;
use crate::timers::Timing;

/// What a machine answers of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Standing {
    /// It has no domain of that name.
    Lacks {
        /// Who says so.
        life: LifeId,
        /// So many domains have come to run there in that life, of whatever name.
        activated: u64,
    },
    /// It has one, on its way in or out or at home there.
    Holds {
        /// Its incarnation.
        incarnation: Incarnation,
        /// Whether it runs there, or may.
        runs: bool,
    },
}

impl Standing {
    fn lacks(self) -> bool {
        matches!(self, Standing::Lacks { .. })
    }
}

/// One domain's.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RollCall {
    name: Name,
    turn: Turn,
    /// When this turn was asked first.
    asked: Option<Instant>,
    rows: Vec<Row>,
    is_over: bool,
    timing: Timing,
    due: Instant,
    interval_us: u64,
}

/// What one machine has answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Row {
    machine: MachineId,
    /// In the turn before.
    before: Option<Standing>,
    /// In this one.
    now: Option<Standing>,
    /// When that came.
    answered: Instant,
}

/// What keeps the home from starting the domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// This machine has not answered, and has hardly had the time.
    Asked(MachineId),
    /// This machine has not answered for long.
    Silent(MachineId),
    /// This machine has one.
    Held {
        /// Which machine.
        by: MachineId,
        /// The domain's incarnation there.
        incarnation: Incarnation,
        /// Whether it runs there, or may.
        runs: bool,
    },
}

impl RollCall {
    /// Asks all these machines, from a turn that was drawn at random on: an answer to an earlier call must not be taken for one to
    /// this.
    pub fn new(
        now: Instant,
        name: Name,
        machines: impl IntoIterator<Item = MachineId>,
        turn: Turn,
        timing: Timing,
    ) -> Self {
        let row = |machine| Row {
            machine,
            before: None,
            now: None,
            answered: now,
        };
        RollCall {
            name,
            turn,
            asked: None,
            rows: machines.into_iter().map(row).collect(),
            is_over: false,
            timing,
            due: now,
            interval_us: timing.repeat_first_us,
        }
    }

    /// The domain's name.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// The turn that is being asked.
    pub fn turn(&self) -> Turn {
        self.turn
    }

    /// A machine has answered. What it says to another turn is not heard.
    pub fn heard(&mut self, now: Instant, from: MachineId, turn: Turn, standing: Standing) {
        if turn != self.turn || self.is_over {
            return;
        }
        if let Some(row) = self.rows.iter_mut().find(|row| row.machine == from) {
            (row.now, row.answered) = (Some(standing), now);
        }
        if self.rows.iter().all(|row| row.now.is_some()) {
            self.end_turn(now);
        }
    }

    fn end_turn(&mut self, now: Instant) {
        let nobody = self
            .rows
            .iter()
            .all(|row| row.now.is_some_and(Standing::lacks));
        self.is_over = nobody && self.rows.iter().all(|row| row.now == row.before);
        for row in &mut self.rows {
            row.before = row.now.take();
        }
        self.turn = self.turn.next();
        self.asked = None;
        if nobody {
            self.interval_us = self.timing.repeat_first_us;
            self.due = now;
        } else {
            // It will be a while until the one who has it has it no more.
            self.interval_us = self.timing.repeat_max_us.max(1);
            self.due = now.after_us(self.interval_us);
        }
    }

    /// Whom to ask now. Asked again at growing intervals.
    pub fn poll_asks(&mut self, now: Instant) -> Vec<MachineId> {
        if now < self.due || self.is_over {
            return Vec::new();
        }
        self.asked.get_or_insert(now);
        self.due = now.after_us(self.interval_us);
        let doubled = self.interval_us.saturating_mul(2);
        // At least a microsecond, so that settings of zero cannot make the caller spin.
        self.interval_us = doubled.min(self.timing.repeat_max_us).max(1);
        // A turn that a silent machine holds up lasts, and what others have answered long ago may be so no more.
        let is_late = self.is_late(now);
        let asked = self.rows.iter().filter(|row| is_late || row.now.is_none());
        asked.map(|row| row.machine).collect()
    }

    /// Whether this turn has been asked for so long that who has not answered is silent.
    fn is_late(&self, now: Instant) -> bool {
        let limit_us = self.timing.silence_limit_us;
        self.asked.is_some_and(|at| now.us_since(at) >= limit_us)
    }

    /// When to call [`RollCall::poll_asks`].
    pub fn poll_timeout(&self) -> Instant {
        self.due
    }

    /// Whether there was a moment, since the call began, at which nobody had the domain.
    pub fn is_over(&self) -> bool {
        self.is_over
    }

    /// What keeps the domain from being started, machine by machine.
    pub fn obstacles(&self, now: Instant) -> impl Iterator<Item = Obstacle> + '_ {
        let (is_late, limit_us) = (self.is_late(now), self.timing.silence_limit_us);
        let rows = self.rows.iter().filter(|_| !self.is_over);
        rows.filter_map(move |row| {
            // Until those who answer at all have had the time, the last whole turn counts: a part of this one and a part of that
            // could both miss a domain that moves. That one has it now is known at once.
            let had = row.before.filter(|_| !is_late);
            let is_fresh = now.us_since(row.answered) < limit_us;
            let has = row.now.filter(|_| !is_late || is_fresh);
            match has.filter(|has| !has.lacks()).or(had).or(has) {
                None if is_late => Some(Obstacle::Silent(row.machine)),
                None => Some(Obstacle::Asked(row.machine)),
                Some(Standing::Holds { incarnation, runs }) => Some(Obstacle::Held {
                    by: row.machine,
                    incarnation,
                    runs,
                }),
                Some(Standing::Lacks { .. }) => None,
            }
        })
    }
}
