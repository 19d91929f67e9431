//! Requests of operators with a new domain: its package, piece by piece, and its installation.

use alloc::format;
use alloc::rc::Rc;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use manifest::check::check;
use manifest::{Capability, Manifest, Package, Role};
use runtime::protocol::log::Text;
use runtime::protocol::root::{DomainState, Installation, PortState, Refusal, done, granted};
use runtime::protocol::{Mac, Name};

use super::Response;
use crate::badge::DomainNumber;
use crate::definition::Definition;
use crate::image::Image;
use crate::layout::MIB_PAGES;
use crate::names;
use crate::supervisor::Supervisor;
use crate::switchboard::PortAddress;

/// The memory for all packages together: half of root's heap.
pub const PACKAGES_BYTES_MAX: usize = 4 << 20;
/// The maximum number of packages. In addition to its bytes, each package takes the record of a domain and an entry in
/// the manifest.
pub const PACKAGES_MAX: usize = 32;
/// The maximum number of capabilities and services of a domain from a package.
const NAMED_MAX: usize = 16;

/// Begins to receive a package. An earlier one that is not installed yet is dropped.
pub fn begin(root: &mut Supervisor, bytes: u32) -> Response {
    let definitions = root.domains.iter().filter_map(|it| it.definition.as_ref());
    let received = definitions.filter(|it| it.is_received());
    let sizes: Vec<usize> = received.map(|it| it.received_bytes()).collect();
    if sizes.len() >= PACKAGES_MAX {
        return Err(Refusal::TooMany);
    }
    let kept: usize = sizes.iter().sum();
    if bytes as usize > PACKAGES_BYTES_MAX.saturating_sub(kept) {
        return Err(Refusal::TooLarge);
    }
    root.package = Vec::new();
    let reserved = root.package.try_reserve_exact(bytes as usize);
    reserved.map_err(|_| Refusal::NoMemory)?;
    Ok((done(), None))
}

/// Appends a piece to the package. Bytes that were received before are ignored.
pub fn append(root: &mut Supervisor, offset: u32, piece: &Text) -> Response {
    let (package, piece) = (&mut root.package, piece.as_bytes());
    let known = package.len().checked_sub(offset as usize);
    let new = piece
        .get(known.ok_or(Refusal::WrongState)?..)
        .unwrap_or(&[]);
    if new.len() > package.capacity() - package.len() {
        return Err(Refusal::TooLarge);
    }
    package.extend_from_slice(new);
    Ok((done(), None))
}

/// The reason a package is not accepted.
struct Rejection {
    /// The field of the domain's manifest entry that is the reason, if one is.
    field: Option<&'static str>,
    reason: String,
}

/// The rejection for a reason that is not in a field.
impl From<String> for Rejection {
    fn from(reason: String) -> Rejection {
        let field = None;
        Rejection { field, reason }
    }
}

/// Rejects a package for this field.
fn refuse<T>(field: &'static str, reason: String) -> Result<T, Rejection> {
    let field = Some(field);
    Err(Rejection { field, reason })
}

/// Adds the package's domain to those at home here.
pub fn install(root: &mut Supervisor) -> Response {
    let package = core::mem::take(&mut root.package);
    let installation = match add(root, package) {
        Ok(number) => {
            let domain = root.domains.by_number(number);
            Installation::Installed(domain.ok_or(Refusal::NoSuchDomain)?.record())
        }
        Err(Rejection { field, reason }) => Installation::Rejected {
            field: field.and_then(|field| Name::try_new(field).ok()),
            reason: Text::of(reason.as_bytes()),
        },
    };
    Ok((granted(&installation), None))
}

/// Adds the domain. It waits until a roll call finds that no machine of the fleet has one of its name.
fn add(root: &mut Supervisor, bytes: Vec<u8>) -> Result<DomainNumber, Rejection> {
    let Package {
        mut domain,
        program,
    } = Package::from_bytes(&bytes).map_err(|error| format!("the package: {error}"))?;
    let name = check_name(root, &domain)?;
    check_capabilities(&domain)?;
    check_share(root, &domain)?;
    domain.home = Some(check_home(root, &domain)?);
    check_port(root, &domain)?;
    let manifest = joined(&root.manifest, &domain)?;
    let parsed = Image::parse(program);
    parsed.map_err(|error| format!("the program of {name}: {error}"))?;
    let program = bytes.len() - program.len();
    let definition = Rc::new(Definition::received(domain, bytes, program));
    let added = root.domains.add_at_home(name, definition);
    let number = added.number;
    root.manifest = manifest;
    log::info!("{name} came in a package, at an operator's request");
    added.state = DomainState::Waiting;
    Ok(number)
}

fn check_name(root: &Supervisor, domain: &manifest::Domain) -> Result<Name, Rejection> {
    let name = domain.name;
    match root.domains.by_name(name) {
        None => Ok(name),
        Some(other) => {
            let received = other.definition.as_ref().filter(|it| it.is_received());
            let advice = received.map_or("", |_| ": `stop` it and `rm` it first");
            let reason = format!("a domain {name} is on this machine already{advice}");
            Err(reason.into())
        }
    }
}

/// A domain from a package is at home on the machine to which the package is sent.
fn check_home(root: &Supervisor, domain: &manifest::Domain) -> Result<Name, Rejection> {
    let here = root.manifest.machine;
    match domain.home {
        Some(home) if home != here => refuse(
            "home",
            format!("it is at home on {home}, and this is {here}"),
        ),
        _ => Ok(here),
    }
}

/// A domain from a package is not part of the machine, and has no authority over other domains.
fn check_capabilities(domain: &manifest::Domain) -> Result<(), Rejection> {
    if let Some(role) = domain.role {
        return refuse("role", format!("a {role} is in the boot archive"));
    }
    let is_allowed = |capability: &&Capability| {
        use Capability::{Log, Pool, Port, Service};
        matches!(capability, Log | Pool | Port | Service(_))
    };
    if let Some(other) = domain.capabilities.iter().find(|it| !is_allowed(it)) {
        return refuse(
            "capabilities",
            format!(
                "`{}` is for domains of the boot archive",
                String::from(other.clone())
            ),
        );
    }
    let named = domain.capabilities.len() + domain.provides.len();
    if named > NAMED_MAX {
        return refuse(
            "provides",
            format!("{named} capabilities and services are more than {NAMED_MAX}"),
        );
    }
    match domain.provides.iter().find(|it| names::is_built_in(it)) {
        None => Ok(()),
        Some(name) => refuse("provides", format!("`{name}` is root's or the switch's")),
    }
}

/// The domain must fit into the machine's memory, and must not keep the migration server, which serves operators, from running.
fn check_share(root: &Supervisor, domain: &manifest::Domain) -> Result<(), Rejection> {
    let report = root.machine.pool.report();
    let total = report.map_err(|error| error.to_string())?.total.0 / MIB_PAGES;
    if u64::from(domain.pool_mib) > total {
        return refuse(
            "pool_mib",
            format!("{} are more than the machine has, {total}", domain.pool_mib),
        );
    }
    let mut domains = root.manifest.domains.iter();
    let server = domains.find(|it| it.role == Some(Role::MigrationServer));
    match server.map(|server| server.priority) {
        Some(most) if domain.priority > most => refuse(
            "priority",
            format!(
                "{} exceeds that of the migration server, {most}",
                domain.priority
            ),
        ),
        _ => Ok(()),
    }
}

/// The addresses must be free on this machine, including those of domains that arrived from others.
fn check_port(root: &Supervisor, domain: &manifest::Domain) -> Result<(), Rejection> {
    let Some(port) = &domain.port else {
        return Ok(());
    };
    if port.uplink {
        return refuse("port", "an uplink is a driver's".to_string());
    }
    let address = PortAddress::of_domain(PortState {
        mac: port.mac.unwrap_or(Mac([0; 6])),
        ip: port.ip,
    });
    let Some(owner) = root.switchboard.owners_of(address).next() else {
        return Ok(());
    };
    let owner = root.domains.by_number(owner);
    let owner = owner.map_or("another domain".to_string(), |it| {
        format!("the domain `{}`", it.name)
    });
    refuse(
        "port",
        format!("{owner} on this machine has the same `mac` or `ip`"),
    )
}

/// The machine's manifest with this domain.
fn joined(manifest: &Manifest, domain: &manifest::Domain) -> Result<Manifest, Rejection> {
    let mut joined = manifest.clone();
    joined.domains.push(domain.clone());
    match check(&joined) {
        Ok(()) => Ok(joined),
        Err(error) => refuse(error.field, error.reason),
    }
}
