//! Log lines about machines and their names. Each line is repeated at most once per minute.

use alloc::format;
use alloc::string::String;
use core::net::Ipv4Addr;

use identity::Name;
use nomad_channel::OUTSIDERS_MAX;
use nomad_protocol::{Instant, MachineId};

use super::Line;
use crate::host::Host;
use crate::machines::GUESTS_MAX;
use crate::shell::Shell;

impl<H: Host> Shell<H> {
    /// Logs that the channel has no place for a machine outside the fleet that began a handshake.
    pub fn handle_too_many(&mut self, now: Instant, from: Ipv4Addr) {
        let own = self.machines.own().id;
        self.log_about(now, (own, Line::Full), || {
            format!(
                "the guest at {from} is not accepted: {OUTSIDERS_MAX} machines outside the fleet have sessions already"
            )
        });
    }

    /// Reports that there is no place for a guest.
    pub(super) fn report_full(&mut self, now: Instant, name: Name, address: Ipv4Addr) {
        let own = self.machines.own().id;
        self.log_about(now, (own, Line::Full), || {
            format!(
                "{name} at {address} is not accepted: {GUESTS_MAX} guests are known, and all of them are up or may have domains"
            )
        });
    }

    /// Reports that two machines with the name of `machine` are up.
    pub(super) fn report_double(&mut self, now: Instant, machine: MachineId) {
        let claimant = self.discovery.as_ref();
        let claimant = claimant.and_then(|it| it.claims.claimant(now, machine));
        let first = self.machines.get(machine);
        let first = first.and_then(|first| Some((first.name, first.addresses.best()?)));
        let (Some(claimant), Some((name, at))) = (claimant, first) else {
            return;
        };
        self.machines.record_double(now, machine, claimant);
        self.log_about(now, (machine, Line::Doubled), || {
            format!(
                "two machines are called {name}: the one at {at} was there first, the one at {claimant} is refused"
            )
        });
    }

    /// Logs a line about a machine, unless it was logged within [`REPORT_US`](super::REPORT_US) or too many other lines were.
    pub(super) fn log_about(
        &mut self,
        now: Instant,
        line: (MachineId, Line),
        text: impl FnOnce() -> String,
    ) {
        let discovery = self.discovery.as_mut();
        if discovery.is_some_and(|it| it.is_report_due(now, line)) {
            self.log(text());
        }
    }
}
