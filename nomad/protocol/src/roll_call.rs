//! The roll call: a domain's home starts it only when no machine of the fleet has it. Otherwise a restarted home would
//! make a second instance of a domain that it had sent away.
//!
//! ```text
//!   home                                     every machine, the home included
//!   -- Query(turn), repeated -->
//!                               <--          QueryReply(turn): present; or absent, with the life of the migration server
//!                                            (a number drawn when the server starts), and the number of domains that
//!                                            were activated in that life
//! ```
//!
//! Machines reply at different times, and meanwhile the domain may move from a machine that has not replied yet to one that
//! has. So the home queries in turns. It starts the domain after two successive turns in which every machine reported absence,
//! with the same life and the same number of activations both times. Then no machine had the domain when the first turn ended.
//! Suppose a machine had it at that moment, but at neither of its two replies. Then that machine activated the domain in
//! between, or its migration server was restarted, and its second reply differs from its first. (A double collect: Afek et al.,
//! "Atomic snapshots of shared memory", 1993.) A copy that arrived and was discarded between a machine's replies, without ever
//! running, leaves no trace in them. But while that copy existed, its source had the domain too, and the same argument applies
//! to the source. Once no machine has the domain, only the home can bring it back.
//!
//! A machine that is silent or has the domain blocks the start and is named to the operator. The home continues to query.
//!
//! A home that has just started does not know yet which guests it has to query. So no turn ends the call before the
//! time from which on the list of machines to query is complete: see [`RollCall::set_complete_from`].
//!
//! All this assumes that each name belongs to one machine. While two machines may have the same name, the caller
//! neither counts a reply of absence from either of them nor replies to their queries, and [`RollCall::forget_replies`]
//! voids the earlier replies.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use identity::{Incarnation, Name};
use serde::{Deserialize, Serialize};

use crate::ids::{LifeId, MachineId, Turn};
use crate::time::Instant;
use crate::timers::Timing;

/// Whether a machine has a domain of some name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Presence {
    /// It has none.
    Absent {
        /// The life of its migration server: a number drawn when the server started.
        life: LifeId,
        /// The number of domains, of any name, that were activated there in that life.
        activated: u64,
    },
    /// It has one: running, arriving or leaving.
    Present {
        /// The incarnation of the machine's copy.
        incarnation: Incarnation,
        /// Whether it runs or may run there.
        runs: bool,
    },
}

impl Presence {
    fn is_absent(self) -> bool {
        matches!(self, Presence::Absent { .. })
    }
}

/// The roll call of one domain.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RollCall {
    name: Name,
    turn: Turn,
    /// When the first query of this turn was sent.
    queried: Option<Instant>,
    rows: Vec<Row>,
    is_over: bool,
    /// From when on all machines that have to be queried are known; `None` while that is not known.
    complete_from: Option<Instant>,
    timing: Timing,
    due: Instant,
    interval_us: u64,
}

/// The replies of one machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Row {
    machine: MachineId,
    /// The reply in the turn before.
    before: Option<Presence>,
    /// The reply in this turn.
    now: Option<Presence>,
    /// When it was first queried in this turn.
    queried: Option<Instant>,
    /// When the last reply arrived.
    replied: Instant,
}

impl Row {
    fn new(machine: MachineId, now: Instant) -> Row {
        Row {
            machine,
            before: None,
            now: None,
            queried: None,
            replied: now,
        }
    }
}

/// An obstacle to starting the domain at home.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// This machine has not replied yet.
    Pending(MachineId),
    /// This machine has not replied for too long.
    Silent(MachineId),
    /// This machine has a domain of that name.
    Held {
        /// The machine.
        by: MachineId,
        /// The domain's incarnation there.
        incarnation: Incarnation,
        /// Whether it runs or may run there.
        runs: bool,
    },
}

impl RollCall {
    /// Begins a roll call of these machines. The first turn is drawn at random, so that replies to an earlier call are
    /// not mistaken for replies to this one.
    pub fn new(
        now: Instant,
        name: Name,
        machines: impl IntoIterator<Item = MachineId>,
        turn: Turn,
        timing: Timing,
    ) -> Self {
        let row = |machine| Row::new(machine, now);
        RollCall {
            name,
            turn,
            queried: None,
            rows: machines.into_iter().map(row).collect(),
            is_over: false,
            complete_from: Some(Instant::from_us(0)),
            timing,
            due: now,
            interval_us: timing.repeat_first_us,
        }
    }

    /// The domain's name.
    pub fn name(&self) -> Name {
        self.name
    }

    /// The current turn.
    pub fn turn(&self) -> Turn {
        self.turn
    }

    /// Handles a machine's reply. Replies to other turns are ignored.
    pub fn handle_reply(&mut self, now: Instant, from: MachineId, turn: Turn, presence: Presence) {
        if turn != self.turn || self.is_over {
            return;
        }
        if let Some(row) = self.rows.iter_mut().find(|row| row.machine == from) {
            (row.now, row.replied) = (Some(presence), now);
        }
        self.end_turn_if_complete(now);
    }

    /// Forgets the replies of a machine: another one with its name may have sent them. Two turns have to follow.
    pub fn forget_replies(&mut self, of: MachineId) {
        if let Some(row) = self.rows.iter_mut().find(|row| row.machine == of) {
            (row.before, row.now) = (None, None);
            self.is_over = false;
        }
    }

    /// Sets the machines to query. The call ends only after two turns that include every new machine, and two turns
    /// without a machine that is removed: until it was removed, that machine may have had the domain, and may have sent
    /// it to a machine that had already replied. The caller removes only machines on which the domain cannot be, or
    /// whose absence it does not rely on.
    pub fn set_machines(&mut self, now: Instant, machines: &BTreeSet<MachineId>) {
        let is_known = |machine| self.rows.iter().any(|row| row.machine == machine);
        let unknown = machines.iter().filter(|machine| !is_known(**machine));
        let new: Vec<Row> = unknown.map(|machine| Row::new(*machine, now)).collect();
        let is_removed = |row: &Row| !machines.contains(&row.machine);
        if new.is_empty() && !self.rows.iter().any(is_removed) {
            return;
        }
        if self.rows.iter().any(is_removed) {
            self.rows.retain(|row| !is_removed(row));
            self.rows.iter_mut().for_each(|row| row.before = None);
        }
        if !new.is_empty() {
            self.is_over = false;
            self.due = now;
            self.interval_us = self.timing.repeat_first_us;
            self.rows.extend(new);
        }
        self.end_turn_if_complete(now);
    }

    /// Sets the time from which on all machines that have to be queried are known and queried; `None` while that time
    /// is not known. No turn that ends before this time ends the call. Unless this is called, the machines count as
    /// complete from the beginning.
    pub fn set_complete_from(&mut self, now: Instant, complete_from: Option<Instant>) {
        if self.complete_from == complete_from {
            return;
        }
        self.complete_from = complete_from;
        self.is_over &= self.is_complete(now);
        if let Some(at) = complete_from {
            self.due = self.due.min(at.max(now));
        }
    }

    /// From when on the list of machines to query is complete; `None` while that is not known.
    pub fn complete_from(&self) -> Option<Instant> {
        self.complete_from
    }

    fn is_complete(&self, now: Instant) -> bool {
        self.complete_from.is_some_and(|at| at <= now)
    }

    /// Whether a machine is queried.
    pub fn queries(&self, machine: MachineId) -> bool {
        self.rows.iter().any(|row| row.machine == machine)
    }

    fn end_turn_if_complete(&mut self, now: Instant) {
        if !self.is_over && self.rows.iter().all(|row| row.now.is_some()) {
            self.end_turn(now);
        }
    }

    fn end_turn(&mut self, now: Instant) {
        let is_absent = |row: &Row| row.now.is_some_and(Presence::is_absent);
        let all_absent = self.rows.iter().all(is_absent);
        let is_proven = all_absent && self.rows.iter().all(|row| row.now == row.before);
        self.is_over = is_proven && self.is_complete(now);
        for row in &mut self.rows {
            (row.before, row.queried) = (row.now.take(), None);
        }
        self.turn = self.turn.next();
        self.queried = None;
        if all_absent {
            self.interval_us = self.timing.repeat_first_us;
            // A turn that ends before the machines are complete proves nothing, so the next one need not end before either.
            let next = self
                .complete_from
                .unwrap_or(now.after_us(self.timing.repeat_max_us));
            self.due = next.max(now);
        } else {
            // A machine that has the domain is likely to keep it for a while, so there is no hurry to query again.
            self.interval_us = self.timing.repeat_max_us.max(1);
            self.due = now.after_us(self.interval_us);
        }
    }

    /// The machines to query now. Queries are repeated at growing intervals.
    pub fn poll_queries(&mut self, now: Instant) -> Vec<MachineId> {
        if now < self.due || self.is_over {
            return Vec::new();
        }
        self.queried.get_or_insert(now);
        self.due = now.after_us(self.interval_us);
        let doubled = self.interval_us.saturating_mul(2);
        // At least a microsecond, so that a setting of zero cannot make the caller spin.
        self.interval_us = doubled.min(self.timing.repeat_max_us).max(1);
        // A silent machine prolongs the turn. Earlier replies of the others may then be out of date, so all machines are
        // queried again.
        let is_late = self.is_late(now);
        let rows = self.rows.iter_mut();
        let open = rows.filter(|row| is_late || row.now.is_none());
        let query = |row: &mut Row| {
            row.queried.get_or_insert(now);
            row.machine
        };
        open.map(query).collect()
    }

    /// Whether this turn has lasted so long that the replies of the turn before no longer count.
    fn is_late(&self, now: Instant) -> bool {
        let limit_us = self.timing.silence_limit_us;
        self.queried.is_some_and(|at| now.us_since(at) >= limit_us)
    }

    /// When to call [`RollCall::poll_queries`].
    pub fn poll_timeout(&self) -> Instant {
        self.due
    }

    /// Whether the replies prove that there was a moment since the call began at which no machine had the domain.
    pub fn is_over(&self) -> bool {
        self.is_over
    }

    /// The obstacles to starting the domain, machine by machine.
    pub fn obstacles(&self, now: Instant) -> impl Iterator<Item = Obstacle> + '_ {
        let (is_late, limit_us) = (self.is_late(now), self.timing.silence_limit_us);
        let rows = self.rows.iter().filter(|_| !self.is_over);
        rows.filter_map(move |row| {
            // Until this turn is late, the replies of the last complete turn count: a mixture of the replies of two turns
            // may show a moving domain on no machine. A reply of this turn counts at once if it reports the domain.
            let had = row.before.filter(|_| !is_late);
            let is_old = |at: Instant| now.us_since(at) >= limit_us;
            let has = row.now.filter(|_| !is_late || !is_old(row.replied));
            match has.filter(|has| !has.is_absent()).or(had).or(has) {
                // A machine that was added during the turn has the same time to reply as the others.
                None if row.queried.is_some_and(is_old) => Some(Obstacle::Silent(row.machine)),
                None => Some(Obstacle::Pending(row.machine)),
                Some(Presence::Present { incarnation, runs }) => Some(Obstacle::Held {
                    by: row.machine,
                    incarnation,
                    runs,
                }),
                Some(Presence::Absent { .. }) => None,
            }
        })
    }
}
