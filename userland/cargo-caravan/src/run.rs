//! Runs the domain on the first of two machines. The programs are built here; the tree's program `show_domain` starts the
//! machines.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::process::{Command, ExitCode};

use xtask::workspace::Workspace;
use xtask::{archive, build};

use crate::error::{Error, Result};
use crate::project::Project;
use crate::tree;

/// The machine that is the domain's home.
const HOME: &str = "a";
/// The network of the segment, with the machines and a host beside them, the third party.
const NETWORK: [u8; 3] = [10, 77, 0];
/// The last byte of the third party's address.
const THIRD_PARTY: u8 = 100;
/// The argument that holds the domain's TCP port, and the default port.
const PORT: (&str, u16) = ("port", 7);

/// The source of the commands that move the domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The user.
    Interactive,
    /// The program itself, which ends with a verdict.
    Once,
}

/// Builds everything, and starts the machines. The exit code is the verdict.
///
/// # Errors
/// A program does not build, or the domain's entry does not fit the machines.
pub fn run(mode: Mode) -> Result<ExitCode> {
    let project = Project::here()?;
    let tree = tree::find()?;
    let service = service(&project, mode)?;
    let program = project.build(&tree)?;
    let workspace = tree.with_artefacts(project.artefacts());
    let manifests = project.manifests(&workspace)?;
    let image = &project.entry.domain().image;
    let mut images = archive::programs(&manifests);
    images.retain(|other| other != image);
    build::system(&images, &workspace)?;
    build::copy(&program, &workspace.program_elf(image))?;
    for manifest in &manifests {
        archive::pack_manifest(manifest.machine.as_str(), manifest, &[], &workspace)?;
    }
    build::clients(&workspace)?;
    show(
        project.entry.domain().name.as_str(),
        service,
        mode,
        &workspace,
    )
}

/// The address of the domain's TCP service, if the domain has a fixed one.
fn service(project: &Project, mode: Mode) -> Result<Option<SocketAddrV4>> {
    let entry = &project.entry;
    let domain = entry.domain();
    let refuse = |field: &str, reason: String| Err(Error::Entry(entry.error(field, &reason)));
    if domain.home.is_none_or(|home| home.as_str() != HOME) {
        return refuse(
            "home",
            format!("`run` starts the domain on one machine: write home = \"{HOME}\""),
        );
    }
    let (name, default) = PORT;
    let port = domain.arguments.get(name);
    let Ok(port) = port.map_or(Ok(default), |text| text.parse()) else {
        return refuse("arguments", format!("`{name}` is not a TCP port"));
    };
    let address = domain.port.as_ref().and_then(|port| port.ip);
    match address.map(|ip| ip.address) {
        Some(address) if is_free(address) => Ok(Some(SocketAddrV4::new(address, port))),
        Some(address) => {
            let [a, b, c] = NETWORK;
            let range = format!(
                "{a}.{b}.{c}.0/24 without {a}.{b}.{c}.{THIRD_PARTY}, the address of the clients"
            );
            refuse(
                "port",
                format!("the segment of `run` is {range}, and {address} is not in it"),
            )
        }
        None if mode == Mode::Once => {
            refuse("port", "`run --once` needs an `ip` to connect to".into())
        }
        None => Ok(None),
    }
}

fn is_free(address: Ipv4Addr) -> bool {
    let [network @ .., host] = address.octets();
    network == NETWORK && host != THIRD_PARTY && (1..255).contains(&host)
}

fn show(
    domain: &str,
    service: Option<SocketAddrV4>,
    mode: Mode,
    workspace: &Workspace,
) -> Result<ExitCode> {
    // However this program ends, `show_domain` is killed, and with it the machines.
    let mut show = Command::new("setpriv");
    show.args(["--pdeathsig", "KILL", "--"])
        .arg(workspace.host_target().join("debug/show_domain"))
        .arg(domain)
        .args(service.map(|service| service.to_string()))
        .args((mode == Mode::Once).then_some("--once"))
        .envs(workspace.environment());
    let start = |error| xtask::error::Error::Start("show_domain".into(), error);
    let status = show.status().map_err(start)?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_on_the_segment_are_distinguished_from_others() {
        for (address, expected) in [
            ("10.77.0.40", true),
            ("10.77.0.100", false),
            ("10.77.0.255", false),
            ("10.78.0.40", false),
        ] {
            assert_eq!(is_free(address.parse().unwrap()), expected, "{address}");
        }
    }
}
