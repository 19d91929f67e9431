//! Ethernet and IPv4 addresses: [`Mac`], [`Ipv4`].
//!
//! They are written by hand, since `core::net` has no Ethernet address and no prefix, and `smoltcp` would add a network stack: see
//! `docs/decisions/0008-where-crates-did-not-fit.md`.

use core::fmt;
use core::net::Ipv4Addr;
use core::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::text;

/// The text, or the word of a message, is not an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an address")]
pub struct AddressError;

/// An Ethernet address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mac(pub [u8; 6]);

/// An IPv4 address with the prefix length of its network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ipv4 {
    /// The address.
    pub address: Ipv4Addr,
    /// The number of bits that identify the network: 0 to 32.
    pub prefix: u8,
}

impl Mac {
    /// The broadcast address, which every station receives.
    pub const BROADCAST: Mac = Mac([0xff; 6]);

    /// Whether it addresses a group of stations: multicast or broadcast.
    pub fn is_group(self) -> bool {
        self.0[0] & 1 != 0
    }

    /// The address in the low 48 bits of a word, first byte highest.
    pub fn to_word(self) -> u64 {
        let [a, b, c, d, e, f] = self.0;
        u64::from_be_bytes([0, 0, a, b, c, d, e, f])
    }

    /// The address in a word.
    ///
    /// # Errors
    /// [`AddressError`] if a bit above the low 48 is set.
    pub fn from_word(word: u64) -> Result<Mac, AddressError> {
        match word.to_be_bytes() {
            [0, 0, rest @ ..] => Ok(Mac(rest)),
            _ => Err(AddressError),
        }
    }
}

impl Ipv4 {
    /// The address in the low 32 bits of a word, first byte highest, and the prefix length above it.
    pub fn to_word(self) -> u64 {
        u64::from(self.prefix) << 32 | u64::from(self.address.to_bits())
    }

    /// The address in a word.
    ///
    /// # Errors
    /// [`AddressError`] if the prefix is longer than an address.
    pub fn from_word(word: u64) -> Result<Ipv4, AddressError> {
        let [0, 0, 0, prefix @ 0..=32, a, b, c, d] = word.to_be_bytes() else {
            return Err(AddressError);
        };
        let address = Ipv4Addr::new(a, b, c, d);
        Ok(Ipv4 { address, prefix })
    }
}

impl FromStr for Mac {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Mac, AddressError> {
        let mut bytes = [0; 6];
        let mut parts = text.split(':');
        for byte in &mut bytes {
            let part = parts.next().filter(|part| part.len() == 2);
            *byte = u8::from_str_radix(part.ok_or(AddressError)?, 16).map_err(|_| AddressError)?;
        }
        match parts.next() {
            None => Ok(Mac(bytes)),
            Some(_) => Err(AddressError),
        }
    }
}

impl FromStr for Ipv4 {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Ipv4, AddressError> {
        let (address, prefix) = text.split_once('/').ok_or(AddressError)?;
        let address = address.parse().map_err(|_| AddressError)?;
        match prefix.parse() {
            Ok(prefix @ 0..=32) => Ok(Ipv4 { address, prefix }),
            _ => Err(AddressError),
        }
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, f] = self.0;
        write!(formatter, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}")
    }
}

impl fmt::Display for Ipv4 {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.address, self.prefix)
    }
}

/// Serializes the type as its text in text formats, and as a word in binary ones.
macro_rules! text_or_word {
    ($name:ident, $expected:literal) => {
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    serializer.collect_str(self)
                } else {
                    serializer.serialize_u64(self.to_word())
                }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<$name, D::Error> {
                if deserializer.is_human_readable() {
                    return text::parse(deserializer, $expected);
                }
                let word = u64::deserialize(deserializer)?;
                $name::from_word(word).map_err(serde::de::Error::custom)
            }
        }
    };
}

text_or_word!(Mac, "an Ethernet address such as 52:54:00:12:34:56");
text_or_word!(Ipv4, "an IPv4 address with a prefix such as 10.0.0.1/24");

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::string::ToString;

    #[test]
    fn a_mac_survives_word_and_text() {
        let mac: Mac = "52:54:00:ab:cd:ef".parse().expect("an address");
        assert_eq!(mac.0, [0x52, 0x54, 0, 0xab, 0xcd, 0xef]);
        assert_eq!(mac.to_word(), 0x5254_00ab_cdef);
        assert_eq!(Mac::from_word(mac.to_word()), Ok(mac));
        assert_eq!(mac.to_string(), "52:54:00:ab:cd:ef");
        assert!(!mac.is_group() && Mac::BROADCAST.is_group());
    }

    #[test]
    fn an_ip_address_survives_word_and_text() {
        let ip: Ipv4 = "10.77.0.20/24".parse().expect("an address");
        assert_eq!(ip.to_word(), 24 << 32 | 0x0a4d_0014);
        assert_eq!(Ipv4::from_word(ip.to_word()), Ok(ip));
        assert_eq!(ip.to_string(), "10.77.0.20/24");
    }

    #[test]
    fn serialized_forms_come_back() {
        let ip: Ipv4 = "10.77.0.20/24".parse().expect("an address");
        let json = serde_json::to_string(&ip).expect("JSON");
        assert_eq!(json, "\"10.77.0.20/24\"");
        assert_eq!(serde_json::from_str::<Ipv4>(&json).expect("an address"), ip);
        let mut bytes = [0; 16];
        let bytes = postcard::to_slice(&ip, &mut bytes).expect("room");
        assert_eq!(postcard::from_bytes::<Ipv4>(bytes).expect("an address"), ip);
    }

    #[test]
    fn rejects_everything_else_and_shows_it() {
        for text in [
            "",
            "52:54:00",
            "52:54:00:ab:cd:ef:01",
            "5:54:00:ab:cd:ef",
            "zz:54:00:ab:cd:ef",
        ] {
            assert_eq!(text.parse::<Mac>(), Err(AddressError), "{text}");
        }
        for text in ["10.77.0.20", "10.77.0/24", "10.77.0.20/33", "10.77.0.20/x"] {
            assert_eq!(text.parse::<Ipv4>(), Err(AddressError), "{text}");
            let error = serde_json::from_str::<Ipv4>(&std::format!("\"{text}\""));
            let error = error.expect_err(text).to_string();
            assert!(
                error.contains(text) && error.contains("10.0.0.1/24"),
                "{error}"
            );
        }
        assert!(Mac::from_word(1 << 48).is_err());
        assert!(Ipv4::from_word(33 << 32).is_err());
    }
}
