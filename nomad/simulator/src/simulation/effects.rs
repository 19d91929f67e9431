//! The actions of the machines, and their effects on others.

use nomad_protocol::{
    AbortReason, Action, Event, Notice, RecordedProgress, SourceAction, TransactionId,
};

use super::event_queue::Scheduled;
use super::{COPY_EVERY_US, Simulation};
use crate::faults::{PlannedCrash, When};
use crate::network::Datagram;
use crate::record_store::Fuse;
use crate::world::{Crash, Effect};

/// nomad dies after it has written the new record and its slot's header, and before it erases the older record.
const BETWEEN_WRITES: Fuse = Fuse {
    writes: 2,
    torn_bytes: 0,
};

impl Simulation {
    /// Performs the pending actions of all machines.
    pub(super) fn perform_actions(&mut self) {
        self.crash_dead();
        while let Some(machine) = (0..self.nodes.len()).find(|machine| self.perform_next(*machine))
        {
            self.nodes[machine].actions_performed += 1;
            if let Some(crash) = self.due_crash(machine) {
                self.crash(crash);
            }
            self.crash_dead();
            self.schedule_broken_notices();
        }
    }

    /// Restarts each nomad that has died in the middle of a step.
    fn crash_dead(&mut self) {
        for machine in 0..self.nodes.len() {
            let hardware = self.world.machines[machine].hardware();
            if let Some(down_us) = hardware.dead_for_us {
                self.report_failed(machine);
                self.crash(PlannedCrash {
                    machine,
                    crash: Crash::Nomad,
                    when: When::WithinStep,
                    down_us,
                });
            }
        }
    }

    /// Reports the steps and calls of a machine that have failed.
    fn report_failed(&mut self, machine: usize) {
        for name in std::mem::take(&mut self.world.machines[machine].hardware_mut().failed) {
            self.trace(machine, || format!("fails: {name}"));
            self.report.failed.insert(name);
        }
    }

    /// The crash that strikes a machine after its last action.
    fn due_crash(&mut self, machine: usize) -> Option<PlannedCrash> {
        let actions_performed = self.nodes[machine].actions_performed;
        let is_recording = std::mem::take(&mut self.is_torn);
        let strikes = |crash: &PlannedCrash| {
            crash.machine == machine
                && match crash.when {
                    When::At(_) | When::WithinStep => false,
                    When::AfterActions(after) => after == actions_performed,
                    When::WhileRecording(after) | When::WhileWriting { after, .. } => {
                        after <= actions_performed && is_recording
                    }
                }
        };
        let position = self.faults.crashes.iter().position(strikes)?;
        Some(self.faults.crashes.remove(position))
    }

    fn perform_next(&mut self, machine: usize) -> bool {
        if !self.nodes[machine].is_active(self.now) {
            return false;
        }
        let Some((transaction, action)) = self.world.poll(machine) else {
            return false;
        };
        self.trace(machine, || format!("{}: {action:?}", transaction.0));
        match &action {
            Action::Notify(notice) => self.notice(*notice),
            Action::Record(record) => {
                let is_declined =
                    matches!(record.progress, RecordedProgress::SourceDeclined { .. });
                self.report.declined += usize::from(is_declined);
            }
            _ => {}
        }
        self.arm_torn_write(machine, transaction, &action);
        // The actions that follow at once rely on the log: without it no page would be copied.
        let is_urgent = matches!(action, Action::Source(SourceAction::StartDirtyLog { .. }));
        let local = self.local(machine);
        let effects = self.world.perform(local, machine, transaction, action);
        self.apply_effects(machine, effects, is_urgent);
        true
    }

    /// Arms a crash of nomad during its next write to its records, if one is planned.
    fn arm_torn_write(&mut self, machine: usize, transaction: TransactionId, action: &Action) {
        let next = self.nodes[machine].actions_performed + 1;
        let store = &mut self.world.machines[machine].hardware_mut().record_store;
        let is_record = matches!(action, Action::Record(_));
        let is_replaced = is_record && store.transactions().contains(&transaction);
        let is_token = *action == Action::Source(SourceAction::FreezeDomain);
        let writes_records = is_record || is_token || *action == Action::Forget;
        let mut crashes = self.faults.crashes.iter();
        let fuse = crashes.find_map(|crash| match crash.when {
            _ if crash.machine != machine => None,
            When::WhileRecording(after) if after <= next && is_replaced => Some(BETWEEN_WRITES),
            When::WhileWriting { after, fuse } if after <= next && writes_records => Some(fuse),
            _ => None,
        });
        if fuse.is_some() {
            store.set_fuse(fuse);
            self.is_torn = true;
        }
    }

    /// Applies the effects of a machine's action. With `is_urgent` the result is not delayed.
    pub(super) fn apply_effects(&mut self, machine: usize, effects: Vec<Effect>, is_urgent: bool) {
        for effect in effects {
            match effect {
                Effect::Send { to, bytes } => {
                    self.send(Datagram::new(machine, to, self.now, bytes))
                }
                Effect::Hello(hello) => self.send_hello(machine, hello),
                Effect::Frames(transaction, frames) => {
                    self.apply_frames(machine, transaction, frames);
                }
                Effect::Probe(peer, at) => self.send_probe(machine, peer, at),
                Effect::Sending(transaction) => self.schedule_copy(machine, transaction),
                Effect::Streamed(transaction, items) => self.send_items(transaction, items),
                Effect::Event(transaction, event) if is_urgent => {
                    let local = self.local(machine);
                    self.world.report_event(local, machine, transaction, event);
                }
                Effect::Event(transaction, event) => {
                    self.schedule_event(machine, transaction, event);
                }
                Effect::GiveBack(transaction) => {
                    let life = self.nodes[machine].life;
                    let delay_us = self.lateness_us();
                    let give_back = Scheduled::GiveBack {
                        machine,
                        life,
                        transaction,
                    };
                    self.after(delay_us, give_back);
                }
            }
        }
        self.report_failed(machine);
    }

    fn lateness_us(&mut self) -> u64 {
        if self.random.permille(self.faults.late_permille) {
            self.random.below(3_000)
        } else {
            0
        }
    }

    fn schedule_event(&mut self, machine: usize, transaction: TransactionId, event: Event) {
        let delay_us = self.lateness_us();
        let life = self.nodes[machine].life;
        let event = Scheduled::Event {
            machine,
            life,
            transaction,
            event,
        };
        self.after(delay_us, event);
    }

    pub(super) fn schedule_copy(&mut self, machine: usize, transaction: TransactionId) {
        let life = self.nodes[machine].life;
        let copy = Scheduled::Copy {
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
            self.report.replaced += usize::from(matches!(why, AbortReason::Interfered));
        }
    }

    pub(super) fn send(&mut self, datagram: Datagram) {
        if self.is_cut_off(datagram.from, datagram.to) {
            return;
        }
        for at in self.faults.network.arrivals(self.now, &mut self.random) {
            self.queue
                .schedule(at.as_us(), Scheduled::Datagram(datagram.clone()));
        }
    }

    /// Whether a datagram that one machine sends now is lost before it reaches another one's wire.
    pub(super) fn is_cut_off(&self, from: usize, to: usize) -> bool {
        let is_connected = self.nodes[from].is_connected(self.now);
        self.is_cut || !is_connected || self.is_lost_one_way(from, to)
    }

    /// Whether a machine handles a datagram that reaches it now.
    pub(super) fn is_receiving(&self, machine: usize) -> bool {
        let node = &self.nodes[machine];
        node.is_active(self.now) && node.is_connected(self.now)
    }

    fn is_lost_one_way(&self, from: usize, to: usize) -> bool {
        let now_us = self.now.as_us();
        self.faults.one_way.is_some_and(|loss| {
            (loss.from, loss.to) == (from, to) && (loss.begin_us..loss.end_us).contains(&now_us)
        })
    }

    /// Schedules the notification of the ends of broken streams.
    pub(super) fn schedule_broken_notices(&mut self) {
        let mut to_notify = Vec::new();
        for (transaction, stream) in &self.world.streams {
            let machines = (0..self.nodes.len()).filter(|machine| stream.is_to_notify(*machine));
            to_notify.extend(machines.map(|machine| (machine, *transaction)));
        }
        for (machine, transaction) in to_notify {
            let is_it = |due: &Scheduled| matches!(due, Scheduled::NotifyBroken { machine: to, transaction: about } if (*to, *about) == (machine, transaction));
            if !self.queue.is_scheduled(is_it) {
                let delay_us = self.random.below(20_000);
                let notify = Scheduled::NotifyBroken {
                    machine,
                    transaction,
                };
                self.after(delay_us, notify);
            }
        }
    }

    pub(super) fn after(&mut self, delay_us: u64, due: Scheduled) {
        self.queue
            .schedule(self.now.after_us(delay_us).as_us(), due);
    }
}
