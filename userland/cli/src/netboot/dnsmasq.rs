//! dnsmasq as the server of DHCP and TFTP: [`Service`].
//!
//! As a *proxy* it only adds the file to start to the offers of the network's own DHCP server. In proxy mode it recognises clients by
//! their vendor class, and has a menu of services per architecture, of which one entry is started at once.

use std::convert::Infallible;
use std::env;
use std::path::Path;

use super::cores::Core;
use super::interface::Interface;
use super::options::Range;
use super::{Error, program};

const PROGRAM: &str = "dnsmasq";
const PACKAGE: &str = "dnsmasq-base";

/// The number of UEFI HTTP boot on x86-64 in DHCP.
const HTTP_ARCHITECTURE: u16 = 16;
/// The vendor class of such clients, which the reply has to repeat.
const HTTP_CLASS: &str = "HTTPClient";
/// The most transfers by TFTP at the same time. A request takes one of these places, whoever sent it, until the file is sent or
/// dnsmasq gives up. There is a limit because a transfer takes one of the files that a program may open, usually 1,024.
const TFTP_MAX: u16 = 500;
/// The rights that dnsmasq needs besides those of the user who called sudo.
const CAPABILITIES: &str = "+net_admin,+net_bind_service,+net_raw";

/// The service that dnsmasq provides.
#[derive(Clone, Debug)]
pub struct Service<'a> {
    /// The interface to the machines.
    pub interface: &'a Interface,
    /// The addresses to hand out. Without them it is a proxy.
    pub range: Option<Range>,
    /// The directory for TFTP.
    pub root: &'a Path,
    /// The files to start by PXE.
    pub cores: &'a [Core],
    /// The image for HTTP boot.
    pub url: String,
}

/// Whether dnsmasq is installed.
///
/// # Errors
/// It is not installed, or fails.
pub fn require() -> Result<(), Error> {
    let mut version = program::command(PROGRAM);
    program::output(PROGRAM, PACKAGE, version.arg("--version")).map(drop)
}

impl Service<'_> {
    /// Runs dnsmasq, which normally does not end before this program.
    ///
    /// # Errors
    /// It cannot be started, or has ended.
    pub fn run(&self) -> Result<Infallible, Error> {
        let mut command = program::command("setpriv");
        command.args(privileges(
            env::var("SUDO_UID").ok(),
            env::var("SUDO_GID").ok(),
        ));
        command.args(["--pdeathsig", "TERM", "--", PROGRAM]);
        let status = command.args(self.arguments()).status();
        let status = status.map_err(|error| Error::Program("setpriv", error))?;
        Err(Error::Ended(status))
    }

    /// The command line, to print.
    pub fn command_line(&self) -> String {
        format!("{PROGRAM} {}", self.arguments().join(" "))
    }

    fn arguments(&self) -> Vec<String> {
        let fixed = [
            "--no-daemon",
            "--conf-file=/dev/null",
            // Neither DNS nor a file of leases: a system's own dnsmasq has those.
            "--port=0",
            "--leasefile-ro",
            "--bind-interfaces",
            "--except-interface=lo",
            "--enable-tftp",
        ];
        let mut arguments: Vec<String> = fixed.map(str::to_owned).into();
        arguments.push(format!("--interface={}", self.interface.name));
        arguments.push(format!("--tftp-root={}", self.root.display()));
        arguments.push(format!("--tftp-max={TFTP_MAX}"));
        arguments.push(format!(
            "--dhcp-match=set:http,option:client-arch,{HTTP_ARCHITECTURE}"
        ));
        arguments.push(format!("--dhcp-boot=tag:http,{}", self.url));
        match self.range {
            None => self.add_proxy(&mut arguments),
            Some(range) => self.add_server(range, &mut arguments),
        }
        arguments
    }

    fn add_proxy(&self, arguments: &mut Vec<String>) {
        let (address, mask) = (self.interface.address, self.interface.mask());
        arguments.push(format!("--dhcp-range={address},proxy,{mask}"));
        arguments.push(format!("--dhcp-pxe-vendor=PXEClient,{HTTP_CLASS}"));
        for core in self.cores {
            let path = core.path;
            let service = |number| format!("--pxe-service={number},Caravan,{path}");
            arguments.extend(core.architectures.iter().map(service));
        }
    }

    fn add_server(&self, range: Range, arguments: &mut Vec<String>) {
        let (first, last, mask) = (range.first, range.last, self.interface.mask());
        arguments.push(format!("--dhcp-range={first},{last},{mask},1h"));
        arguments.push("--dhcp-authoritative".into());
        // This host is not a router.
        arguments.push("--dhcp-option=option:router".into());
        arguments.push(format!("--dhcp-option-force=tag:http,60,{HTTP_CLASS}"));
        for core in self.cores {
            for number in core.architectures {
                let tag = format!("arch{number}");
                arguments.push(format!(
                    "--dhcp-match=set:{tag},option:client-arch,{number}"
                ));
                arguments.push(format!("--dhcp-boot=tag:{tag},{}", core.path));
            }
        }
    }
}

/// The arguments of `setpriv` with which dnsmasq runs as the user who called sudo, if one did: it has to read that user's files, and
/// should not have root's rights, since it replies to a whole network.
fn privileges(user: Option<String>, group: Option<String>) -> Vec<String> {
    let (Some(user), Some(group)) = (user, group) else {
        return Vec::new();
    };
    let words = [
        "--reuid",
        &user,
        "--regid",
        &group,
        "--clear-groups",
        "--inh-caps",
        CAPABILITIES,
        "--ambient-caps",
        CAPABILITIES,
    ];
    words.map(str::to_owned).into()
}
