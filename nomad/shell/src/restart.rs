//! The restart of this machine at an operator's command.
//!
//! The machine restarts a moment after the reply, so that the reply arrives: until then, the operator's tool can request lost
//! events again. Meanwhile the machine admits no domain.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use nomad_client::Event;
use nomad_client::command::RebootIf;
use nomad_protocol::Instant;
use service_protocol::root::DomainRecord;

use crate::host::Host;
use crate::operator::{Reply, ended};
use crate::shell::Shell;

/// The time from the reply to the restart. The operator's tool repeats a request that has no reply after 100 ms, then at
/// doubling intervals of up to 500 ms.
const DELAY_US: u64 = 2_000_000;

impl<H: Host> Shell<H> {
    /// Restarts the machine a moment later, if the condition holds.
    pub(crate) fn reboot(&mut self, now: Instant, condition: RebootIf) -> Reply {
        self.check_not_restarting()?;
        let machine = self.machines.own().name;
        let mut events = self.lost_by_restart()?;
        if condition == RebootIf::NothingIsLost && !events.is_empty() {
            let reason =
                "`drain` moves running domains away, and `reboot --force` loses what is listed";
            events.push(Event::failed(format!(
                "{machine} is not restarted: {reason}"
            )));
            return Ok(events);
        }
        self.log(format!("{machine} restarts at an operator's command"));
        self.restart_due = Some(now.after_us(DELAY_US));
        self.dismiss_starters("the machine restarts");
        events.push(Event::Rebooting(machine));
        Ok(ended(events))
    }

    /// The domains that a restart loses, and the moves that it breaks.
    fn lost_by_restart(&mut self) -> Result<Vec<Event>, String> {
        let records = self.host.all();
        let records = records.map_err(|error| error.to_string())?;
        let lost = records.iter().filter(|record| is_lost(record));
        let domains = lost.map(|record| Event::Lost(record.name, record.state));
        let entries = self.moves.ledger.entries();
        let moves = entries.map(|entry| Event::Transaction(self.status(&entry)));
        Ok(domains.chain(moves).collect())
    }

    /// Checks that no restart is pending.
    ///
    /// # Errors
    /// A restart is pending.
    pub(crate) fn check_not_restarting(&self) -> Result<(), String> {
        match self.restart_due {
            None => Ok(()),
            Some(_) => Err(format!("{} is about to restart", self.machines.own().name)),
        }
    }

    /// Restarts the machine, if that is due. If it fails, the machine continues.
    pub(crate) fn restart_if_due(&mut self, now: Instant) {
        if self.restart_due.take_if(|due| *due <= now).is_some()
            && let Err(error) = self.host.reboot()
        {
            log::error!("the machine does not restart: {error}");
            self.admit_again(now);
        }
    }
}

/// Whether a domain could move away and is lost otherwise. An outlived copy, or the memory of a domain that has faulted, may be
/// the last one.
fn is_lost(record: &DomainRecord) -> bool {
    record.movable && record.is_here()
}

#[cfg(test)]
mod tests {
    use identity::{DomainId, Incarnation, Name};
    use service_protocol::root::DomainState;

    use super::*;

    fn running(movable: bool, has_package: bool) -> DomainRecord {
        DomainRecord {
            name: Name::try_new("pushed").expect("a name"),
            id: DomainId(1),
            incarnation: Incarnation(1),
            state: DomainState::Running,
            movable,
            is_part_of_machine: false,
            home: None,
            has_package,
            guest: None,
            pool_pages: 100,
            spent_pages: 50,
        }
    }

    /// No move could save it, so it does not prevent a restart, although its state and its package are lost.
    #[test]
    fn a_domain_that_is_not_movable_does_not_prevent_a_restart() {
        for has_package in [false, true] {
            assert!(is_lost(&running(true, has_package)));
            assert!(!is_lost(&running(false, has_package)));
        }
    }
}
