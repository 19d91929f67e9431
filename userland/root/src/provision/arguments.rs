//! The arguments of a domain: those of the manifest, the geometry of its screen, and the configuration of its port.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use manifest::Capability;
use runtime::protocol::Mac;
use runtime::protocol::ports::doorbell_flag;

use crate::screen;

/// The `key=value` lines of the start page.
pub(super) fn lines(machine: &str, description: &manifest::Domain) -> String {
    let mut lines = format!("machine={machine}\n");
    for (key, value) in &description.arguments {
        lines += &format!("{key}={value}\n");
    }
    if description.capabilities.contains(&Capability::Screen)
        && let Some(screen) = screen::get()
    {
        lines += &format!("screen={}\n", screen.geometry);
    }
    let Some(port) = &description.port else {
        return lines;
    };
    let mac = port.mac.map_or([0; 6], |mac| mac.0);
    lines += &format!("doorbell={}\n", doorbell_flag(Mac(mac)));
    if port.mac.is_some() {
        lines += &format!("mac={}\n", Mac(mac));
    }
    match port.ip {
        None => {}
        Some(manifest::DHCP) => lines += "ip=dhcp\n",
        Some(ip) => lines += &format!("ip={ip}\n"),
    }
    if let Some(ip) = port.ip6 {
        lines += &format!("ip6={}\n", String::from(ip));
    }
    if !port.dns.is_empty() {
        let servers: Vec<String> = port.dns.iter().map(ToString::to_string).collect();
        lines += &format!("dns={}\n", servers.join(","));
    }
    if let Some(gateway) = port.gateway {
        lines += &format!("gateway={gateway}\n");
    }
    lines
}
