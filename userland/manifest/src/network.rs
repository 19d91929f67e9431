//! A domain's port at the switch.

use alloc::format;
use alloc::string::String;
use core::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

/// A port. A domain's has a `mac` and usually an `ip`; that of a NIC's driver has neither and is the `uplink`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Port {
    /// Its Ethernet address.
    #[serde(default)]
    pub mac: Option<Mac>,
    /// Its IPv4 address, announced when the port comes up. The switch drops frames from another source address.
    #[serde(default)]
    pub ip: Option<Ip>,
    /// The router to other networks.
    #[serde(default)]
    pub gateway: Option<Ipv4Addr>,
    /// Whether all stations outside this machine are behind it.
    #[serde(default)]
    pub uplink: bool,
}

impl Port {
    /// The name of an address that both ports have. The prefix of an IPv4 address is not compared.
    pub fn shared_with(&self, other: &Port) -> Option<&'static str> {
        let address = |port: &Port| port.ip.as_ref().map(|ip| ip.address);
        if self.mac.is_some() && self.mac == other.mac {
            return Some("mac");
        }
        (address(self).is_some() && address(self) == address(other)).then_some("ip")
    }
}

/// The Ethernet address of one station.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Mac(pub [u8; 6]);

impl TryFrom<String> for Mac {
    type Error = String;

    fn try_from(text: String) -> Result<Mac, String> {
        let bytes = mac_bytes(&text).ok_or_else(|| {
            format!("`{text}` is not an Ethernet address, expected the form 52:54:00:12:34:56")
        })?;
        match bytes[0] & 1 {
            0 => Ok(Mac(bytes)),
            _ => Err(format!("`{text}` is a group address")),
        }
    }
}

fn mac_bytes(text: &str) -> Option<[u8; 6]> {
    let mut bytes = [0; 6];
    let mut parts = text.split(':');
    for byte in &mut bytes {
        let part = parts.next().filter(|part| part.len() == 2)?;
        *byte = u8::from_str_radix(part, 16).ok()?;
    }
    parts.next().is_none().then_some(bytes)
}

impl From<Mac> for String {
    fn from(mac: Mac) -> String {
        let [a, b, c, d, e, f] = mac.0;
        format!("{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}")
    }
}

/// An IPv4 address with the length of its network's prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Ip {
    /// The address.
    pub address: Ipv4Addr,
    /// The length of the network prefix in bits.
    pub prefix: u8,
}

impl TryFrom<String> for Ip {
    type Error = String;

    fn try_from(text: String) -> Result<Ip, String> {
        text.split_once('/')
            .and_then(|(address, prefix)| {
                Some(Ip {
                    address: address.parse().ok()?,
                    prefix: prefix.parse().ok().filter(|prefix| *prefix <= 32)?,
                })
            })
            .ok_or_else(|| {
                format!(
                    "`{text}` is not an IPv4 address with a prefix, expected the form 10.0.0.1/24"
                )
            })
    }
}

impl From<Ip> for String {
    fn from(ip: Ip) -> String {
        format!("{}/{}", ip.address, ip.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn addresses_are_read_as_they_are_written() {
        let mac = Mac::try_from("52:54:00:ab:cd:ef".to_string()).unwrap();
        assert_eq!(String::from(mac), "52:54:00:ab:cd:ef");
        let ip = Ip::try_from("10.77.0.20/24".to_string()).unwrap();
        assert_eq!(String::from(ip), "10.77.0.20/24");
    }

    #[test]
    fn an_error_shows_the_invalid_address() {
        for text in [
            "52:54:00",
            "52:54:00:ab:cd:ef:00",
            "5:54:00:ab:cd:ef",
            "01:54:00:ab:cd:ef",
        ] {
            assert!(
                Mac::try_from(text.to_string()).unwrap_err().contains(text),
                "{text}"
            );
        }
        for text in ["10.77.0.20", "10.77.0.20/33", "10.77/24"] {
            assert!(
                Ip::try_from(text.to_string()).unwrap_err().contains(text),
                "{text}"
            );
        }
    }
}
