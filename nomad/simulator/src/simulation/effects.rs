//! What the machines do, and what of it is under way to others.

use nomad_protocol::{AbortReason, Action, Event, Notice, TransactionId};

use super::agenda::Due;
use super::{COPY_EVERY_US, Simulation};
use crate::faults::{LocalStep, PlannedCrash, When};
use crate::machine::Effect;
use crate::network::Datagram;

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
        let is_recording = self.replaced_record.is_some();
        let strikes = |crash: &PlannedCrash| {
            crash.machine == machine
                && match crash.when {
                    When::At(_) => false,
                    When::AfterActions(after) => after == acted,
                    When::WhileRecording(after) => after <= acted && is_recording,
                }
        };
        let position = self.faults.crashes.iter().position(strikes)?;
        Some(self.faults.crashes.remove(position))
    }

    fn act_once(&mut self, machine: usize) -> bool {
        self.replaced_record = None;
        if !self.nodes[machine].is_active(self.now) {
            return false;
        }
        let Some((transaction, action)) = self.world.poll(machine) else {
            return false;
        };
        let effect = self.perform(machine, transaction, action);
        match effect {
            Effect::Answer(event) => self.answer(machine, transaction, event),
            Effect::Send { to, envelope } => self.send(Datagram::new(machine, to, &envelope)),
            Effect::Copying => self.plan_to_copy(machine, transaction),
            Effect::Stream(parcels) => self.under_way(transaction, parcels.len()),
            Effect::Notice(notice) => self.notice(notice),
            Effect::Recorded(older) => self.replaced_record = Some((transaction, older)),
            Effect::Done | Effect::Close => {}
        }
        true
    }

    fn perform(&mut self, machine: usize, transaction: TransactionId, action: Action) -> Effect {
        self.trace(machine, || format!("{}: {action:?}", transaction.0));
        let mut faults = self.faults.local.iter_mut();
        let failed = faults.find_map(|fault| Some((fault.strike(machine, &action)?, fault.step)));
        if let Some((event, step)) = failed {
            self.trace(machine, || format!("{}: fails: {event:?}", transaction.0));
            self.report.failed.insert(format!("{step:?}"));
            if step == LocalStep::StartDirtyLog {
                // The shell reports it before it performs the next action: without a log no page would be copied.
                let local = self.local(machine);
                self.world.answer(local, machine, transaction, event);
                return Effect::Done;
            }
            return Effect::Answer(event);
        }
        let local = self.local(machine);
        self.world.perform(local, machine, transaction, action)
    }

    fn answer(&mut self, machine: usize, transaction: TransactionId, event: Event) {
        let is_late = self.random.permille(self.faults.late_permille);
        let delay_us = if is_late { self.random.below(3_000) } else { 0 };
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
