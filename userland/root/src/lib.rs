//! The root server: starts the domains in the machine's manifest, supervises them, and maps names to objects.
//!
//! | module | content |
//! | --- | --- |
//! | [`machine`], [`rtc`] | root's initial authority; the machine's battery-backed clock |
//! | [`archive`], [`image`], [`elf_error`] | the boot archive and the programs in it, validated |
//! | [`part`] | this machine's manifest, from the archive of a machine or of a fleet |
//! | [`table`], [`domain`], [`held_object`] | the domains on this machine, and the record of one |
//! | [`definition`] | the manifest entry and the program of a domain |
//! | [`start`], [`start_error`] | starting a domain, with these steps: |
//! | [`provision`], [`names`], [`grant`] | the resources that the manifest gives it, and their names |
//! | [`spawn`], [`layout`], [`handle`], [`clock`] | building it |
//! | [`restart`], [`fault_text`] | the response to its fault, and to its departure |
//! | [`export`], [`quiet_waiters`] | the export of a leaving domain; the callers that wait until its port is quiet |
//! | [`remains`], [`destruction`] | the memory of domains that have left; the memory that is being destroyed |
//! | [`switchboard`] | the ports, and the commands to the switch about them |
//! | [`devices`] | the functions on the PCI bus, and their hand-over to drivers |
//! | [`console`], [`journal`], [`log_quota`] | the log and its output, its last lines, each domain's quota |
//! | [`screen`], [`keyboard`] | the machine's screen and keyboard, for the console |
//! | [`supervisor`] | the whole state: all of the above |
//! | [`api`], [`badge`] | root's interfaces, all on one endpoint, which change the supervisor |
//!
//! One thread of root replies to calls and makes none, so it never waits for a domain that it supervises. A second thread, of the lowest
//! priority, destroys pools and does nothing else.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod api;
mod archive;
mod badge;
mod clock;
mod console;
mod definition;
mod destruction;
mod devices;
mod domain;
mod elf_error;
mod export;
mod fault_text;
mod grant;
mod handle;
mod held_object;
mod image;
mod journal;
mod keyboard;
mod layout;
mod log_quota;
mod machine;
mod names;
mod part;
mod provision;
mod quiet_waiters;
mod remains;
mod restart;
mod rtc;
mod screen;
mod spawn;
mod start;
mod start_error;
mod supervisor;
mod switchboard;
mod table;

use abi::Error;
use archive::Archive;
use destruction::Destruction;
use devices::Devices;
use keyboard::Keyboard;
use machine::Machine;
use runtime::Start;
use runtime::server::{Handled, Server};
use supervisor::Supervisor;

/// The entry point of the program.
pub fn main(start: Start) -> ! {
    match boot(&start).and_then(serve) {
        Ok(never) => match never {},
        Err(error) => panic!("root cannot continue: {error}"),
    }
}

/// A type without values: serving does not end.
enum Never {}

/// Takes the machine's capabilities, then reads the archive, the PCI bus and the manifest.
fn boot(start: &Start) -> Result<(Supervisor, Archive<'static>), Error> {
    let mut machine = Machine::new(start)?;
    console::open(machine.hardware, machine.pool)?;
    screen::open(start, machine.hardware, machine.pool);
    let keyboard = Keyboard::find(machine.hardware, machine.pool);
    machine.keyboard = keyboard.unwrap_or_else(|error| {
        log::error!("the keyboard is not used: {error}");
        None
    });
    rtc::set_utc(&mut machine);
    let archive = Archive::new(start.archive());
    if let Some(damage) = archive.damage() {
        log::error!("the boot archive is damaged: {damage}");
    }
    let devices = Devices::scan(&machine)?;
    let manifest = part::read(&archive, start, &machine, &devices);
    let mut root = Supervisor::new(machine, manifest, devices);
    root.remains.destruction = Destruction::new(root.machine.domain);
    Ok((root, archive))
}

/// Starts all domains, then serves calls for ever.
fn serve((mut root, archive): (Supervisor, Archive<'static>)) -> Result<Never, Error> {
    log::info!(
        "machine {}: {} devices on the bus",
        root.manifest.machine,
        root.devices.count()
    );
    let mut server = Server::new(root.machine.endpoint)?.accepting(api::CAPABILITIES_MAX);
    root.start_all(&archive);
    if !root.has_console() {
        log::warn!("no domain has the serial port: later log lines are not written to it");
        console::write_out();
    }
    let mut handled = Handled::NoReply;
    loop {
        root.notify_console();
        let event = server.respond_and_receive(handled)?;
        handled = api::handle(&mut root, &mut server, event);
    }
}
