//! The text of a fault in the log: [`FaultText`].

use core::fmt;

use runtime::fault::Fault;

/// A fault as text for the log.
pub struct FaultText(pub Fault);

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
    use std::string::ToString;

    #[test]
    fn a_fault_is_shown_with_its_cause_and_addresses() {
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
