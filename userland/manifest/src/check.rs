//! The constraints between the fields of a manifest. An error names the domain and the field, from which the parser of
//! the TOML finds the line.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::Ipv4Addr;

use abi::start_page::{ARGUMENT_BYTES, NAME_BYTES, is_name};

use crate::{Capability, Domain, Manifest, Restart, Role};

/// Root's priority, reserved for it.
const ROOT_PRIORITY: u8 = abi::PRIORITY_MAX;
/// The largest pool, 1 TiB: more than any machine has, and far from any overflow.
const POOL_MIB_MAX: u32 = 1 << 20;
const STACK_KIB_MAX: u32 = 1024;
/// The limit of a domain's network stack.
const NAME_SERVERS_MAX: usize = 3;

/// An error in a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckError {
    /// The index of the domain in the manifest.
    pub domain: usize,
    /// The name of the field.
    pub field: &'static str,
    /// The reason for rejecting it.
    pub reason: String,
}

/// Checks the whole manifest.
///
/// # Errors
/// The first error found.
pub fn check(manifest: &Manifest) -> Result<(), CheckError> {
    for (index, domain) in manifest.domains.iter().enumerate() {
        let checks = [
            name(manifest, index),
            image(domain),
            sizes(domain),
            port(manifest, index),
            tunnel(manifest, index),
            device(manifest, index),
            role(manifest, index),
            services(manifest, domain),
            arguments(domain),
            peers(manifest, domain),
            moving(domain),
            priority(manifest, domain),
        ];
        for check in checks {
            check.map_err(|(field, reason)| CheckError {
                domain: index,
                field,
                reason,
            })?;
        }
    }
    Ok(())
}

type Check = Result<(), (&'static str, String)>;

fn require(holds: bool, field: &'static str, reason: impl FnOnce() -> String) -> Check {
    match holds {
        true => Ok(()),
        false => Err((field, reason())),
    }
}

/// The reason a text is not a valid name of a domain, a machine or a service.
pub fn invalid_name(text: &str) -> String {
    format!("`{text}` is not 1 to {NAME_BYTES} letters, digits, `-`, `_`, `.` or `:`")
}

fn name(manifest: &Manifest, index: usize) -> Check {
    let name = &manifest.domains[index].name;
    require(is_name(name), "name", || invalid_name(name))?;
    let mut others = manifest.domains[..index].iter();
    require(others.all(|other| other.name != *name), "name", || {
        format!("another domain is called `{name}`")
    })
}

fn sizes(domain: &Domain) -> Check {
    let Domain {
        priority,
        pool_mib,
        heap_mib,
        stack_kib,
        ..
    } = *domain;
    require(priority < ROOT_PRIORITY, "priority", || {
        format!("{priority} is not below root's, {ROOT_PRIORITY}")
    })?;
    require((1..=POOL_MIB_MAX).contains(&pool_mib), "pool_mib", || {
        format!("{pool_mib} is not 1 to {POOL_MIB_MAX}")
    })?;
    require(heap_mib < pool_mib, "heap_mib", || {
        format!("{heap_mib} is not less than `pool_mib`, {pool_mib}")
    })?;
    let whole_pages = stack_kib % 4 == 0 && (4..=STACK_KIB_MAX).contains(&stack_kib);
    require(whole_pages, "stack_kib", || {
        format!("{stack_kib} is not a multiple of 4 up to {STACK_KIB_MAX}")
    })
}

fn port(manifest: &Manifest, index: usize) -> Check {
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

fn tunnel(manifest: &Manifest, index: usize) -> Check {
    let has = |domain: &Domain, capability| domain.capabilities.contains(&capability);
    let domain = &manifest.domains[index];
    if !has(domain, Capability::Tunnel) {
        return Ok(());
    }
    require(has(domain, Capability::Port), "capabilities", || {
        "`tunnel` is granted without `port`".into()
    })?;
    let mut others = manifest.domains[..index].iter();
    match others.find(|other| has(other, Capability::Tunnel)) {
        None => Ok(()),
        Some(other) => Err((
            "capabilities",
            format!(
                "the domain `{}` already has `tunnel`: only one domain may",
                other.name
            ),
        )),
    }
}

/// Only the program of a device's driver may be left open.
fn image(domain: &Domain) -> Check {
    let is_given = !domain.image.is_empty() || domain.device.is_some();
    require(is_given, "image", || {
        "it is missing, and only a domain with a `device` needs none".into()
    })
}

fn device(manifest: &Manifest, index: usize) -> Check {
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
    let mut others = manifest.domains[..index].iter();
    match others
        .find(|other| other.device.as_ref() == Some(device) && share_a_machine(domain, other))
    {
        None => Ok(()),
        Some(other) => Err((
            "device",
            format!("the domain `{}` drives the same one", other.name),
        )),
    }
}

/// A domain has what its role needs and nothing that belongs to another role, and most roles exist once on a machine.
fn role(manifest: &Manifest, index: usize) -> Check {
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
    let mut others = manifest.domains[..index].iter();
    let same = |other: &&Domain| other.role == Some(role) && share_a_machine(domain, other);
    match others.find(same).filter(|_| role.is_unique()) {
        None => Ok(()),
        Some(other) => Err((
            "role",
            format!(
                "the domain `{}` is the machine's `{role}`: remove one of them, or give each another \
                 `home`",
                other.name
            ),
        )),
    }
}

/// Whether one machine may start both.
fn share_a_machine(domain: &Domain, other: &Domain) -> bool {
    domain.home.is_none() || other.home.is_none() || domain.home == other.home
}

/// The other machines, in the migration server's arguments.
fn peers(manifest: &Manifest, domain: &Domain) -> Check {
    let is_server = domain.role == Some(Role::MigrationServer);
    let Some(peers) = domain.arguments.get("peers").filter(|_| is_server) else {
        return Ok(());
    };
    let entries = peers.split(',').map(str::trim);
    let entries = entries.filter(|entry| !entry.is_empty());
    let mut names = Vec::from([manifest.machine.as_str()]);
    for entry in entries {
        let (name, address) = entry.split_once('=').unwrap_or((entry, ""));
        let (name, address) = (name.trim(), address.trim());
        require(is_name(name), "arguments", || invalid_name(name))?;
        require(address.parse::<Ipv4Addr>().is_ok(), "arguments", || {
            format!("the peer `{name}` is at `{address}`, which is not an IPv4 address")
        })?;
        require(!names.contains(&name), "arguments", || {
            format!("another machine is called `{name}`")
        })?;
        names.push(name);
    }
    Ok(())
}

fn services(manifest: &Manifest, domain: &Domain) -> Check {
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

fn arguments(domain: &Domain) -> Check {
    let mut bytes = 0;
    for (key, value) in &domain.arguments {
        let plain = !key.contains(['=', '\n']) && !value.contains('\n');
        require(plain, "arguments", || {
            format!("`{key}` does not fit a line of `key=value`")
        })?;
        bytes += key.len() + value.len() + 2;
    }
    // Root adds a few of its own.
    require(bytes <= ARGUMENT_BYTES / 2, "arguments", || {
        format!("{bytes} bytes are more than {}", ARGUMENT_BYTES / 2)
    })
}

fn moving(domain: &Domain) -> Check {
    if let Some(role) = domain.role.filter(|_| domain.movable) {
        let reason = format!("a `{role}` stays with its machine");
        return Err(("movable", reason));
    }
    require(
        !domain.movable || !domain.capabilities.contains(&Capability::Records),
        "movable",
        || "records stay with their machine".into(),
    )?;
    require(
        !domain.movable || domain.provides.is_empty(),
        "movable",
        || "a domain that provides a service stays with its callers".into(),
    )?;
    require(
        !domain.movable || domain.restart == Restart::Never || domain.home.is_some(),
        "restart",
        || "a movable domain is restarted by its home, and this one has none".into(),
    )
}

/// The migration server sets the priorities of a restored domain's threads, and no thread may set one above its own.
fn priority(manifest: &Manifest, domain: &Domain) -> Check {
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

#[cfg(test)]
mod tests;
