//! What the machines do, and what of it is under way to others.

use nomad_protocol::{AbortReason, Action, Event, Notice, SourceAction, TransactionId};

use super::agenda::Due;
use super::{COPY_EVERY_US, Simulation};
use crate::faults::{PlannedCrash, When};
use crate::network::Datagram;
use crate::notes::Fuse;
use crate::world::Effect;

/// The new record and its head are written, and the older one is not erased.
const BETWEEN_WRITES: Fuse = Fuse {
    writes: 2,
    torn_bytes: 0,
};

impl Simulation {
    /// Has all machines perform what they have to.
    pub(super) fn act(&mut self) {
        while let Some(machine) = (0..self.nodes.len()).find(|machine| self.act_once(*machine)) {
            self.nodes[machine].acted += 1;
            if let Some(crash) = self.striking(machine) {
                self.crash(crash);
            }
            self.plan_to_tell_broken();
        }
    }

    /// The crash that strikes a machine after the action that it has just performed.
    fn striking(&mut self, machine: usize) -> Option<PlannedCrash> {
        let acted = self.nodes[machine].acted;
        let is_recording = std::mem::take(&mut self.is_torn);
        let strikes = |crash: &PlannedCrash| {
            crash.machine == machine
                && match crash.when {
                    When::At(_) => false,
                    When::AfterActions(after) => after == acted,
                    When::WhileRecording(after) | When::WhileWriting { after, .. } => {
                        after <= acted && is_recording
                    }
                }
        };
        let position = self.faults.crashes.iter().position(strikes)?;
        Some(self.faults.crashes.remove(position))
    }

    fn act_once(&mut self, machine: usize) -> bool {
        if !self.nodes[machine].is_active(self.now) {
            return false;
        }
        let Some((transaction, action)) = self.world.poll(machine) else {
            return false;
        };
        self.trace(machine, || format!("{}: {action:?}", transaction.0));
        if let Action::Notify(notice) = action {
            self.notice(notice);
        }
        self.tear(machine, transaction, &action);
        // Without a log no page would be copied: what follows in the same breath must know.
        let is_urgent = action == Action::Source(SourceAction::StartDirtyLog);
        let local = self.local(machine);
        let effects = self.world.perform(local, machine, transaction, action);
        self.pass_on(machine, effects, is_urgent);
        true
    }

    /// Has nomad die while it writes to its notes, if it is to.
    fn tear(&mut self, machine: usize, transaction: TransactionId, action: &Action) {
        let next = self.nodes[machine].acted + 1;
        let notes = &mut self.world.machines[machine].hardware_mut().notes;
        let is_record = matches!(action, Action::Record(_));
        let is_replaced = is_record && notes.transactions().contains(&transaction);
        let is_token = *action == Action::Source(SourceAction::FreezeDomain);
        let writes_notes = is_record || is_token || *action == Action::Forget;
        let mut crashes = self.faults.crashes.iter();
        let fuse = crashes.find_map(|crash| match crash.when {
            _ if crash.machine != machine => None,
            When::WhileRecording(after) if after <= next && is_replaced => Some(BETWEEN_WRITES),
            When::WhileWriting { after, fuse } if after <= next && writes_notes => Some(fuse),
            _ => None,
        });
        if fuse.is_some() {
            notes.set_fuse(fuse);
            self.is_torn = true;
        }
    }

    /// Moves on what a machine has begun; `is_urgent`: an answer is not late.
    pub(super) fn pass_on(&mut self, machine: usize, effects: Vec<Effect>, is_urgent: bool) {
        for effect in effects {
            match effect {
                Effect::Send { to, bytes } => self.send(Datagram::new(machine, to, bytes)),
                Effect::Sending(transaction) => self.plan_to_copy(machine, transaction),
                Effect::Streamed(transaction, parcels) => self.under_way(transaction, parcels),
                Effect::Answer(transaction, event) if is_urgent => {
                    let local = self.local(machine);
                    self.world.answer(local, machine, transaction, event);
                }
                Effect::Answer(transaction, event) => self.answer(machine, transaction, event),
                Effect::GiveBack(transaction) => {
                    let life = self.nodes[machine].life;
                    let delay_us = self.lateness_us();
                    let give_back = Due::GiveBack {
                        machine,
                        life,
                        transaction,
                    };
                    self.after(delay_us, give_back);
                }
            }
        }
        for name in std::mem::take(&mut self.world.machines[machine].hardware_mut().failed) {
            self.trace(machine, || format!("fails: {name}"));
            self.report.failed.insert(name);
        }
    }

    fn lateness_us(&mut self) -> u64 {
        match self.random.permille(self.faults.late_permille) {
            true => self.random.below(3_000),
            false => 0,
        }
    }

    fn answer(&mut self, machine: usize, transaction: TransactionId, event: Event) {
        let delay_us = self.lateness_us();
        let life = self.nodes[machine].life;
        let answer = Due::Answer {
            machine,
            life,
            transaction,
            event,
        };
        self.after(delay_us, answer);
    }

    pub(super) fn plan_to_copy(&mut self, machine: usize, transaction: TransactionId) {
        let life = self.nodes[machine].life;
        let copy = Due::Copy {
            machine,
            life,
            transaction,
        };
        self.after(COPY_EVERY_US, copy);
    }

    fn notice(&mut self, notice: Notice) {
        if let Notice::Aborted(why) = notice {
            let name = format!("{why:?}");
            let name = name.split([' ', '(']).next().unwrap_or_default();
            self.report.aborts.insert(name.to_owned());
            self.report.replaced += usize::from(matches!(why, AbortReason::Interfered { .. }));
        }
    }

    fn send(&mut self, datagram: Datagram) {
        if self.is_cut || self.is_lost_one_way(datagram.from, datagram.to) {
            return;
        }
        for at in self.faults.network.arrivals(self.now, &mut self.random) {
            self.agenda
                .plan(at.as_us(), Due::Datagram(datagram.clone()));
        }
    }

    fn is_lost_one_way(&self, from: usize, to: usize) -> bool {
        let now_us = self.now.as_us();
        self.faults.one_way.is_some_and(|loss| {
            (loss.from, loss.to) == (from, to) && (loss.begin_us..loss.end_us).contains(&now_us)
        })
    }

    /// This many parcels have entered a stream. A stream needs both ways: it breaks where one is blocked.
    pub(super) fn under_way(&mut self, transaction: TransactionId, parcels: usize) {
        if let Some([from, to]) = self
            .world
            .streams
            .get(&transaction)
            .map(|stream| stream.ends)
            && (self.is_lost_one_way(from, to) || self.is_lost_one_way(to, from))
        {
            self.break_between(from, to);
            return;
        }
        for _ in 0..parcels {
            let delay_us = self.faults.network.delay_us(&mut self.random);
            let arrival = self.now.after_us(delay_us);
            let earliest = self.arrive_after.entry(transaction).or_insert(arrival);
            *earliest = arrival.max(*earliest);
            let at_us = earliest.as_us();
            self.agenda.plan(at_us, Due::Arrive(transaction));
        }
    }

    /// The ends of broken streams learn of it after a while.
    pub(super) fn plan_to_tell_broken(&mut self) {
        let mut to_tell = Vec::new();
        for (transaction, stream) in &self.world.streams {
            let machines = (0..self.nodes.len()).filter(|machine| stream.is_to_tell(*machine));
            to_tell.extend(machines.map(|machine| (machine, *transaction)));
        }
        for (machine, transaction) in to_tell {
            let is_it = |due: &Due| matches!(due, Due::TellBroken { machine: to, transaction: about } if (*to, *about) == (machine, transaction));
            if !self.agenda.is_planned(is_it) {
                let delay_us = self.random.below(20_000);
                let tell = Due::TellBroken {
                    machine,
                    transaction,
                };
                self.after(delay_us, tell);
            }
        }
    }

    pub(super) fn after(&mut self, delay_us: u64, due: Due) {
        self.agenda.plan(self.now.after_us(delay_us).as_us(), due);
    }
}
