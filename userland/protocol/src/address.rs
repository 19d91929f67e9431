//! Ethernet and IPv4 addresses, as message words (one each) and as text.

use core::fmt;
use core::str::FromStr;

use super::words::Malformed;

/// The text is not a valid address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressError;

/// An Ethernet address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mac(pub [u8; 6]);

impl Mac {
    /// The broadcast address.
    pub const BROADCAST: Mac = Mac([0xff; 6]);

    /// Whether it is a group address and not that of one station.
    pub fn is_group(self) -> bool {
        self.0[0] & 1 != 0
    }

    /// The address as a word, its first byte the most significant.
    pub fn to_word(self) -> u64 {
        self.0
            .iter()
            .fold(0, |word, byte| word << 8 | u64::from(*byte))
    }

    /// The address in a word.
    ///
    /// # Errors
    /// [`Malformed::Value`] if the word is larger than an address.
    pub fn from_word(word: u64) -> Result<Mac, Malformed> {
        match word.to_be_bytes() {
            [0, 0, rest @ ..] => Ok(Mac(rest)),
            _ => Err(Malformed::Value(word)),
        }
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, f] = self.0;
        write!(formatter, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}")
    }
}

impl FromStr for Mac {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Mac, AddressError> {
        let mut bytes = [0; 6];
        let mut parts = text.split(':');
        for byte in &mut bytes {
            let part = parts
                .next()
                .filter(|part| part.len() == 2)
                .ok_or(AddressError)?;
            *byte = u8::from_str_radix(part, 16).map_err(|_| AddressError)?;
        }
        match parts.next() {
            None => Ok(Mac(bytes)),
            Some(_) => Err(AddressError),
        }
    }
}

/// An IPv4 address with the length of its network's prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ipv4 {
    /// The address.
    pub address: [u8; 4],
    /// The length of the network prefix in bits: 0 to 32.
    pub prefix: u8,
}

impl Ipv4 {
    /// The address as a word: the prefix above the address, whose first byte is the most significant.
    pub fn to_word(self) -> u64 {
        u64::from(self.prefix) << 32 | u64::from(u32::from_be_bytes(self.address))
    }

    /// The address in a word.
    ///
    /// # Errors
    /// [`Malformed::Value`] if the prefix is longer than an address.
    pub fn from_word(word: u64) -> Result<Ipv4, Malformed> {
        let [0, 0, 0, prefix @ 0..=32, address @ ..] = word.to_be_bytes() else {
            return Err(Malformed::Value(word));
        };
        Ok(Ipv4 { address, prefix })
    }
}

impl fmt::Display for Ipv4 {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d] = self.address;
        write!(formatter, "{a}.{b}.{c}.{d}/{}", self.prefix)
    }
}

impl FromStr for Ipv4 {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Ipv4, AddressError> {
        let (address, prefix) = text.split_once('/').ok_or(AddressError)?;
        let address: core::net::Ipv4Addr = address.parse().map_err(|_| AddressError)?;
        let prefix = prefix.parse().map_err(|_| AddressError)?;
        if prefix > 32 {
            return Err(AddressError);
        }
        Ok(Ipv4 {
            address: address.octets(),
            prefix,
        })
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::string::ToString;

    #[test]
    fn a_mac_survives_conversion_to_word_and_text() {
        let mac: Mac = "52:54:00:ab:cd:ef".parse().unwrap();
        assert_eq!(mac.0, [0x52, 0x54, 0, 0xab, 0xcd, 0xef]);
        assert_eq!(Mac::from_word(mac.to_word()), Ok(mac));
        assert_eq!(mac.to_string(), "52:54:00:ab:cd:ef");
        assert!(!mac.is_group() && Mac::BROADCAST.is_group());
    }

    #[test]
    fn an_ip_address_survives_conversion_to_word_and_text() {
        let ip: Ipv4 = "10.77.0.20/24".parse().unwrap();
        assert_eq!(Ipv4::from_word(ip.to_word()), Ok(ip));
        assert_eq!(ip.to_string(), "10.77.0.20/24");
    }

    #[test]
    fn rejects_invalid_addresses() {
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
        }
        assert!(Mac::from_word(1 << 48).is_err());
        assert!(Ipv4::from_word(33 << 32).is_err());
    }
}
