//! What the machines do, and what of it is under way to the other one.

use nomad_protocol::{AbortReason, Notice, TransactionId};

use super::{COPY_EVERY_US, Due, Simulation};
use crate::faults::{PlannedCrash, When};
use crate::machine::Effect;
use crate::network::Datagram;

impl Simulation {
    /// Has both machines perform what they have to.
    pub(super) fn act(&mut self) {
        while let Some(machine) =
            (0..2).find(|machine| self.is_up(*machine) && self.act_once(*machine))
        {
            self.acted[machine] += 1;
            let acted = self.acted[machine];
            let strikes = |crash: &&PlannedCrash| {
                crash.machine == machine && crash.when == When::AfterActions(acted)
            };
            if let Some(crash) = self.faults.crashes.iter().find(strikes).copied() {
                self.crash(crash);
            }
            self.tell_broken();
        }
    }

    pub(super) fn act_once(&mut self, machine: usize) -> bool {
        let Some((transaction, effect)) = self.world.act(self.now, machine) else {
            return false;
        };
        match effect {
            Effect::Answer(event) => {
                let late = self.random.permille(self.faults.late_permille);
                let delay_us = if late { self.random.below(3_000) } else { 0 };
                let life = self.lives[machine];
                self.after(
                    delay_us,
                    Due::Answer {
                        machine,
                        life,
                        transaction,
                        event,
                    },
                );
            }
            Effect::Send(envelope) => self.send(Datagram::new(1 - machine, &envelope)),
            Effect::Copying => {
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
            Effect::Stream(parcels) => self.under_way(transaction, parcels.len()),
            Effect::Notice(notice) => self.notice(notice),
            Effect::Done | Effect::Close => {}
        }
        true
    }

    pub(super) fn notice(&mut self, notice: Notice) {
        if let Notice::Aborted(why) = notice {
            let name = format!("{why:?}");
            let name = name.split([' ', '(']).next().unwrap_or_default();
            self.report.aborts.insert(name.to_owned());
            self.report.replaced += usize::from(matches!(why, AbortReason::Interfered { .. }));
        }
    }

    pub(super) fn send(&mut self, datagram: Datagram) {
        if self.cut {
            return;
        }
        for at in self.faults.weather.arrivals(self.now, &mut self.random) {
            self.at(at.as_us(), Due::Datagram(datagram.clone()));
        }
    }
    /// So many parcels have entered a stream.
    pub(super) fn under_way(&mut self, transaction: TransactionId, parcels: usize) {
        for _ in 0..parcels {
            let arrival = self
                .now
                .after_us(self.faults.weather.delay_us(&mut self.random));
            let earliest = self
                .arrive_after
                .get(&transaction)
                .copied()
                .unwrap_or(arrival);
            let at = arrival.max(earliest);
            self.arrive_after.insert(transaction, at);
            self.at(at.as_us(), Due::Arrive(transaction));
        }
    }

    pub(super) fn tell_broken(&mut self) {
        let mut broken = Vec::new();
        for (transaction, stream) in &self.world.streams {
            broken.extend(
                (0..2)
                    .filter(|machine| stream.is_to_tell(*machine))
                    .map(|machine| (machine, *transaction)),
            );
        }
        for (machine, transaction) in broken {
            let planned = |due: &Due| {
                matches!(due, Due::TellBroken { machine: to, transaction: about }
                if (*to, *about) == (machine, transaction))
            };
            if !self.agenda.values().any(planned) {
                let delay_us = self.random.below(20_000);
                self.after(
                    delay_us,
                    Due::TellBroken {
                        machine,
                        transaction,
                    },
                );
            }
        }
    }
}
