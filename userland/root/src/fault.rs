//! Handles faults of domains: logs them, and restarts domains by their policy.
//!
//! A domain that faults soon after its start waits twice as long as the last time, up to [`DELAY_NS_MAX`], and is restarted without
//! a limit: a machine is not lost with its switch, and a domain that always faults does not use all its time. Root has no timer, so
//! it builds the domain at once, frozen until that moment, when the kernel thaws it.

use core::fmt;

use manifest::Restart;
use runtime::fault::Fault;
use runtime::protocol::root::DomainState;

use crate::badge::DomainNumber;
use crate::clock;
use crate::domain::Domain;
use crate::supervisor::Supervisor;

/// The delay after the first fault in a row.
const DELAY_NS_MIN: u64 = 100_000_000;
/// The maximum delay.
const DELAY_NS_MAX: u64 = 60_000_000_000;
/// A domain that ran this long was stable: its fault is the first in a row.
const STABLE_NS: u64 = 10_000_000_000;

impl Supervisor {
    /// Handles a fault, which has stopped a thread of the domain. The domain is restarted by its policy, or else kept for inspection.
    pub fn fault(&mut self, number: DomainNumber, fault: Fault) {
        let Some(index) = self.by_number(number) else {
            log::error!("an unknown domain has {}", FaultText(fault));
            return;
        };
        let domain = &mut self.domains[index];
        log::error!("{} has {}", domain.name, FaultText(fault));
        let description = domain
            .manifest_index
            .map(|index| &self.manifest.domains[index]);
        let restarts =
            description.is_some_and(|description| description.restart == Restart::Always);
        // The fault of a leaving domain moves along.
        if restarts && domain.state == DomainState::Running {
            let delay_ns = domain.count_restart(clock::now_ns());
            self.end(index);
            // On an error it is stopped, and the log has the reason.
            let _ = self.start_in(index, delay_ns);
            return;
        }
        if domain.record_fault() {
            self.switchboard.stop(number);
            self.ring_for_commands();
        }
    }
}

impl Domain {
    /// Counts a restart; returns its delay in nanoseconds.
    fn count_restart(&mut self, now_ns: u64) -> u64 {
        if now_ns.saturating_sub(self.started_ns) > STABLE_NS {
            self.restarts = 0;
        }
        let doubled = 1u64.checked_shl(self.restarts).unwrap_or(u64::MAX);
        self.restarts = self.restarts.saturating_add(1);
        DELAY_NS_MIN.saturating_mul(doubled).min(DELAY_NS_MAX)
    }
}

/// A fault as text for the log.
struct FaultText(Fault);

impl fmt::Display for FaultText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Fault::Page {
                address,
                code,
                instruction,
            } => write!(
                formatter,
                "a page fault {} {address:#x} at {instruction:#x}",
                access(code)
            ),
            Fault::Exception {
                vector,
                code,
                instruction,
            } => write!(
                formatter,
                "exception {vector}, {} (code {code:#x}), at {instruction:#x}",
                cause(vector)
            ),
            Fault::AbsentPage {
                page, instruction, ..
            } => write!(
                formatter,
                "page {page} of a Memory absent at {instruction:#x}"
            ),
        }
    }
}

/// The access that caused a page fault (Intel SDM volume 3, 5.7).
fn access(code: u64) -> &'static str {
    const WRITE: u64 = 1 << 1;
    const EXECUTE: u64 = 1 << 4;
    match (code & EXECUTE != 0, code & WRITE != 0) {
        (true, _) => "executing",
        (_, true) => "writing",
        _ => "reading",
    }
}

/// The usual cause of an exception.
fn cause(vector: u64) -> &'static str {
    match vector {
        0 => "a division",
        6 => "an undefined instruction, as after a panic",
        13 => "a forbidden instruction or address",
        16 | 19 => "floating-point arithmetic",
        17 => "an unaligned address",
        _ => "of another kind",
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use runtime::protocol::DomainId;
    use runtime::protocol::Name;
    use std::string::ToString;

    #[test]
    fn what_faults_again_and_again_waits_longer_and_never_for_ever() {
        let name = Name::try_new("nic0").expect("a name");
        let mut domain = Domain::new(DomainNumber(1), name, DomainId(1));
        let mut now_ns = STABLE_NS;
        let mut last_ns = 0;
        for restart in 0..200 {
            let delay_ns = domain.count_restart(now_ns);
            let expected = if restart == 0 {
                DELAY_NS_MIN
            } else {
                DELAY_NS_MAX.min(2 * last_ns)
            };
            assert_eq!(delay_ns, expected, "{restart}");
            last_ns = delay_ns;
            domain.started_ns = now_ns + delay_ns;
            // It faults at the last moment before it counts as stable.
            now_ns = domain.started_ns + STABLE_NS;
        }
        assert_eq!(last_ns, DELAY_NS_MAX);
        assert_eq!(domain.count_restart(now_ns + 1), DELAY_NS_MIN);
    }

    #[test]
    fn a_fault_says_what_where_and_by_which_instruction() {
        let fault = Fault::Page {
            address: 0xdead_beef,
            code: 0b110,
            instruction: 0x40_1234,
        };
        let words = FaultText(fault).to_string();
        assert_eq!(words, "a page fault writing 0xdeadbeef at 0x401234");
        let fault = Fault::Exception {
            vector: 6,
            code: 0,
            instruction: 0x40_1234,
        };
        let words = FaultText(fault).to_string();
        assert!(
            words.contains("panic") && words.ends_with("at 0x401234"),
            "{words}"
        );
    }
}
