//! The payload of a handshake's first message: [`Introduction`].
//!
//! ```text
//!   0        1                            25
//!   +--------+----------------------------+
//!   | suites | name, zeros after its end  |       an operator has no name
//!   +--------+----------------------------+
//! ```
//!
//! The handshake encrypts and authenticates it. The name is a claim until the key of the handshake is known to be the
//! key of the machine with that name.

use identity::{NAME_BYTES_MAX, Name};

use crate::cipher::Suites;

/// Bytes of an introduction.
pub const INTRODUCTION_BYTES: usize = 1 + NAME_BYTES_MAX;

/// The side that begins a handshake, as it introduces itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Introduction {
    /// The suites that it has.
    pub suites: Suites,
    /// The name of a machine; `None` for an operator.
    pub name: Option<Name>,
}

impl Introduction {
    /// Serialises it.
    pub fn to_bytes(self) -> [u8; INTRODUCTION_BYTES] {
        let mut bytes = [0; INTRODUCTION_BYTES];
        bytes[0] = self.suites.to_byte();
        bytes[1..].copy_from_slice(&padded(self.name));
        bytes
    }

    /// Parses it; `None` if the name is not one.
    pub fn from_bytes(bytes: [u8; INTRODUCTION_BYTES]) -> Option<Introduction> {
        let [suites, name @ ..] = bytes;
        Some(Introduction {
            suites: Suites::from_byte(suites),
            name: unpadded(&name)?,
        })
    }
}

/// A name in a field of a fixed size, with zeros after its end.
pub(crate) fn padded(name: Option<Name>) -> [u8; NAME_BYTES_MAX] {
    let mut bytes = [0; NAME_BYTES_MAX];
    let text = name.as_ref().map_or("", Name::as_str);
    bytes[..text.len()].copy_from_slice(text.as_bytes());
    bytes
}

/// The name in such a field, `Some(None)` for no name; `None` if it is malformed.
pub(crate) fn unpadded(bytes: &[u8; NAME_BYTES_MAX]) -> Option<Option<Name>> {
    let length = bytes.iter().position(|byte| *byte == 0);
    let (text, rest) = bytes.split_at(length.unwrap_or(NAME_BYTES_MAX));
    if rest.iter().any(|byte| *byte != 0) {
        return None;
    }
    if text.is_empty() {
        return Some(None);
    }
    let text = core::str::from_utf8(text).ok()?;
    Name::try_new(text).ok().map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn survives_a_round_trip() {
        for text in ["a", "exactly-twenty-four-byte"] {
            let introduction = Introduction {
                suites: Suites::ALL,
                name: Name::try_new(text).ok(),
            };
            let bytes = introduction.to_bytes();
            assert_eq!(Introduction::from_bytes(bytes), Some(introduction));
        }
        let operator = Introduction {
            suites: Suites::PORTABLE,
            name: None,
        };
        let bytes = operator.to_bytes();
        assert_eq!(Introduction::from_bytes(bytes), Some(operator));
    }

    #[test]
    fn one_name_has_one_form() {
        let mut bytes = [0; NAME_BYTES_MAX];
        bytes[..3].copy_from_slice(b"a\0b");
        assert_eq!(unpadded(&bytes), None);
        bytes[..3].copy_from_slice(b"\0\0b");
        assert_eq!(unpadded(&bytes), None);
        bytes[..3].copy_from_slice(b"a b");
        assert_eq!(unpadded(&bytes), None);
        bytes[..3].copy_from_slice(&[0xff, 0, 0]);
        assert_eq!(unpadded(&bytes), None);
    }
}
