//! `caravan netboot`: starts the machines of a network from the image, without sticks.
//!
//! ```text
//!   firmware of a machine              this host
//!   DHCP: which file do I start?  -->  dnsmasq, beside the network's DHCP server or in its place
//!   PXE: GRUB, menu, kernel, ...  -->  dnsmasq, by TFTP from the directory that `scripts/image` makes
//!   HTTP boot: the whole image    -->  `http`
//! ```
//!
//! A machine finds its part of the fleet as with a stick, so nothing here knows the machines.

mod connections;
mod cores;
mod directory;
mod dnsmasq;
mod http;
mod interface;
mod options;
mod program;

use std::convert::Infallible;
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::path::PathBuf;
use std::process::ExitStatus;
use std::thread;

pub use options::{NAME, Options, Range, subcommand};

use directory::Directory;
use interface::Interface;

/// The port of TFTP, which only root may use.
const TFTP_PORT: u16 = 69;
/// The port of the image for UEFI's HTTP boot, which is part of its URL.
const HTTP_PORT: u16 = 7480;

/// The reason machines cannot be started from here.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The directory cannot be read, or a file in it cannot be written.
    #[error("{path}: {1}\n  next: {next}", path = .0.display(), next = directory::NEXT)]
    Directory(PathBuf, io::Error),
    /// The directory lacks a file of the image.
    #[error("{path} is not an image for the network: it has no {1}\n  next: {next}", path = .0.display(), next = directory::NEXT)]
    NotImage(PathBuf, &'static str),
    /// This host does not have the interface; it has these.
    #[error("this host has no interface {0}\n  next: give one of {1}")]
    NoInterface(String, String),
    /// The interface has no IPv4 address.
    #[error(
        "{0} has no IPv4 address\n  next: `ip address add ADDRESS/LENGTH dev {0}`, with a free address of the network"
    )]
    NoAddress(String),
    /// The addresses to hand out belong to another network.
    #[error("{0} is not in the network of {1}\n  next: give free addresses of that network")]
    Elsewhere(Range, Interface),
    /// The ports are reserved for root.
    #[error("only root may serve DHCP and TFTP\n  next: run the same command with sudo")]
    NotAllowed,
    /// A port cannot be bound, usually because another program has it.
    #[error("port {1} of {0}: {2}\n  next: end the program that has the port; `ss -lp` names it")]
    Port(Ipv4Addr, u16, io::Error),
    /// A program is not installed; a package of Debian has it.
    #[error(
        "`{0}` is not installed\n  next: install the package {1}, on Debian with `apt install {1}`"
    )]
    NotInstalled(&'static str, &'static str),
    /// A program cannot be run.
    #[error("{0}: {1}")]
    Program(&'static str, io::Error),
    /// A program has failed with this message.
    #[error("{0} failed: {1}")]
    Failed(&'static str, String),
    /// The output of a program was not understood.
    #[error("the output of {0}: {1}")]
    Output(&'static str, serde_json::Error),
    /// This program cannot start a thread.
    #[error("no thread for HTTP: {0}")]
    Thread(io::Error),
    /// dnsmasq has ended by itself.
    #[error("dnsmasq has ended ({0}): see its last message")]
    Ended(ExitStatus),
}

/// Serves the image until the program is interrupted.
///
/// # Errors
/// [`Error`].
pub fn run(options: &Options) -> Result<Infallible, Error> {
    let directory = Directory::open(&options.directory)?;
    let interface = Interface::find(&options.interface)?;
    if let Some(range) = options.range.filter(|range| !interface.reaches(*range)) {
        return Err(Error::Elsewhere(range, interface));
    }
    check_port(interface.address)?;
    dnsmasq::require()?;
    let cores = cores::make(&directory, interface.address)?;
    let http = http::Server::bind(
        SocketAddrV4::new(interface.address, HTTP_PORT),
        directory.image(),
    )
    .map_err(|error| Error::Port(interface.address, HTTP_PORT, error))?;
    let service = dnsmasq::Service {
        interface: &interface,
        range: options.range,
        root: directory.path(),
        cores: &cores,
        url: http.url(),
    };
    // Nobody has to read it.
    let _ = print(&service, directory.label());
    let server = thread::Builder::new().spawn(move || http.run());
    server.map_err(Error::Thread)?;
    service.run()
}

/// Checks that this program can serve TFTP here. dnsmasq would report the same errors with less help.
fn check_port(address: Ipv4Addr) -> Result<(), Error> {
    match UdpSocket::bind((address, TFTP_PORT)) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(Error::NotAllowed),
        Err(error) => Err(Error::Port(address, TFTP_PORT, error)),
    }
}

fn print(service: &dnsmasq::Service<'_>, label: Option<String>) -> io::Result<()> {
    let mut out = io::stdout();
    let (root, interface) = (service.root.display(), service.interface);
    match label {
        Some(label) => writeln!(out, "serving {root}, of {label}, on {interface}")?,
        None => writeln!(out, "serving {root} on {interface}")?,
    }
    match service.range {
        None => writeln!(out, "  addresses: from this network's DHCP server")?,
        Some(range) => writeln!(out, "  addresses: {range}, from here")?,
    }
    for core in service.cores {
        writeln!(out, "  {}: {} by TFTP", core.firmware, core.path)?;
    }
    writeln!(out, "  UEFI HTTP boot: {}", service.url)?;
    writeln!(out, "  {}", service.command_line())
}
