//! [`Name`]: a name that is short and safe to print.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::text;

/// The maximum number of bytes in a name.
pub const NAME_BYTES_MAX: usize = abi::start_page::NAME_BYTES;

/// The beginning of the names of guests: machines that have a fleet's image without being named in it. No machine that an image
/// names has such a name.
pub const GUEST_PREFIX: &str = "guest-";

/// The name of a domain, a machine or a service: 1 to [`NAME_BYTES_MAX`] ASCII letters, digits, `-`, `_`, `.` or `:`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name([u8; NAME_BYTES_MAX]);

/// The reason a text is not a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// It is empty.
    #[error("the name is empty")]
    Empty,
    /// It has this many bytes, more than [`NAME_BYTES_MAX`].
    #[error("the name has {0} bytes; at most {NAME_BYTES_MAX} are allowed")]
    TooLong(usize),
    /// It contains this character.
    #[error("the name contains {0:?}; letters, digits and `-_.:` are allowed")]
    Character(char),
}

impl Name {
    /// Checks a text.
    ///
    /// # Errors
    /// The reason the text is not a name.
    pub fn try_new(text: &str) -> Result<Name, NameError> {
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        if text.len() > NAME_BYTES_MAX {
            return Err(NameError::TooLong(text.len()));
        }
        let forbidden =
            |character: &char| !abi::start_page::is_name(character.encode_utf8(&mut [0; 4]));
        if let Some(character) = text.chars().find(forbidden) {
            return Err(NameError::Character(character));
        }
        let mut bytes = [0; NAME_BYTES_MAX];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        Ok(Name(bytes))
    }

    /// Whether a machine with this name is a guest of its fleet.
    pub fn is_of_guest(&self) -> bool {
        self.as_str().starts_with(GUEST_PREFIX)
    }

    /// The text in a field of a fixed size, with zeros after its end.
    pub fn to_bytes(self) -> [u8; NAME_BYTES_MAX] {
        self.0
    }

    /// The name in such a field; `None` if the field is malformed.
    pub fn from_bytes(bytes: [u8; NAME_BYTES_MAX]) -> Option<Name> {
        let length = bytes.iter().position(|byte| *byte == 0);
        let text = core::str::from_utf8(&bytes[..length.unwrap_or(NAME_BYTES_MAX)]).ok()?;
        let name = Name::try_new(text).ok()?;
        (name.0 == bytes).then_some(name)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        let end = self.0.iter().position(|byte| *byte == 0);
        let text = &self.0[..end.unwrap_or(NAME_BYTES_MAX)];
        core::str::from_utf8(text).expect("a name is ASCII")
    }
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Name, NameError> {
        Name::try_new(text)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), formatter)
    }
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Name, D::Error> {
        text::parse(deserializer, "a name")
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::string::ToString;

    use super::*;

    #[test]
    fn rejects_what_could_confuse_a_reader() {
        let longer = "abcdefghijklmnopqrstuvwxy";
        for (text, error) in [
            ("", NameError::Empty),
            ("two words", NameError::Character(' ')),
            ("a\nb", NameError::Character('\n')),
            ("a\0b", NameError::Character('\0')),
            ("\u{1b}[2J", NameError::Character('\u{1b}')),
            (longer, NameError::TooLong(25)),
            ("ä", NameError::Character('ä')),
        ] {
            assert_eq!(Name::try_new(text), Err(error), "{text:?}");
        }
    }

    #[test]
    fn has_one_form_in_a_field_of_a_fixed_size() {
        for text in ["c", "exactly-twenty-four-byte"] {
            let name = Name::try_new(text).expect("a name");
            assert_eq!(Name::from_bytes(name.to_bytes()), Some(name));
        }
        for text in [&b""[..], b"a\0b", b"\0a", b"a b", b"\xff"] {
            let mut bytes = [0; NAME_BYTES_MAX];
            bytes[..text.len()].copy_from_slice(text);
            assert_eq!(Name::from_bytes(bytes), None, "{text:?}");
        }
    }

    #[test]
    fn is_a_string_in_every_format() {
        for text in ["c", "counter-2.a:b_c", "exactly-twenty-four-byte"] {
            let name = Name::try_new(text).expect("a name");
            assert_eq!(name.as_str(), text);
            let json = serde_json::to_string(&name).expect("JSON");
            assert_eq!(serde_json::from_str::<Name>(&json).expect("a name"), name);
            let mut bytes = [0; 32];
            let bytes = postcard::to_slice(&name, &mut bytes).expect("room");
            assert_eq!(bytes.len(), 1 + text.len());
            assert_eq!(postcard::from_bytes::<Name>(bytes).expect("a name"), name);
        }
        let error = serde_json::from_str::<Name>("\"a b\"").expect_err("a space");
        assert!(error.to_string().contains("`a b`"), "{error}");
    }
}
