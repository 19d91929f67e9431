//! The stack's configuration, from the arguments in the start page.
//!
//! | argument | meaning | feature |
//! | --- | --- | --- |
//! | `ip=10.77.0.20/24` | a fixed IPv4 address and its network | |
//! | `gateway=10.77.0.1` | the router to other networks, with a fixed address | |
//! | `ip=dhcp` | IPv4 address, router and name servers from a DHCP server | `dhcp` |
//! | `dns=10.77.0.1,10.77.0.2` | at most three name servers, with a fixed address | `dns` |
//! | `ip6=fd00::20/64` | a fixed IPv6 address and its network | `ipv6` |
//! | `ip6=auto` | IPv6 addresses from the router's advertisements (SLAAC) | `ipv6` |

use core::net::Ipv4Addr;

use embassy_net::{Config, ConfigV4, Ipv4Cidr, StaticConfigV4};

use crate::Start;
use crate::protocol::Ipv4;

/// The value of `ip` for an address from a DHCP server.
const DHCP: &str = "dhcp";
/// The maximum number of name servers.
const NAME_SERVERS_MAX: usize = 3;

/// Reads the configuration.
///
/// # Panics
/// If an argument is missing or malformed, or needs a feature that the program was built without: a mistake in the manifest.
pub(super) fn config(start: Start) -> Config {
    let mut config = Config::default();
    config.ipv4 = ipv4(start);
    ipv6(start, &mut config);
    config
}

fn ipv4(start: Start) -> ConfigV4 {
    match start.argument("ip") {
        Some(DHCP) => dhcp(),
        None if start.argument("ip6").is_some() => ConfigV4::None,
        _ => ConfigV4::Static(fixed(start)),
    }
}

/// The stack's fixed IPv4 address; `None` if a DHCP server assigns it.
///
/// # Panics
/// If the argument is missing or malformed: a mistake in the manifest.
pub fn fixed_address(start: Start) -> Option<Ipv4Addr> {
    let is_fixed = start.argument("ip") != Some(DHCP);
    is_fixed.then(|| start.require_argument::<Ipv4>("ip").address)
}

fn fixed(start: Start) -> StaticConfigV4 {
    let Ipv4 { address, prefix } = start.require_argument("ip");
    let gateway = start
        .argument("gateway")
        .map(|_| start.require_argument::<Ipv4Addr>("gateway"));
    let servers = start.argument("dns").unwrap_or("").split(',');
    let servers = servers.filter(|server| !server.is_empty()).map(|server| {
        let address: Result<Ipv4Addr, _> = server.trim().parse();
        address.unwrap_or_else(|_| panic!("the argument dns names `{server}`, not an IPv4 address"))
    });
    StaticConfigV4 {
        address: Ipv4Cidr::new(address, prefix),
        gateway,
        dns_servers: servers.take(NAME_SERVERS_MAX).collect(),
    }
}

#[cfg(feature = "dhcp")]
fn dhcp() -> ConfigV4 {
    ConfigV4::Dhcp(Default::default())
}

#[cfg(not(feature = "dhcp"))]
fn dhcp() -> ConfigV4 {
    panic!("the argument ip=dhcp needs the runtime's feature `dhcp`")
}

#[cfg(feature = "ipv6")]
fn ipv6(start: Start, config: &mut Config) {
    use embassy_net::{ConfigV6, Ipv6Cidr, StaticConfigV6};

    let parse = |text: &str| {
        let (address, prefix) = text.split_once('/')?;
        let prefix = prefix.parse().ok().filter(|prefix| *prefix <= 128)?;
        Some(Ipv6Cidr::new(address.parse().ok()?, prefix))
    };
    config.ipv6 = match start.argument("ip6") {
        None => ConfigV6::None,
        Some("auto") => ConfigV6::Slaac,
        Some(text) => ConfigV6::Static(StaticConfigV6 {
            address: parse(text).unwrap_or_else(|| panic!("the argument ip6={text} is invalid")),
            gateway: None,
            dns_servers: Default::default(),
        }),
    };
}

#[cfg(not(feature = "ipv6"))]
fn ipv6(start: Start, _: &mut Config) {
    if start.argument("ip6").is_some() {
        panic!("the argument ip6 needs the runtime's feature `ipv6`");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host;

    fn ipv4_of(arguments: &str) -> ConfigV4 {
        config(host::start(arguments, host::shared_memory(8))).ipv4
    }

    #[test]
    fn reads_a_fixed_address_with_router_and_name_servers() {
        let arguments = "ip=10.77.0.20/24\ngateway=10.77.0.1\ndns=10.77.0.1, 10.77.0.2\n";
        let ConfigV4::Static(fixed) = ipv4_of(arguments) else {
            panic!("not fixed");
        };
        let address = |last| Ipv4Addr::new(10, 77, 0, last);
        assert_eq!(fixed.address, Ipv4Cidr::new(address(20), 24));
        assert_eq!(fixed.gateway, Some(address(1)));
        assert_eq!(fixed.dns_servers[..], [address(1), address(2)]);
    }

    #[test]
    fn an_address_is_fixed_unless_a_dhcp_server_assigns_it() {
        let address = |arguments| fixed_address(host::start(arguments, host::shared_memory(8)));
        let fixed = Some(Ipv4Addr::new(10, 77, 0, 20));
        assert_eq!(address("ip=10.77.0.20/24\n"), fixed);
        assert_eq!(address("ip=dhcp\n"), None);
    }

    #[test]
    fn router_and_name_servers_may_be_missing() {
        let ConfigV4::Static(fixed) = ipv4_of("ip=10.77.0.20/24\n") else {
            panic!("not fixed");
        };
        assert_eq!((fixed.gateway, fixed.dns_servers.len()), (None, 0));
    }

    #[test]
    #[cfg(not(feature = "dhcp"))]
    #[should_panic(expected = "needs the runtime's feature `dhcp`")]
    fn a_missing_feature_is_named() {
        ipv4_of("ip=dhcp\n");
    }
}
