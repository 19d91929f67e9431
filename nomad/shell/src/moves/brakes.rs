//! Slowing down domains whose moves do not converge: [`Brakes`].
//!
//! ```text
//!   |<------ PERIOD_US ------>|
//!   | stopped |     runs      | stopped |     runs      |     a throttle of 35 %
//! ```
//!
//! A domain is stopped by a freeze with a deadline. If this server ends or stalls meanwhile, the kernel resumes the domain. A
//! domain that another caller has frozen is left alone until the next period.

use alloc::collections::BTreeMap;

use nomad_protocol::planner::Throttle;
use nomad_protocol::{Instant, TransactionId};

use super::Moves;
use crate::host::Kernel;

/// A throttled domain is stopped once in this time, which is short enough that its clients take the stops for a slow network.
pub const PERIOD_US: u64 = 20_000;

/// The throttled domains, by their transactions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Brakes(BTreeMap<TransactionId, Brake>);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Brake {
    throttle: Throttle,
    /// The token of the freeze, while the domain is stopped.
    token: Option<u64>,
    /// When the domain is next stopped or resumed.
    due: Instant,
}

impl Brakes {
    /// Forgets the domain of a transaction that has ended.
    pub(super) fn forget(&mut self, transaction: TransactionId) {
        self.0.remove(&transaction);
    }
}

impl Brake {
    /// For how long the domain is stopped in each period.
    fn stopped_us(&self) -> u64 {
        PERIOD_US * u64::from(self.throttle.percent()) / 100
    }

    /// Stops the domain, or resumes it.
    fn toggle<H: Kernel>(&mut self, host: &mut H, now: Instant, outgoing: &mut H::Outgoing) {
        let stopped_us = self.stopped_us();
        let next_us = match self.token.take() {
            Some(token) => {
                host.resume(outgoing, token);
                PERIOD_US - stopped_us
            }
            None => {
                // If this server is late, the kernel ends the stop.
                self.token = host.pause(outgoing, 2 * PERIOD_US);
                self.token.map_or(PERIOD_US, |_| stopped_us)
            }
        };
        self.due = now.after_us(next_us);
    }
}

impl<O, I> Moves<O, I> {
    /// Slows an outgoing domain down from now on.
    pub(crate) fn throttle<H: Kernel<Outgoing = O>>(
        &mut self,
        host: &mut H,
        now: Instant,
        transaction: TransactionId,
        throttle: Throttle,
    ) {
        if throttle == Throttle::NONE {
            return self.release_brake(host, transaction);
        }
        let brake = self.brakes.0.entry(transaction);
        let brake = brake.or_insert(Brake {
            throttle,
            token: None,
            due: now,
        });
        brake.throttle = throttle;
    }

    /// Lets an outgoing domain run at its full speed again.
    pub(crate) fn release_brake<H: Kernel<Outgoing = O>>(
        &mut self,
        host: &mut H,
        transaction: TransactionId,
    ) {
        let brake = self.brakes.0.remove(&transaction);
        let token = brake.and_then(|brake| brake.token);
        if let (Some(token), Some(outgoing)) = (token, self.outgoing.get_mut(&transaction)) {
            host.resume(outgoing, token);
        }
    }

    /// Stops or resumes the throttled domains whose time has come.
    pub(crate) fn toggle_brakes<H: Kernel<Outgoing = O>>(&mut self, host: &mut H, now: Instant) {
        let due = self
            .brakes
            .0
            .iter_mut()
            .filter(|(_, brake)| brake.due <= now);
        for (transaction, brake) in due {
            if let Some(outgoing) = self.outgoing.get_mut(transaction) {
                brake.toggle(host, now, outgoing);
            }
        }
    }

    /// When to call [`Moves::toggle_brakes`].
    pub(crate) fn next_toggle(&self) -> Option<Instant> {
        self.brakes.0.values().map(|brake| brake.due).min()
    }
}
