//! The root server: starts what the machine's manifest names, watches it, and knows which name an object has.
//!
//! | module | noun |
//! | --- | --- |
//! | [`machine`] | the authority that root was born with |
//! | [`archive`], [`image`], [`no_image`] | the boot archive and the programs in it, checked |
//! | [`birth`], [`layout`], [`grant`], [`handle`], [`clock`] | how a domain is made |
//! | [`provision`], [`names`] | what a domain of the manifest is given, and under which names |
//! | [`supervisor`], [`domain`] | the domains that are here: starting and ending them |
//! | [`fault`], [`not_started`] | what goes wrong with them, and what is done then |
//! | [`export`] | a domain that is leaving, and stays if nobody goes on with that |
//! | [`switchboard`] | the ports, and what the switch is told about them |
//! | [`services`], [`badge`] | what root answers, on one endpoint |
//! | [`pci`] | devices and handing them to drivers |
//! | [`console`], [`journal`], [`allowance`] | what was said and who writes it out, the last lines of it, how much a domain may say |
//!
//! Root has one thread. It answers calls and makes none, so that it never waits for a domain it looks after.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod allowance;
pub mod archive;
pub mod badge;
pub mod birth;
pub mod clock;
pub mod console;
pub mod domain;
pub mod export;
pub mod fault;
pub mod grant;
pub mod handle;
pub mod image;
pub mod journal;
pub mod layout;
pub mod machine;
pub mod names;
pub mod no_image;
pub mod not_started;
pub mod pci;
pub mod provision;
pub mod services;
pub mod supervisor;
pub mod switchboard;

use abi::Error;
use alloc::vec::Vec;
use archive::Archive;
use machine::Machine;
use manifest::Manifest;
use pci::ConfigurationPorts;
use runtime::Start;
use runtime::server::{Answer, Server};
use supervisor::Supervisor;
use switchboard::Switchboard;

/// Root's first function.
pub fn main(start: Start) -> ! {
    match boot(&start).and_then(serve) {
        Ok(never) => match never {},
        Err(error) => panic!("root cannot go on: {error}"),
    }
}

/// What never is.
enum Never {}

/// Takes the machine and looks at what it is to run.
fn boot(start: &Start) -> Result<Supervisor, Error> {
    let machine = Machine::new(start)?;
    console::open(machine.hardware, machine.pool)?;
    let archive = Archive::new(start.archive());
    if let Some(damage) = archive.damage() {
        log::error!("the boot archive is damaged: {damage}");
    }
    let configuration = ConfigurationPorts::new(machine.hardware, machine.pool)?;
    Ok(Supervisor {
        machine,
        manifest: read_manifest(&archive),
        archive,
        domains: Vec::new(),
        switchboard: Switchboard::default(),
        awaiting_quiet: Vec::new(),
        services: Vec::new(),
        configuration,
        functions: pci::functions(&configuration),
        numbers_made: 0,
    })
}

/// The manifest; without one the machine runs nothing, and says why.
fn read_manifest(archive: &Archive) -> Manifest {
    let manifest = archive.find(manifest::MEMBER).map(Manifest::from_bytes);
    match manifest {
        Some(Ok(manifest)) => return manifest,
        Some(Err(error)) => log::error!("the archive's `{}`: {error}", manifest::MEMBER),
        None => log::error!("the archive has no `{}`", manifest::MEMBER),
    }
    Manifest {
        machine: "nameless".into(),
        domains: Vec::new(),
    }
}

/// Starts everything, and answers for ever.
fn serve(mut root: Supervisor) -> Result<Never, Error> {
    log::info!(
        "machine {}: {} devices on the bus",
        root.manifest.machine,
        root.functions.len()
    );
    let mut server = Server::new(root.machine.endpoint)?.accepting(services::CAPABILITIES_MAX);
    root.start_all();
    if !root.has_console() {
        log::warn!("no domain has the serial port: what is said from now on is not written there");
        console::write_out();
    }
    let mut answer = Answer::Never;
    loop {
        root.announce_lines();
        let event = server.answer_and_receive(answer)?;
        answer = services::handle(&mut root, &mut server, event);
    }
}
