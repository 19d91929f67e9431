//! The UUID of a machine, which its firmware keeps in the SMBIOS: [`Uuid`].

use alloc::format;
use alloc::string::String;
use core::fmt;

use serde::{Deserialize, Serialize};

/// The identity that a manufacturer gave a machine, in the order of its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Uuid([u8; 16]);

/// The lengths of the groups of digits.
const GROUPS: [usize; 5] = [8, 4, 4, 4, 12];

impl Uuid {
    /// Whether it identifies a machine: all zeros and all ones mean that the machine has none.
    pub fn is_assigned(self) -> bool {
        self.0 != [0; 16] && self.0 != [0xff; 16]
    }

    /// Parses 32 hexadecimal digits in groups.
    pub fn parse(text: &str) -> Option<Uuid> {
        if !text.split('-').map(str::len).eq(GROUPS) {
            return None;
        }
        let mut digits = text.bytes().filter(|byte| *byte != b'-');
        let mut digit = || char::from(digits.next()?).to_digit(16);
        let mut bytes = [0; 16];
        for byte in &mut bytes {
            *byte = (digit()? << 4 | digit()?) as u8;
        }
        Some(Uuid(bytes))
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = self.0.iter();
        for (index, digits) in GROUPS.into_iter().enumerate() {
            if index > 0 {
                formatter.write_str("-")?;
            }
            for byte in bytes.by_ref().take(digits / 2) {
                write!(formatter, "{byte:02x}")?;
            }
        }
        Ok(())
    }
}

impl TryFrom<String> for Uuid {
    type Error = String;

    fn try_from(text: String) -> Result<Uuid, String> {
        let uuid = Uuid::parse(&text).filter(|uuid| uuid.is_assigned());
        uuid.ok_or_else(|| {
            format!(
                "`{text}` is not a UUID of a machine, such as 4c4c4544-0042-3510-8054-b9c04f4e3732"
            )
        })
    }
}

impl From<Uuid> for String {
    fn from(uuid: Uuid) -> String {
        format!("{uuid}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    const TEXT: &str = "4c4c4544-0042-3510-8054-b9c04f4e3732";

    #[test]
    fn is_displayed_as_it_is_parsed() {
        let uuid = Uuid::parse(TEXT).unwrap();
        assert_eq!(uuid.to_string(), TEXT);
        assert_eq!(Uuid::parse(&TEXT.to_uppercase()), Some(uuid));
        assert_eq!(Uuid::try_from(TEXT.to_string()), Ok(uuid));
    }

    #[test]
    fn other_texts_and_placeholders_are_rejected() {
        let zeros = "00000000-0000-0000-0000-000000000000";
        let ones = zeros.replace('0', "f");
        for text in [zeros, &ones] {
            assert!(!Uuid::parse(text).unwrap().is_assigned());
            let error = Uuid::try_from(text.to_string()).unwrap_err();
            assert!(error.contains(text), "{error}");
        }
        for text in [
            "",
            "4c4c4544",
            &TEXT.replace('-', ""),
            &TEXT.replace('c', "g"),
            &TEXT.replace('c', "é"),
        ] {
            assert_eq!(Uuid::parse(text), None, "{text}");
        }
    }
}
