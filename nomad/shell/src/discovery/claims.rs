//! The machines whose names other boots claim: [`Claims`].
//!
//! As long as there is a claim, both boots are probed in turn.

use alloc::collections::BTreeMap;
use core::net::Ipv4Addr;

use nomad_channel::RIVAL_GONE_US;
use nomad_protocol::{Instant, MachineId};

/// The interval between two probes because of a claim. The probes alternate between the two boots' addresses.
const PROBE_US: u64 = 250_000;

/// The claims.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Claims(BTreeMap<MachineId, Claim>);

/// Another boot's claim of a machine's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Claim {
    /// Where the other boot was last refused.
    claimant: Ipv4Addr,
    /// When the other boot counts as gone.
    until: Instant,
    /// When the next probe is due.
    due: Instant,
    next: Probed,
}

/// Which of two boots is probed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Probed {
    Known,
    Claimant,
}

impl Claims {
    /// Records that another boot has claimed a machine's name from this address.
    pub fn record(&mut self, now: Instant, machine: MachineId, claimant: Ipv4Addr) {
        let until = now.after_us(RIVAL_GONE_US);
        let claim = self.0.entry(machine).or_insert(Claim {
            claimant,
            until,
            due: now,
            next: Probed::Known,
        });
        (claim.claimant, claim.until) = (claimant, until);
    }

    /// Keeps only the claims of known machines' names. Guests come and go, so the claims of their names would otherwise grow
    /// without bound.
    pub fn retain(&mut self, is_known: impl Fn(MachineId) -> bool) {
        self.0.retain(|machine, _| is_known(*machine));
    }

    /// Forgets the claim of a machine's name.
    pub fn forget(&mut self, machine: MachineId) {
        self.0.remove(&machine);
    }

    /// The address of the other boot that claims a machine's name.
    pub fn claimant(&self, now: Instant, machine: MachineId) -> Option<Ipv4Addr> {
        let claim = self.0.get(&machine)?;
        (now < claim.until).then_some(claim.claimant)
    }

    /// The machines whose names other boots claim.
    pub fn claimed(&self, now: Instant) -> impl Iterator<Item = MachineId> + '_ {
        let claims = self.0.iter();
        let fresh = claims.filter(move |(_, claim)| now < claim.until);
        fresh.map(|(machine, _)| *machine)
    }

    /// A machine to probe now, and the claimant's address, unless it is the known boot's turn.
    pub fn poll_probe(&mut self, now: Instant) -> Option<(MachineId, Option<Ipv4Addr>)> {
        self.0.retain(|_, claim| now < claim.until);
        let mut claims = self.0.iter_mut();
        let (machine, claim) = claims.find(|(_, claim)| claim.due <= now)?;
        claim.due = now.after_us(PROBE_US);
        Some((*machine, claim.take_turn()))
    }

    /// When to call [`Claims::poll_probe`].
    pub fn poll_timeout(&self) -> Option<Instant> {
        let claims = self.0.values();
        claims.map(|claim| claim.due.min(claim.until)).min()
    }
}

impl Claim {
    /// The claimant's address, unless it is the known boot's turn to be probed.
    fn take_turn(&mut self) -> Option<Ipv4Addr> {
        match self.next {
            Probed::Known => {
                self.next = Probed::Claimant;
                None
            }
            Probed::Claimant => {
                self.next = Probed::Known;
                Some(self.claimant)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_of_the_names_of_unknown_machines_are_forgotten() {
        let (now, claimant) = (Instant::from_us(0), Ipv4Addr::new(10, 77, 0, 9));
        let mut claims = Claims::default();
        let machines = [1, 2, 3].map(|id| MachineId([id; 32]));
        for machine in machines {
            claims.record(now, machine, claimant);
        }
        claims.retain(|machine| machine == machines[1]);
        assert!(claims.claimed(now).eq([machines[1]]));
    }
}
