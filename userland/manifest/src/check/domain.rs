//! The constraints on the fields of one domain.

use alloc::format;
use core::net::Ipv4Addr;

use abi::start_page::ARGUMENT_BYTES;

use identity::Mtu;

use super::{Check, require};
use crate::{Capability, Domain, Restart, Role};

/// Root's priority, reserved for it.
const ROOT_PRIORITY: u8 = abi::PRIORITY_MAX;
/// The lowest priority of a domain. At 0, root's second thread destroys memory, which may take long.
const PRIORITY_MIN: u8 = 1;
/// The largest pool: 1 TiB, far from any overflow.
const POOL_MIB_MAX: u32 = 1 << 20;
const STACK_KIB_MAX: u32 = 1024;

/// Only a driver may omit its program: root then chooses the one for the device.
pub(super) fn image(domain: &Domain) -> Check {
    let is_given = !domain.image.is_empty() || domain.device.is_some();
    require(is_given, "image", || {
        "it is missing; only a domain with a `device` may omit it".into()
    })
}

pub(super) fn sizes(domain: &Domain) -> Check {
    let Domain {
        priority,
        pool_mib,
        heap_mib,
        stack_kib,
        ..
    } = *domain;
    require(
        (PRIORITY_MIN..ROOT_PRIORITY).contains(&priority),
        "priority",
        || format!("{priority} is not {PRIORITY_MIN} to {}", ROOT_PRIORITY - 1),
    )?;
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

pub(super) fn arguments(domain: &Domain) -> Check {
    let mut bytes = 0;
    for (key, value) in &domain.arguments {
        let plain = !key.contains(['=', '\n']) && !value.contains('\n');
        require(plain, "arguments", || {
            format!("`{key}` cannot be written as one line `key=value`")
        })?;
        bytes += key.len() + value.len() + 2;
    }
    // Root adds a few arguments of its own.
    require(bytes <= ARGUMENT_BYTES / 2, "arguments", || {
        format!("{bytes} bytes are more than {}", ARGUMENT_BYTES / 2)
    })
}

/// Checks that a domain that takes part in the fleet has the arguments for it: the migration server, and a console with a port, which
/// sends commands to a migration server.
pub(super) fn fleet_arguments(domain: &Domain) -> Check {
    let is_operator = domain.role == Some(Role::Console) && domain.port.is_some();
    let argument = |key: &str| domain.arguments.get(key).map_or("", |value| value.as_str());
    if is_operator {
        let server = argument("nomad");
        require(server.parse::<Ipv4Addr>().is_ok(), "arguments", || {
            format!(
                "a console with a port needs `nomad`, the IPv4 address of the machine's migration server, and it is `{server}`"
            )
        })?;
    }
    if !is_operator && domain.role != Some(Role::MigrationServer) {
        return Ok(());
    }
    require(!argument("secret").is_empty(), "arguments", || {
        "`secret`, the fleet's secret, is missing or empty: add it to `arguments`, for instance the output of `openssl rand -hex 32`"
            .into()
    })
}

pub(super) fn moving(domain: &Domain) -> Check {
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
        !domain.movable || !domain.capabilities.contains(&Capability::Inventory),
        "movable",
        || "a movable domain does not see its machine, as `inventory` shows it".into(),
    )?;
    let mtu = domain.port.as_ref().map_or(Mtu::STANDARD, |port| port.mtu);
    require(!domain.movable || mtu == Mtu::STANDARD, "port", || {
        format!(
            "a movable domain's `mtu` is {}, and not {mtu}: its ring moves with it",
            Mtu::STANDARD
        )
    })?;
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
