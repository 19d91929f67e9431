//! What becomes of a state if from then on nothing bad happens any more.

use nomad_protocol::{Timer, TransactionId};

use super::{NOW, SETTLE_ROUNDS, State};
use crate::outcome::{Outcome, Wrong, judge};

impl State {
    /// Lets everything go well from here on, and judges where that leads.
    pub fn settle(&self) -> Result<Outcome, Wrong> {
        let mut state = self.clone();
        for _ in 0..SETTLE_ROUNDS {
            state.finish_streams();
            let before = state.world.clone();
            state.expire_all(Timer::Repeat);
            if state.world == before {
                if let Ok(outcome) = judge(&state.world, 0) {
                    return Ok(outcome);
                }
                state.expire_all(Timer::Limit);
                state.world.pass_deadlines(None);
            }
        }
        judge(&state.world, 0)
    }

    pub(super) fn ends(&self, outcome: Outcome) -> bool {
        judge(&self.world, 0) == Ok(outcome)
    }
    pub(super) fn finish_streams(&mut self) {
        let transactions: Vec<TransactionId> = self.world.streams.keys().copied().collect();
        let copying: Vec<(usize, TransactionId)> = (0..2)
            .flat_map(|machine| {
                self.world.machines[machine]
                    .nomad
                    .copying
                    .keys()
                    .map(move |id| (machine, *id))
            })
            .collect();
        for (machine, transaction) in copying {
            self.world.copy_some(NOW, machine, transaction, usize::MAX);
            self.exchange();
        }
        for transaction in transactions {
            while self.world.arrive(NOW, transaction) {
                self.exchange();
            }
            for machine in 0..2 {
                if self
                    .world
                    .streams
                    .get(&transaction)
                    .is_some_and(|stream| stream.is_to_tell(machine))
                {
                    self.world.tell_broken(NOW, machine, transaction);
                    self.exchange();
                }
            }
        }
    }

    pub(super) fn expire_all(&mut self, timer: Timer) {
        for machine in 0..2 {
            let armed: Vec<TransactionId> = self.world.machines[machine]
                .nomad
                .ledger
                .armed(timer)
                .collect();
            for transaction in armed {
                self.world.expire(NOW, machine, transaction, timer);
                self.exchange();
            }
        }
    }

    /// Performs, and delivers what is sent at once and once, until all is said.
    pub(super) fn exchange(&mut self) {
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
