//! The constraints on a domain together with the others of its machine.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::Ipv4Addr;

use abi::start_page::is_name;

use super::{Check, invalid_name, require};
use crate::{Capability, Domain, Manifest, Role};

/// The maximum number of name servers that a domain's network stack uses.
const NAME_SERVERS_MAX: usize = 3;

pub(super) fn name(manifest: &Manifest, index: usize) -> Check {
    let name = &manifest.domains[index].name;
    let same = earlier(manifest, index, |other| other.name == *name);
    require(same.is_none(), "name", || {
        format!("another domain is called `{name}`")
    })
}

pub(super) fn port(manifest: &Manifest, index: usize) -> Check {
    let domain = &manifest.domains[index];
    let granted = domain.capabilities.contains(&Capability::Port);
    let Some(port) = &domain.port else {
        return require(!granted, "capabilities", || {
            "`port` is granted, but the field `port` is missing".into()
        });
    };
    require(granted, "port", || {
        "`capabilities` does not grant `port`".into()
    })?;
    require(port.mac.is_some() != port.uplink, "port", || {
        "a port has either a `mac` or `uplink = true`".into()
    })?;
    require(port.mac.is_none_or(|mac| !mac.is_group()), "port", || {
        "`mac` is a group address".into()
    })?;
    require(port.dns.len() <= NAME_SERVERS_MAX, "port", || {
        format!(
            "{} name servers are more than {NAME_SERVERS_MAX}",
            port.dns.len()
        )
    })?;
    for other in &manifest.domains[..index] {
        if let Some(same) = other
            .port
            .as_ref()
            .and_then(|other| port.shared_with(other))
        {
            let reason = format!("the domain `{}` has the same `{same}`", other.name);
            return Err(("port", reason));
        }
    }
    Ok(())
}

pub(super) fn tunnel(manifest: &Manifest, index: usize) -> Check {
    let has = |domain: &Domain, capability| domain.capabilities.contains(&capability);
    let domain = &manifest.domains[index];
    if !has(domain, Capability::Tunnel) {
        return Ok(());
    }
    require(has(domain, Capability::Port), "capabilities", || {
        "`tunnel` is granted without `port`".into()
    })?;
    let same = earlier(manifest, index, |other| has(other, Capability::Tunnel));
    refuse_if(same, "capabilities", |other| {
        format!("the domain `{other}` already has `tunnel`: only one domain may")
    })
}

pub(super) fn device(manifest: &Manifest, index: usize) -> Check {
    let domain = &manifest.domains[index];
    let granted = domain.capabilities.contains(&Capability::Device);
    let Some(device) = &domain.device else {
        return require(!granted, "capabilities", || {
            "`device` is granted, but the field `device` is missing".into()
        });
    };
    require(granted, "device", || {
        "`capabilities` does not grant `device`".into()
    })?;
    let same = earlier(manifest, index, |other| {
        other.device.as_ref() == Some(device) && share_a_machine(domain, other)
    });
    refuse_if(same, "device", |other| {
        format!("the domain `{other}` drives the same device")
    })
}

/// Checks that a domain has the capabilities that its role needs and none that belong to another role, and that a machine has at
/// most one domain with a unique role.
pub(super) fn role(manifest: &Manifest, index: usize) -> Check {
    let domain = &manifest.domains[index];
    for capability in &domain.capabilities {
        let owner = Role::owner(capability);
        if let Some(owner) = owner.filter(|owner| domain.role != Some(*owner)) {
            let capability = String::from(capability.clone());
            let reason = format!(
                "`{capability}` belongs to a role: add `role = \"{owner}\"`, or do not grant it"
            );
            return Err(("capabilities", reason));
        }
    }
    let Some(role) = domain.role else {
        return Ok(());
    };
    for needed in role.needs() {
        require(domain.capabilities.contains(needed), "role", || {
            let needed = String::from(needed.clone());
            format!("a `{role}` needs `{needed}`: add it to `capabilities`")
        })?;
    }
    let same = earlier(manifest, index, |other| {
        role.is_unique() && other.role == Some(role) && share_a_machine(domain, other)
    });
    refuse_if(same, "role", |other| {
        format!(
            "the domain `{other}` is the machine's `{role}`: remove one of them, or give each another \
             `home`"
        )
    })
}

pub(super) fn services(manifest: &Manifest, domain: &Domain) -> Check {
    for capability in &domain.capabilities {
        if let Capability::Service(service) = capability {
            let provided = |other: &Domain| other.provides.contains(service);
            require(
                manifest.domains.iter().any(provided),
                "capabilities",
                || format!("no domain provides `{service}`"),
            )?;
        }
    }
    for service in &domain.provides {
        require(is_name(service), "provides", || invalid_name(service))?;
        let providers = manifest.domains.iter();
        let count = providers
            .filter(|other| other.provides.contains(service))
            .count();
        require(count == 1, "provides", || {
            format!("{count} domains provide `{service}`")
        })?;
    }
    for service in &domain.stateless {
        require(domain.provides.contains(service), "stateless", || {
            format!("the domain does not provide `{service}`")
        })?;
    }
    Ok(())
}

/// Checks the other machines in the migration server's argument `peers`: no two machines have the same name, and an address that is
/// given is an IPv4 address.
pub(super) fn peers(manifest: &Manifest, domain: &Domain) -> Check {
    let is_server = domain.role == Some(Role::MigrationServer);
    let Some(peers) = domain.arguments.get("peers").filter(|_| is_server) else {
        return Ok(());
    };
    let entries = peers.split(',').map(str::trim);
    let entries = entries.filter(|entry| !entry.is_empty());
    let mut names = Vec::from([manifest.machine.as_str()]);
    for entry in entries {
        let (name, address) = match entry.split_once('=') {
            Some((name, address)) => (name.trim(), Some(address.trim())),
            None => (entry, None),
        };
        require(is_name(name), "arguments", || invalid_name(name))?;
        if let Some(address) = address {
            require(address.parse::<Ipv4Addr>().is_ok(), "arguments", || {
                format!("the peer `{name}` is at `{address}`, which is not an IPv4 address")
            })?;
        }
        require(!names.contains(&name), "arguments", || {
            format!("another machine is called `{name}`")
        })?;
        names.push(name);
    }
    Ok(())
}

/// The migration server sets the priorities of a restored domain's threads, and no thread may set one above its own.
pub(super) fn priority(manifest: &Manifest, domain: &Domain) -> Check {
    let is_server = |other: &&Domain| other.role == Some(Role::MigrationServer);
    match manifest.domains.iter().find(is_server) {
        Some(server) if domain.movable => {
            require(domain.priority <= server.priority, "priority", || {
                let (name, most) = (&server.name, server.priority);
                format!("a movable domain's priority must not exceed that of `{name}`, {most}")
            })
        }
        _ => Ok(()),
    }
}

/// Whether one machine may start both domains.
fn share_a_machine(domain: &Domain, other: &Domain) -> bool {
    domain.home.is_none() || other.home.is_none() || domain.home == other.home
}

/// The first earlier domain of the manifest that satisfies the condition.
fn earlier(
    manifest: &Manifest,
    index: usize,
    condition: impl Fn(&Domain) -> bool,
) -> Option<&Domain> {
    let mut domains = manifest.domains[..index].iter();
    domains.find(|other| condition(other))
}

/// Refuses a field that conflicts with the domain `other`, if there is one. `reason` receives that domain's name.
fn refuse_if(
    other: Option<&Domain>,
    field: &'static str,
    reason: impl FnOnce(&str) -> String,
) -> Check {
    match other {
        None => Ok(()),
        Some(other) => Err((field, reason(other.name.as_str()))),
    }
}
