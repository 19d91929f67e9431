//! The payloads of a handshake: [`Introduction`] in the first message, [`Verdict`] in the second.
//!
//! ```text
//!   0        1        9                        33
//!   +--------+--------+------------------------+
//!   | suites | boot   | name, zeros at its end |      an operator has neither boot nor name: both are zeros
//!   +--------+--------+------------------------+
//!   | suite  | boot   |                               suite 0: the handshake is refused
//!   +--------+--------+
//! ```
//!
//! The handshake encrypts and authenticates both. The name is a claim until the key of the handshake is known to be the
//! key of the machine with that name.

use identity::{NAME_BYTES_MAX, Name};
use nomad_protocol::BootId;

use crate::cipher::{Suite, Suites};

/// Bytes of an introduction.
pub const INTRODUCTION_BYTES: usize = 1 + 8 + NAME_BYTES_MAX;
/// Bytes of a verdict.
pub const VERDICT_BYTES: usize = 1 + 8;

/// The side that begins a handshake, as it introduces itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Introduction {
    /// The suites that it has.
    pub suites: Suites,
    /// Its boot.
    pub boot: BootId,
    /// The name of a machine; `None` for an operator.
    pub name: Option<Name>,
}

/// The reply of the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The suite of the session, or `None` if another boot of the initiator's name has a session.
    pub suite: Option<Suite>,
    /// The responder's boot.
    pub boot: BootId,
}

impl Introduction {
    /// Serialises it.
    pub fn to_bytes(self) -> [u8; INTRODUCTION_BYTES] {
        let mut bytes = [0; INTRODUCTION_BYTES];
        bytes[0] = self.suites.to_byte();
        bytes[1..9].copy_from_slice(&self.boot.0.to_le_bytes());
        bytes[9..].copy_from_slice(&to_field(self.name));
        bytes
    }

    /// Parses it; `None` if the name is not one.
    pub fn from_bytes(bytes: [u8; INTRODUCTION_BYTES]) -> Option<Introduction> {
        let [suites, b0, b1, b2, b3, b4, b5, b6, b7, name @ ..] = bytes;
        Some(Introduction {
            suites: Suites::from_byte(suites),
            boot: BootId(u64::from_le_bytes([b0, b1, b2, b3, b4, b5, b6, b7])),
            name: NameField::from_bytes(name)?.name(),
        })
    }
}

impl Verdict {
    /// Serialises it.
    pub fn to_bytes(self) -> [u8; VERDICT_BYTES] {
        let mut bytes = [0; VERDICT_BYTES];
        bytes[0] = self.suite.map_or(0, |suite| suite as u8);
        bytes[1..].copy_from_slice(&self.boot.0.to_le_bytes());
        bytes
    }

    /// Parses the reply to an introduction with these suites; `None` if it chose none of them.
    pub fn from_bytes(bytes: [u8; VERDICT_BYTES], suites: Suites) -> Option<Verdict> {
        let [suite, boot @ ..] = bytes;
        let suite = match suite {
            0 => None,
            chosen => Some(suites.best_with(Suites::from_byte(chosen))?),
        };
        Some(Verdict {
            suite,
            boot: BootId(u64::from_le_bytes(boot)),
        })
    }
}

/// A name in a field of a fixed size.
fn to_field(name: Option<Name>) -> [u8; NAME_BYTES_MAX] {
    name.map_or([0; NAME_BYTES_MAX], Name::to_bytes)
}

/// The content of such a field.
enum NameField {
    Empty,
    Name(Name),
}

impl NameField {
    /// Parses it; `None` if it is malformed.
    fn from_bytes(bytes: [u8; NAME_BYTES_MAX]) -> Option<NameField> {
        match bytes {
            bytes if bytes == [0; NAME_BYTES_MAX] => Some(NameField::Empty),
            bytes => Name::from_bytes(bytes).map(NameField::Name),
        }
    }

    fn name(self) -> Option<Name> {
        match self {
            NameField::Empty => None,
            NameField::Name(name) => Some(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_survive_a_round_trip() {
        for name in [None, Name::try_new("exactly-twenty-four-byte").ok()] {
            let introduction = Introduction {
                suites: Suites::PORTABLE,
                boot: BootId(7),
                name,
            };
            let bytes = introduction.to_bytes();
            assert_eq!(Introduction::from_bytes(bytes), Some(introduction));
        }
        let best = Suites::ALL.best_with(Suites::ALL);
        for suite in [None, best] {
            let boot = BootId(7);
            let verdict = Verdict { suite, boot };
            let bytes = verdict.to_bytes();
            assert_eq!(Verdict::from_bytes(bytes, Suites::ALL), Some(verdict));
        }
    }

    #[test]
    fn a_suite_that_was_not_offered_is_no_verdict() {
        let none = Suites::from_byte(0);
        assert_eq!(Verdict::from_bytes([1; VERDICT_BYTES], none), None);
    }

    #[test]
    fn a_malformed_name_is_no_introduction() {
        let mut bytes = [0; INTRODUCTION_BYTES];
        bytes[10] = b'a';
        assert_eq!(Introduction::from_bytes(bytes), None);
    }
}
