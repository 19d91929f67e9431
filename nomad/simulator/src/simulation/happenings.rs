//! What happens: everything on the agenda, by kind.

use nomad_protocol::{Cancelled, Envelope, TransactionId};

use super::{COPY_EVERY_US, COPY_PAGES, Due, PAGES, STEP_EVERY_US, Simulation};
use crate::faults::{FREEZE_US, PlannedCrash};
use crate::network::{Datagram, Weather};
use crate::world::{Crash, World};

impl Simulation {
    pub(super) fn happen(&mut self, due: Due) {
        let now = self.now;
        match due {
            Due::Datagram(datagram) if !self.is_up(datagram.to) => {}
            Due::Datagram(Datagram { to, bytes }) => {
                self.world.hear(
                    now,
                    to,
                    Envelope::decode(&bytes).expect("a machine wrote it"),
                );
            }
            Due::Answer {
                machine,
                life,
                transaction,
                event,
            } => {
                if life == self.lives[machine] {
                    self.world.answer(now, machine, transaction, event);
                }
            }
            Due::Copy {
                machine,
                life,
                transaction,
            } => {
                if life == self.lives[machine] {
                    self.copy(machine, transaction);
                }
            }
            Due::Arrive(transaction) => drop(self.world.arrive(now, transaction)),
            Due::TellBroken {
                machine,
                transaction,
            } => self.world.tell_broken(now, machine, transaction),
            Due::Step => self.step(),
            Due::Interfere => self.interfere(),
            Due::Offer => self.offer(),
            Due::Cancel(machine) => self.cancel(machine),
            Due::Break => self.break_streams(),
            Due::Cut(cut) => {
                self.cut = cut;
                self.break_streams();
            }
            Due::Crash(crash) => self.crash(crash),
            Due::Fair => {
                self.cut = false;
                self.faults.weather = Weather::FAIR;
                self.faults.interference_us = None;
                self.faults.crashes.clear();
                self.down_until = [now; 2];
                for machine in &mut self.world.machines {
                    machine.freeze_us = FREEZE_US;
                }
            }
        }
        self.tell_broken();
    }

    pub(super) fn copy(&mut self, machine: usize, transaction: TransactionId) {
        let under_way = |world: &World| {
            world
                .streams
                .get(&transaction)
                .map_or(0, |stream| stream.in_flight.len())
        };
        let before = under_way(&self.world);
        if self
            .world
            .copy_some(self.now, machine, transaction, COPY_PAGES)
        {
            let parcels = under_way(&self.world).saturating_sub(before);
            self.under_way(transaction, parcels);
            let life = self.lives[machine];
            self.after(
                COPY_EVERY_US,
                Due::Copy {
                    machine,
                    life,
                    transaction,
                },
            );
        }
    }

    pub(super) fn break_streams(&mut self) {
        self.world
            .streams
            .values_mut()
            .for_each(|stream| stream.break_off());
    }

    pub(super) fn step(&mut self) {
        for machine in 0..2 {
            let page = self.random.below(PAGES as u64);
            self.world.run(machine, page);
        }
        self.after(STEP_EVERY_US, Due::Step);
    }

    pub(super) fn interfere(&mut self) {
        let Some(every_us) = self.faults.interference_us else {
            return;
        };
        for machine in 0..2 {
            let page = self.random.below(PAGES as u64);
            self.world.interfere(machine, page);
        }
        let after_us = 1 + self.random.below(2 * every_us);
        self.after(after_us, Due::Interfere);
    }

    pub(super) fn offer(&mut self) {
        for machine in 0..2 {
            if self.world.is_running(machine) && self.is_up(machine) {
                self.transactions += 1;
                // Refused where an earlier move is not over: that is how it should be.
                let _ = self
                    .world
                    .offer(self.now, machine, TransactionId(self.transactions));
            }
        }
        self.act();
    }

    pub(super) fn cancel(&mut self, machine: usize) {
        let ledger = &mut self.world.machines[machine].nomad.ledger;
        let transactions: Vec<TransactionId> =
            ledger.entries().map(|entry| entry.transaction).collect();
        for transaction in transactions {
            if ledger.cancel(self.now, transaction) == Cancelled::Now {
                self.report.aborts.insert("Cancelled".to_owned());
            }
        }
    }

    pub(super) fn crash(&mut self, crash: PlannedCrash) {
        let machine = crash.machine;
        let phase = self.world.machines[machine]
            .nomad
            .ledger
            .entries()
            .next()
            .map(|entry| (entry.side, entry.phase));
        let name = phase.map_or("idle".to_owned(), |(side, phase)| {
            format!("{side:?} {phase:?}")
        });
        let what = if crash.crash == Crash::Nomad {
            "nomad"
        } else {
            "machine"
        };
        self.report.crashes.insert((name, what));
        self.world.crash(self.now, machine, crash.crash);
        self.lives[machine] += 1;
        self.down_until[machine] = self.now.after_us(crash.down_us);
    }
}
