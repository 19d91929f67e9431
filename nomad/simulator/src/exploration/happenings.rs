//! What may happen to a state, and what it does to it.

use nomad_protocol::{Cancelled, Timer, TransactionId};

use super::{ACTIONS_MAX, Datagram, Happens, NOW, State, Step};
use crate::machine::Effect;
use crate::world::Crash;

impl State {
    pub(super) fn messages(&self, happenings: &mut Vec<Happens>) {
        happenings.extend(self.sent.iter().cloned().map(Happens::Deliver));
        for (transaction, stream) in &self.world.streams {
            if !stream.in_flight.is_empty() {
                happenings.push(Happens::Arrive(*transaction));
            }
            if stream.broken.is_none() && self.left.breaks > 0 {
                happenings.push(Happens::Break(*transaction));
            }
            let to_tell = (0..2).filter(|machine| stream.is_to_tell(*machine));
            happenings.extend(to_tell.map(|machine| Happens::TellBroken(machine, *transaction)));
        }
    }

    pub(super) fn deadlines(&self, happenings: &mut Vec<Happens>) {
        let mut kernels = self.world.machines.iter().map(|machine| &machine.kernel);
        if self.left.deadlines > 0 && kernels.any(|kernel| kernel.next_deadline().is_some()) {
            happenings.push(Happens::Deadline);
        }
    }

    pub(super) fn local(&self, machine: usize, happenings: &mut Vec<Happens>) {
        let nomad = &self.world.machines[machine].nomad;
        let timers = [
            Some(Timer::Repeat),
            (self.left.limits > 0).then_some(Timer::Limit),
        ];
        for timer in timers.into_iter().flatten() {
            let armed = nomad.ledger.armed(timer);
            happenings
                .extend(armed.map(|transaction| Happens::Expire(machine, transaction, timer)));
        }
        happenings.extend(
            nomad
                .copying
                .keys()
                .map(|transaction| Happens::Copied(machine, *transaction)),
        );
        if self.world.is_running(machine) {
            if self.left.offers > 0 {
                happenings.push(Happens::Offer(machine));
            }
            if self.left.steps > 0 {
                happenings.push(Happens::Run(machine));
            }
        }
    }

    pub(super) fn faults(&self, machine: usize, happenings: &mut Vec<Happens>) {
        if self.left.crashes[machine] > 0 {
            happenings
                .extend([Crash::Nomad, Crash::Machine].map(|crash| Happens::Crash(machine, crash)));
        }
        if self.left.cancels > 0 {
            let entries = self.world.machines[machine].nomad.ledger.entries();
            happenings.extend(entries.map(|entry| Happens::Cancel(machine, entry.transaction)));
        }
        if self.left.interferences > 0 && self.world.machines[machine].offer().is_some() {
            happenings.push(Happens::Interfere(machine));
        }
    }

    /// The same with a crash after each number of actions; those that come to nothing are dropped when they are tried.
    pub(super) fn crashes_during(&self, what: &Happens) -> Vec<Step> {
        if matches!(
            what,
            Happens::Run(_)
                | Happens::Interfere(_)
                | Happens::Deadline
                | Happens::Break(_)
                | Happens::Crash(..)
        ) || self.left.crashes == [0, 0]
        {
            return Vec::new();
        }
        let step = |after| [Crash::Nomad, Crash::Machine].map(|crash| (after, crash));
        let crashes = (1..ACTIONS_MAX).flat_map(step);
        crashes
            .map(|crash| Step {
                what: what.clone(),
                crash: Some(crash),
            })
            .collect()
    }

    pub(super) fn happens(&mut self, what: &Happens) -> bool {
        let world = &mut self.world;
        match what {
            Happens::Offer(machine) => {
                let transaction = TransactionId(u128::from(self.left.offers));
                self.left.offers -= 1;
                return world.offer(NOW, *machine, transaction).is_ok();
            }
            Happens::Deliver(datagram) => datagram.deliver(world),
            Happens::Expire(machine, transaction, timer) => {
                self.left.limits -= u8::from(*timer == Timer::Limit);
                world.expire(NOW, *machine, *transaction, *timer);
            }
            Happens::Copied(machine, transaction) => {
                return world.copy_some(NOW, *machine, *transaction, usize::MAX);
            }
            // The parcel of pages and the parcel that ends it.
            Happens::Arrive(transaction) => {
                return world.arrive(NOW, *transaction) && world.arrive(NOW, *transaction);
            }
            Happens::Break(transaction) => {
                self.left.breaks -= 1;
                world
                    .streams
                    .get_mut(transaction)
                    .expect("listed")
                    .break_off();
            }
            Happens::TellBroken(machine, transaction) => {
                world.tell_broken(NOW, *machine, *transaction)
            }
            Happens::Cancel(machine, transaction) => {
                self.left.cancels -= 1;
                let ledger = &mut world.machines[*machine].nomad.ledger;
                return ledger.cancel(NOW, *transaction) != Cancelled::TooLate;
            }
            Happens::Run(machine) => {
                self.left.steps -= 1;
                world.run(*machine, u64::from(self.left.steps));
            }
            Happens::Interfere(machine) => {
                self.left.interferences -= 1;
                world.interfere(*machine, 0);
            }
            Happens::Deadline => {
                self.left.deadlines -= 1;
                world.pass_deadlines(None);
            }
            Happens::Crash(machine, crash) => {
                self.left.crashes[*machine] -= 1;
                world.crash(NOW, *machine, *crash);
            }
        }
        true
    }

    /// Has both machines perform what they have to. Says whether it came to the crash, if there was to be one.
    pub(super) fn perform_all(&mut self, mut crash: Option<(usize, Crash)>) -> bool {
        let mut performed = 0;
        while let Some(machine) = (0..2).find(|machine| self.perform(*machine)) {
            performed += 1;
            if let Some((after, kind)) = crash
                && after == performed
            {
                if self.left.crashes[machine] == 0 {
                    return false;
                }
                self.left.crashes[machine] -= 1;
                self.world.crash(NOW, machine, kind);
                crash = None;
            }
        }
        let machines = &self.world.machines;
        self.world.streams.retain(|transaction, _| {
            let mut entries = machines
                .iter()
                .flat_map(|machine| machine.nomad.ledger.entries());
            entries.any(|entry| entry.transaction == *transaction)
        });
        crash.is_none()
    }

    pub(super) fn perform(&mut self, machine: usize) -> bool {
        match self.world.act(NOW, machine) {
            None => return false,
            Some((transaction, Effect::Answer(event))) => {
                self.world.answer(NOW, machine, transaction, event)
            }
            Some((_, Effect::Send(envelope))) => {
                self.sent.extend([Datagram::new(1 - machine, &envelope)]);
            }
            Some(_) => {}
        }
        true
    }
}
