//! A domain's port at the switch.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::{Ipv4Addr, Ipv6Addr};

use identity::{Ipv4, Mac, Mtu};
use serde::{Deserialize, Serialize};

/// A port. A domain's port has a `mac` and usually an `ip`; the port of a NIC's driver has neither and is an `uplink`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Port {
    /// Its Ethernet address.
    #[serde(default)]
    pub mac: Option<Mac>,
    /// Its IPv4 address, announced at the uplinks when the port becomes active. The switch drops frames from another source
    /// address. With `"dhcp"`, a DHCP server assigns it, and the switch drops frames from the IPv4 addresses of this machine's
    /// other ports.
    #[serde(default, with = "ip_or_dhcp")]
    pub ip: Option<Ipv4>,
    /// The router to other networks.
    #[serde(default)]
    pub gateway: Option<Ipv4Addr>,
    /// Name servers, at most three. A DHCP server supplies its own.
    #[serde(default)]
    pub dns: Vec<Ipv4Addr>,
    /// Its IPv6 address.
    #[serde(default)]
    pub ip6: Option<Ip6>,
    /// Whether all stations outside this machine are behind it.
    #[serde(default)]
    pub uplink: bool,
    /// The maximum number of bytes in a frame after its Ethernet header: 1500 (the default) to 65000. A domain that may be
    /// moved has 1500.
    #[serde(default)]
    pub mtu: Mtu,
}

impl Port {
    /// The name of a field in which both ports have the same address, if any. The prefixes of addresses are not compared.
    pub fn shared_with(&self, other: &Port) -> Option<&'static str> {
        let fixed = |port: &Port| port.ip.filter(|ip| *ip != DHCP);
        let address = |port: &Port| fixed(port).map(|ip| ip.address);
        if self.mac.is_some() && self.mac == other.mac {
            return Some("mac");
        }
        if address(self).is_some() && address(self) == address(other) {
            return Some("ip");
        }
        let address = |port: &Port| match port.ip6 {
            Some(Ip6::Fixed { address, .. }) => Some(address),
            Some(Ip6::Auto) | None => None,
        };
        (address(self).is_some() && address(self) == address(other)).then_some("ip6")
    }
}

/// The value of [`Port::ip`] for an address that a DHCP server assigns: `"dhcp"` in TOML.
pub const DHCP: Ipv4 = Ipv4 {
    address: Ipv4Addr::UNSPECIFIED,
    prefix: 0,
};

/// [`DHCP`] in a manifest.
const DHCP_TEXT: &str = "dhcp";

/// The text of a [`Port::ip`].
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct PortIp(pub(crate) Ipv4);

impl TryFrom<String> for PortIp {
    type Error = String;

    fn try_from(text: String) -> Result<PortIp, String> {
        if text == DHCP_TEXT {
            return Ok(PortIp(DHCP));
        }
        let ip = text.parse().map_err(|_| {
            format!("`{text}` is not an IPv4 address with a prefix such as 10.0.0.1/24, or `dhcp`")
        })?;
        Ok(PortIp(ip))
    }
}

/// The encoding of [`Port::ip`]: an address, or `dhcp` in text formats.
mod ip_or_dhcp {
    use serde::de::Error;
    use serde::{Deserializer, Serializer};

    use super::*;

    pub fn serialize<S: Serializer>(ip: &Option<Ipv4>, serializer: S) -> Result<S::Ok, S::Error> {
        match *ip {
            Some(DHCP) if serializer.is_human_readable() => serializer.serialize_some(DHCP_TEXT),
            _ => ip.serialize(serializer),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Ipv4>, D::Error> {
        if !deserializer.is_human_readable() {
            return Option::deserialize(deserializer);
        }
        let ip = Option::<PortIp>::deserialize(deserializer).map_err(Error::custom)?;
        Ok(ip.map(|PortIp(ip)| ip))
    }
}

/// The source of a port's IPv6 address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Ip6 {
    /// The advertisements of the network's router (SLAAC).
    Auto,
    /// The manifest.
    Fixed {
        /// The address.
        address: Ipv6Addr,
        /// The length of the network prefix in bits.
        prefix: u8,
    },
}

impl TryFrom<String> for Ip6 {
    type Error = String;

    fn try_from(text: String) -> Result<Ip6, String> {
        let fixed = || {
            let (address, prefix) = text.split_once('/')?;
            Some(Ip6::Fixed {
                address: address.parse().ok()?,
                prefix: prefix.parse().ok().filter(|prefix| *prefix <= 128)?,
            })
        };
        match text.as_str() {
            "auto" => Ok(Ip6::Auto),
            _ => fixed().ok_or_else(|| {
                format!("`{text}` is not an IPv6 address with a prefix, expected the form fd00::1/64 or `auto`")
            }),
        }
    }
}

impl From<Ip6> for String {
    fn from(ip: Ip6) -> String {
        match ip {
            Ip6::Auto => "auto".into(),
            Ip6::Fixed { address, prefix } => format!("{address}/{prefix}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn an_ipv6_address_is_read_as_it_is_written() {
        for text in ["auto", "fd00::20/64"] {
            let ip = Ip6::try_from(text.to_string()).unwrap();
            assert_eq!(String::from(ip), text);
        }
    }

    #[test]
    fn an_error_shows_the_invalid_ipv6_address() {
        for text in ["fd00::20", "fd00::20/129", "10.77.0.20/24"] {
            let error = Ip6::try_from(text.to_string()).unwrap_err();
            assert!(error.contains(text), "{error}");
        }
    }

    #[test]
    fn a_port_may_get_its_address_by_dhcp() {
        let port: Port = toml::from_str("ip = \"dhcp\"").unwrap();
        assert_eq!(port.ip, Some(DHCP));
        let written = toml::to_string(&port).unwrap();
        assert!(written.contains("ip = \"dhcp\""), "{written}");
        let bytes = postcard::to_allocvec(&port).unwrap();
        assert_eq!(postcard::from_bytes::<Port>(&bytes), Ok(port));
        let error = toml::from_str::<Port>("ip = \"10.77.0.20\"").unwrap_err();
        assert!(error.message().contains("or `dhcp`"), "{error}");
    }

    #[test]
    fn a_port_has_the_standard_mtu_or_its_own() {
        let mtu = |text: &str| toml::from_str::<Port>(text).map(|port| port.mtu);
        assert_eq!(mtu(""), Ok(Mtu::STANDARD));
        assert_eq!(mtu("mtu = 9000").map(Mtu::bytes), Ok(9000));
        for invalid in ["1499", "65001", "70000"] {
            let error = mtu(&format!("mtu = {invalid}")).unwrap_err();
            let expected = format!("the MTU {invalid} is not 1500 to 65000");
            assert!(error.message().contains(&expected), "{error}");
        }
    }

    #[test]
    fn ports_share_a_fixed_ipv6_address_whatever_its_prefix() {
        let port = |ip6: &str| toml::from_str::<Port>(&format!("ip6 = \"{ip6}\"")).unwrap();
        let fixed = port("fd00::1/64");
        assert_eq!(fixed.shared_with(&port("fd00::1/48")), Some("ip6"));
        assert_eq!(fixed.shared_with(&port("fd00::2/64")), None);
        assert_eq!(port("auto").shared_with(&port("auto")), None);
    }

    #[test]
    fn ports_with_dhcp_share_no_address() {
        let port: Port = toml::from_str("ip = \"dhcp\"").unwrap();
        assert_eq!(port.shared_with(&port), None);
    }
}
