//! The name of a domain, a machine or a service: short and safe to print.

use core::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The most bytes in a name.
pub const NAME_BYTES_MAX: usize = abi::start_page::NAME_BYTES;

/// A text that passes [`abi::start_page::is_name`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name {
    bytes: [u8; NAME_BYTES_MAX],
    length: u8,
}

impl Name {
    /// The name with this text, unless it is empty, too long or has other characters.
    pub fn try_new(text: &str) -> Option<Name> {
        if !abi::start_page::is_name(text) {
            return None;
        }
        let mut bytes = [0; NAME_BYTES_MAX];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        Some(Name {
            bytes,
            length: text.len() as u8,
        })
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.bytes[..usize::from(self.length)]).unwrap_or("")
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
        // Borrowed: a forged length cannot cause an allocation.
        let text = <&str>::deserialize(deserializer)?;
        Name::try_new(text).ok_or_else(|| D::Error::custom("not a name"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_names_that_could_confuse_a_reader() {
        for text in [
            "",
            "two words",
            "a\nb",
            "\u{1b}[2J",
            "abcdefghijklmnopqrstuvwxy",
            "ä",
        ] {
            assert_eq!(Name::try_new(text), None, "{text:?}");
        }
    }

    #[test]
    fn keeps_its_text() {
        let name = Name::try_new("counter-2.a:b_c").expect("valid");
        assert_eq!(name.as_str(), "counter-2.a:b_c");
    }
}
