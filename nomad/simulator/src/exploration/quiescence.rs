//! The run of a state to quiescence, without further faults.

use std::collections::BTreeMap;

use identity::{DomainId, Incarnation};
use nomad_protocol::{Timer, TransactionId};

use super::{NOW, SETTLE_ROUNDS, State};
use crate::outcome::{Defect, End, Outcome, judge};

impl State {
    /// Runs to quiescence without further faults, and judges the end.
    ///
    /// # Errors
    /// The first defect.
    pub fn settle(&self) -> Result<BTreeMap<DomainId, End>, Defect> {
        let mut state = self.clone();
        for _ in 0..SETTLE_ROUNDS {
            state.finish_streams();
            let before = state.world.clone();
            state.expire_all(Timer::Repeat);
            if state.world == before {
                if let Ok(ends) = judge(&state.world, |_| NOW) {
                    return Ok(ends);
                }
                state.expire_all(Timer::Limit);
                state.pass_deadlines();
            }
        }
        judge(&state.world, |_| NOW)
    }

    /// Whether everything is settled, with this outcome for some domain.
    pub(super) fn is_end(&self, outcome: Outcome) -> bool {
        judge(&self.world, |_| NOW)
            .is_ok_and(|ends| ends.values().any(|end| end.outcome == outcome))
    }

    /// Whether everything is settled, and every domain runs elsewhere than it started.
    pub(super) fn have_all_moved(&self) -> bool {
        judge(&self.world, |_| NOW)
            .is_ok_and(|ends| ends.values().all(|end| end.outcome == Outcome::Moved))
    }

    /// Whether everything is settled, some domain was activated twice, and some domain runs elsewhere than it started.
    pub(super) fn has_moved_on(&self) -> bool {
        let mut histories = self.world.history.domains.values();
        histories.any(|history| history.incarnation >= Incarnation(2))
            && self.is_end(Outcome::Moved)
    }

    pub(super) fn pass_deadlines(&mut self) {
        for machine in 0..self.world.machines.len() {
            self.world.pass_deadlines(machine, None);
        }
    }

    fn finish_streams(&mut self) {
        let transactions: Vec<TransactionId> = self.world.streams.keys().copied().collect();
        let machines = self.world.machines.iter().enumerate();
        let copying = machines.flat_map(|(number, machine)| {
            let sending = machine.sending.keys();
            sending.map(move |transaction| (number, *transaction))
        });
        for (machine, transaction) in copying.collect::<Vec<_>>() {
            self.world.send_piece(NOW, machine, transaction, 0);
            self.exchange();
        }
        for transaction in transactions {
            while self.world.announce(NOW, transaction) || self.world.arrive(NOW, transaction) {
                self.exchange();
            }
            for machine in 0..self.world.machines.len() {
                let stream = self.world.streams.get(&transaction);
                if stream.is_some_and(|stream| stream.is_to_notify(machine)) {
                    self.world.notify_broken(NOW, machine, transaction);
                    self.exchange();
                }
            }
        }
    }

    fn expire_all(&mut self, timer: Timer) {
        for machine in 0..self.world.machines.len() {
            let ledger = &self.world.machines[machine].shell.moves.ledger;
            let armed: Vec<TransactionId> = ledger.armed(timer).collect();
            for transaction in armed {
                self.world.expire(NOW, machine, transaction, timer);
                self.exchange();
            }
        }
    }

    /// Performs actions and delivers each datagram immediately and once, until no more are sent.
    fn exchange(&mut self) {
        loop {
            self.sent.clear();
            self.perform_all(None);
            if self.sent.is_empty() {
                return;
            }
            for datagram in &self.sent {
                datagram.deliver(&mut self.world);
            }
        }
    }
}
