//! Domains that fault: telling it clearly, and starting again what is to be started again.
//!
//! What faults soon after it was started waits twice as long as the last time, up to [`DELAY_NS_MAX`], and is started
//! again for ever: a machine is not lost with its switch, and what faults at once does not take all its time. Root has no timer. So
//! it makes the domain at once, frozen until that moment, when the kernel lets it run.

use core::fmt;

use manifest::Restart;
use runtime::fault::Fault;
use runtime::protocol::root::DomainState;

use crate::badge::DomainNumber;
use crate::clock;
use crate::domain::Domain;
use crate::supervisor::Supervisor;

/// How long a domain waits that was well until it faulted.
const DELAY_NS_MIN: u64 = 100_000_000;
/// The longest that a domain waits.
const DELAY_NS_MAX: u64 = 60_000_000_000;
/// A domain that has run for so long was well: its end is the first in a row.
const WELL_NS: u64 = 10_000_000_000;

impl Supervisor {
    /// A domain faulted and stands still. It is ended if it is to be started again, and else left to be looked at.
    pub fn fault(&mut self, number: DomainNumber, fault: Fault) {
        let Some(index) = self.by_number(number) else {
            log::error!("a domain that is not here has {}", InWords(fault));
            return;
        };
        let domain = &mut self.domains[index];
        log::error!("{} has {}", domain.name, InWords(fault));
        let described = domain.described.map(|index| &self.manifest.domains[index]);
        let restarts = described.is_some_and(|described| described.restart == Restart::Always);
        // One that is leaving takes its fault along.
        if restarts && domain.state == DomainState::Running {
            let delay_ns = domain.count_restart(clock::now_ns());
            self.end(index);
            // It is stopped then, and the log says why.
            let _ = self.start_in(index, delay_ns);
            return;
        }
        if domain.note_fault() {
            self.switchboard.stop(number);
            self.ring_for_commands();
        }
    }
}

impl Domain {
    /// Counts that it is started again; returns after how many nanoseconds it runs.
    fn count_restart(&mut self, now_ns: u64) -> u64 {
        if now_ns.saturating_sub(self.started_ns) > WELL_NS {
            self.restarts = 0;
        }
        let doubled = 1u64.checked_shl(self.restarts).unwrap_or(u64::MAX);
        self.restarts = self.restarts.saturating_add(1);
        DELAY_NS_MIN.saturating_mul(doubled).min(DELAY_NS_MAX)
    }
}

/// A fault in words.
struct InWords(Fault);

impl fmt::Display for InWords {
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

/// What an instruction did at the address of a page fault (Intel SDM volume 3, 5.7).
fn access(code: u64) -> &'static str {
    const WRITE: u64 = 1 << 1;
    const EXECUTE: u64 = 1 << 4;
    match (code & EXECUTE != 0, code & WRITE != 0) {
        (true, _) => "executing",
        (_, true) => "writing",
        _ => "reading",
    }
}

/// What programs do to get an exception.
fn cause(vector: u64) -> &'static str {
    match vector {
        0 => "a division",
        6 => "an instruction that no processor has, as after a panic",
        13 => "an instruction or an address that is not for it",
        16 | 19 => "floating-point arithmetic",
        17 => "an address that is not aligned",
        _ => "of another kind",
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use runtime::protocol::Name;
    use runtime::protocol::root::DomainId;
    use std::string::ToString;

    #[test]
    fn what_faults_again_and_again_waits_longer_and_never_for_ever() {
        let name = Name::try_new("nic0").expect("a name");
        let mut domain = Domain::new(DomainNumber(1), name, DomainId([1; 16]));
        let mut now_ns = WELL_NS;
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
            // It faults as soon as it can no more be called well.
            now_ns = domain.started_ns + WELL_NS;
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
        let words = InWords(fault).to_string();
        assert_eq!(words, "a page fault writing 0xdeadbeef at 0x401234");
        let fault = Fault::Exception {
            vector: 6,
            code: 0,
            instruction: 0x40_1234,
        };
        let words = InWords(fault).to_string();
        assert!(
            words.contains("panic") && words.ends_with("at 0x401234"),
            "{words}"
        );
    }
}
