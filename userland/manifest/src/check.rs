//! What must hold between the fields of a manifest. A complaint names the domain and the field, so that the reader of
//! the TOML can show the line.

use alloc::format;
use alloc::string::String;

use abi::start_page::{ARGUMENT_BYTES, NAME_BYTES};

use crate::{Capability, Domain, Manifest, Restart};

/// Root's own priority, which no other domain has.
const ROOT_PRIORITY: u8 = abi::PRIORITY_MAX;
/// The largest pool, 1 TiB: more than any machine has, and far from overflowing anything.
const POOL_MIB_MAX: u32 = 1 << 20;
const STACK_KIB_MAX: u32 = 1024;

/// What is wrong with a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// Which domain of the manifest.
    pub domain: usize,
    /// Which field of it.
    pub field: &'static str,
    /// Why.
    pub reason: String,
}

/// Checks the whole manifest.
///
/// # Errors
/// The first complaint.
pub fn check(manifest: &Manifest) -> Result<(), Complaint> {
    for (index, domain) in manifest.domains.iter().enumerate() {
        let checks = [
            name(manifest, index),
            sizes(domain),
            port(manifest, index),
            tunnel(manifest, index),
            device(domain),
            services(manifest, domain),
            arguments(domain),
            moving(domain),
            priority(manifest, domain),
        ];
        for check in checks {
            check.map_err(|(field, reason)| Complaint {
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

fn name(manifest: &Manifest, index: usize) -> Check {
    let name = &manifest.domains[index].name;
    let fits = !name.is_empty() && name.len() <= NAME_BYTES && !name.contains('\0');
    require(fits, "name", || {
        format!("`{name}` is not 1 to {NAME_BYTES} bytes long")
    })?;
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
        format!("{heap_mib} leaves nothing of the pool's {pool_mib}")
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
            "`port` is granted, but the field `port` does not say which".into()
        });
    };
    require(granted, "port", || {
        "`capabilities` does not grant `port`".into()
    })?;
    require(port.mac.is_some() != port.uplink, "port", || {
        "a port has a `mac`, or is the `uplink`, whose card has one".into()
    })?;
    let same = |other: &Domain| {
        let other = other.port.as_ref().and_then(|port| port.mac);
        other.is_some() && other == port.mac
    };
    match manifest.domains[..index].iter().find(|other| same(other)) {
        None => Ok(()),
        Some(other) => Err((
            "port",
            format!("the domain `{}` has the same `mac`", other.name),
        )),
    }
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
            format!("the domain `{}` has the one `tunnel`", other.name),
        )),
    }
}

fn device(domain: &Domain) -> Check {
    let granted = domain.capabilities.contains(&Capability::Device);
    match domain.device {
        None => require(!granted, "capabilities", || {
            "`device` is granted, but the field `device` does not say which".into()
        }),
        Some(_) => require(granted, "device", || {
            "`capabilities` does not grant `device`".into()
        }),
    }
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
        let fits = !service.is_empty() && service.len() <= NAME_BYTES;
        require(fits, "provides", || {
            format!("`{service}` is not 1 to {NAME_BYTES} bytes long")
        })?;
        let providers = manifest.domains.iter();
        let count = providers
            .filter(|other| other.provides.contains(service))
            .count();
        require(count == 1, "provides", || {
            format!("{count} domains provide `{service}`")
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
    require(
        !domain.movable || domain.device.is_none(),
        "movable",
        || "a domain with a device stays with it".into(),
    )?;
    require(
        !domain.movable || !domain.capabilities.contains(&Capability::Serial),
        "movable",
        || "a domain with the serial port stays with it".into(),
    )?;
    require(
        !domain.movable || !domain.capabilities.contains(&Capability::Tunnel),
        "movable",
        || "a domain with the tunnel stays with it".into(),
    )?;
    require(
        !domain.movable || !domain.capabilities.contains(&Capability::Records),
        "movable",
        || "records stay with their machine".into(),
    )?;
    require(
        !domain.movable || domain.restart == Restart::Never || domain.home.is_some(),
        "restart",
        || "a movable domain is started again by its home, and this one has none".into(),
    )
}

/// The migration server gives its threads their priorities when it comes back, and nobody gives more than their own.
fn priority(manifest: &Manifest, domain: &Domain) -> Check {
    let is_server = |other: &&Domain| other.capabilities.contains(&Capability::Records);
    match manifest.domains.iter().find(is_server) {
        Some(server) if domain.movable => {
            require(domain.priority <= server.priority, "priority", || {
                let (name, most) = (&server.name, server.priority);
                format!("a movable domain's is not above that of `{name}`, {most}")
            })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use crate::source::tests::error_of;

    /// The complaint about a machine with one good domain and, from line 8 on, this one.
    fn complaint(fields: &str) -> String {
        let head = "[machine]\nname = \"a\"\n[[domain]]\nname = \"good\"\nimage = \"x\"\n\
                    pool_mib = 2\n[[domain]]\n";
        error_of(&format!("{head}{fields}"))
    }

    #[test]
    fn names_line_and_field_of_what_does_not_fit() {
        let domain = "name = \"d\"\nimage = \"x\"\npool_mib = 2\n";
        let cases = [
            ("priority = 63\n", "priority", 11),
            ("heap_mib = 2\n", "heap_mib", 11),
            ("stack_kib = 3\n", "stack_kib", 11),
            ("capabilities = [\"port\"]\n", "capabilities", 11),
            ("capabilities = [\"device\"]\n", "capabilities", 11),
            ("capabilities = [\"service:nobody\"]\n", "capabilities", 11),
            ("port = { mac = \"52:54:00:00:00:01\" }\n", "port", 11),
            (
                "movable = true\ncapabilities = [\"port\"]\nport = {}\n",
                "port",
                13,
            ),
            (
                "movable = true\ncapabilities = [\"device\"]\ndevice = { kind = \"virtio-net\" }\n",
                "movable",
                11,
            ),
            (
                "movable = true\ncapabilities = [\"serial\"]\n",
                "movable",
                11,
            ),
            ("capabilities = [\"tunnel\"]\n", "capabilities", 11),
            (
                "movable = true\ncapabilities = [\"port\", \"tunnel\"]\nport = { mac = \"52:54:00:00:00:01\" }\n",
                "movable",
                11,
            ),
            ("movable = true\nrestart = \"always\"\n", "restart", 12),
            ("arguments = { \"a=b\" = \"c\" }\n", "arguments", 11),
            ("provides = [\"\"]\n", "provides", 11),
        ];
        for (fields, field, line) in cases {
            let error = complaint(&format!("{domain}{fields}"));
            let expected = format!("test.toml:{line}: domain `d`: field `{field}`: ");
            assert!(error.starts_with(&expected), "{fields}: {error}");
        }
    }

    #[test]
    fn what_moves_is_not_above_who_moves_it() {
        let server = "name = \"s\"\nimage = \"x\"\npool_mib = 2\ncapabilities = [\"records\"]\n";
        let domain = "[[domain]]\nname = \"d\"\nimage = \"x\"\npool_mib = 2\npriority = 17\n";
        let error = complaint(&format!("{server}{domain}movable = true\n"));
        let expected = "test.toml:16: domain `d`: field `priority`: a movable domain's is not above that of `s`, 16";
        assert_eq!(error, expected);
    }

    #[test]
    fn two_domains_do_not_share_name_or_address() {
        let error = complaint("name = \"good\"\nimage = \"x\"\npool_mib = 2\n");
        assert!(
            error.starts_with("test.toml:8: domain `good`: field `name`"),
            "{error}"
        );
        let port = "capabilities = [\"port\"]\nport = { mac = \"52:54:00:00:00:01\" }\n";
        let error = complaint(&format!(
            "name = \"d\"\nimage = \"x\"\npool_mib = 2\n{port}\
             [[domain]]\nname = \"e\"\nimage = \"x\"\npool_mib = 2\n{port}"
        ));
        assert!(error.contains("field `port`: the domain `d`"), "{error}");
    }
}
