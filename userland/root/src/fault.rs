//! Domains that fault: telling it clearly, and starting again what is to be started again.

use core::fmt;

use manifest::Restart;
use runtime::fault::Fault;
use runtime::protocol::root::DomainState;

use crate::badge::DomainNumber;
use crate::clock;
use crate::domain::Domain;
use crate::supervisor::Supervisor;

/// How often in a row a domain is started again before it is left alone.
pub const RESTARTS_MAX: u32 = 8;
/// A domain that has run for so long was well: its end is the first in a row.
const WELL_NS: u64 = 60_000_000_000;

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
            if domain.may_restart() {
                self.end(index);
                self.start(index);
                return;
            }
            let name = domain.name;
            log::error!("{name} was started {RESTARTS_MAX} times again; it stays");
        }
        if domain.note_fault() {
            self.switchboard.quiesce(number);
            self.ring_for_commands();
        }
    }
}

impl Domain {
    /// Whether it may be started again; if so, that is counted.
    fn may_restart(&mut self) -> bool {
        if clock::now_ns().saturating_sub(self.started_ns) > WELL_NS {
            self.restarts_left = RESTARTS_MAX;
        }
        let may = self.restarts_left > 0;
        self.restarts_left = self.restarts_left.saturating_sub(1);
        may
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
    use std::string::ToString;

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
