//! This host's interface to the machines' network: [`Interface`], as `ip` reports it.

use std::fmt;
use std::net::Ipv4Addr;

use serde::Deserialize;

use super::options::Range;
use super::{Error, program};

/// An interface with its IPv4 address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// Its first IPv4 address.
    pub address: Ipv4Addr,
    /// The length of the network's prefix.
    pub prefix_bits: u32,
}

/// An interface in the output of `ip`.
#[derive(Deserialize)]
struct Link {
    ifname: String,
    #[serde(default)]
    addr_info: Vec<Address>,
}

/// An address there, of any family.
#[derive(Deserialize)]
struct Address {
    #[serde(default)]
    local: String,
    #[serde(default)]
    prefixlen: u32,
}

impl Interface {
    /// The interface with this name.
    ///
    /// # Errors
    /// There is none, it has no IPv4 address, or `ip` does not report the interfaces.
    pub fn find(name: &str) -> Result<Interface, Error> {
        let mut ip = program::command("ip");
        let output = program::output("ip", "iproute2", ip.args(["-json", "address", "show"]))?;
        Interface::among(&output, name)
    }

    fn among(output: &str, name: &str) -> Result<Interface, Error> {
        let links: Vec<Link> =
            serde_json::from_str(output).map_err(|error| Error::Output("ip", error))?;
        let Some(link) = links.iter().find(|link| link.ifname == name) else {
            let names: Vec<&str> = links.iter().map(|link| link.ifname.as_str()).collect();
            return Err(Error::NoInterface(name.into(), names.join(", ")));
        };
        let mut addresses = link.addr_info.iter();
        let found = addresses.find_map(|it| Some((it.local.parse().ok()?, it.prefixlen)));
        let (address, prefix_bits) = found.ok_or_else(|| Error::NoAddress(name.into()))?;
        Ok(Interface {
            name: name.into(),
            address,
            prefix_bits,
        })
    }

    /// The mask of its network.
    pub fn mask(&self) -> Ipv4Addr {
        let host_bits = u32::BITS.saturating_sub(self.prefix_bits);
        Ipv4Addr::from_bits(u32::MAX.checked_shl(host_bits).unwrap_or(0))
    }

    /// Whether its network has all of these addresses.
    pub fn reaches(&self, range: Range) -> bool {
        let network = |address: Ipv4Addr| address & self.mask();
        [range.first, range.last].map(network) == [network(self.address); 2]
    }
}

impl fmt::Display for Interface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}/{})", self.name, self.address, self.prefix_bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = r#"[
        {"ifname": "lo", "addr_info": [{"family": "inet", "local": "127.0.0.1", "prefixlen": 8}]},
        {"ifname": "wlan0", "addr_info": []},
        {"link": "if5", "ifname": "lan0", "addr_info": [
            {"family": "inet6", "local": "fe80::1", "prefixlen": 64},
            {"family": "inet", "local": "10.77.0.100", "prefixlen": 24}]}]"#;

    #[test]
    fn an_interface_has_its_ipv4_address() {
        let interface = Interface::among(OUTPUT, "lan0").expect("an interface");
        assert_eq!(interface.to_string(), "lan0 (10.77.0.100/24)");
        assert_eq!(interface.mask(), Ipv4Addr::new(255, 255, 255, 0));
        for (range, is_reached) in [
            ("10.77.0.150-10.77.0.199", true),
            ("10.77.0.150-10.77.1.9", false),
            ("10.78.0.1-10.78.0.2", false),
        ] {
            let parsed = range.parse().expect("a range");
            assert_eq!(interface.reaches(parsed), is_reached, "{range}");
        }
    }

    #[test]
    fn a_wrong_name_is_answered_with_the_names_of_this_host() {
        let error = Interface::among(OUTPUT, "lan1").expect_err("no interface");
        let text = error.to_string();
        assert!(text.contains("no interface lan1"), "{text}");
        assert!(text.contains("lo, wlan0, lan0"), "{text}");
    }

    #[test]
    fn an_interface_without_an_address_is_refused() {
        let error = Interface::among(OUTPUT, "wlan0").expect_err("no address");
        assert!(error.to_string().contains("dev wlan0"), "{error}");
    }
}
