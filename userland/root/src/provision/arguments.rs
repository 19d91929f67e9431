//! The arguments of a domain: those of the manifest, the geometry of its screen, the facts of the machine, and the configuration of its
//! port.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use manifest::Capability;
use runtime::protocol::ports::doorbell_flag;
use runtime::protocol::{Mac, Name};

use crate::layout::MIB_PAGES;
use crate::machine::Machine;
use crate::{console, screen};

/// The kernel's arguments, and those of the boot loader, that a domain with `inventory` gets too.
const FACTS: [&str; 6] = ["platform", "features", "unused", "maker", "product", "uuid"];

/// The `key=value` lines of the start page.
pub(super) fn lines(machine: &Machine, name: Name, description: &manifest::Domain) -> String {
    let mut lines = format!("machine={name}\n");
    for (key, value) in &description.arguments {
        lines += &format!("{key}={value}\n");
    }
    let has = |capability| description.capabilities.contains(&capability);
    if has(Capability::Inventory) {
        add_facts(&mut lines, machine);
    }
    if (has(Capability::Screen) || has(Capability::Inventory))
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

/// Adds the facts of the machine: they do not change while it runs.
fn add_facts(lines: &mut String, machine: &Machine) {
    let facts = machine.arguments.lines().filter(|line| {
        let key = line.split_once('=').map(|(key, _)| key);
        key.is_some_and(|key| FACTS.contains(&key))
    });
    for fact in facts {
        *lines += &format!("{fact}\n");
    }
    if let Ok(report) = machine.pool.report() {
        *lines += &format!("memory_mib={}\n", report.total.0 / MIB_PAGES);
    }
    for (key, is_there) in [
        ("serial", console::serial().is_some()),
        ("keyboard", machine.keyboard.is_some()),
    ] {
        if is_there {
            *lines += &format!("{key}=yes\n");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_facts_are_those_of_the_kernel_and_the_boot_loader_and_no_others() {
        let mut machine = Machine::for_tests();
        machine.arguments = "framebuffer=x\nplatform=1 core(s)\nsafe\nmachine=b\nproduct=Q_35\n";
        let mut lines = String::new();
        let accept = |_: &abi::Request| runtime::host::DONE;
        runtime::host::with_kernel(accept, || add_facts(&mut lines, &machine));
        assert_eq!(lines, "platform=1 core(s)\nproduct=Q_35\nmemory_mib=0\n");
    }
}
