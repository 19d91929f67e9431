//! The console: the only domain with the serial port. It writes the machine's log to it and runs the operator's shell.
//!
//! | module | noun |
//! | --- | --- |
//! | [`line`] | the line being typed |
//! | [`command`] | the operator's commands |
//! | [`shell`] | reads a command, executes it, shows the result |
//! | [`table`] | the domains as text |
//! | [`journal`] | client for root's journal, the machine's log |
//! | [`nomad`] | client for the machine's migration server |
//! | [`screen`] | text waiting to be written |
//! | [`writer`] | the task that writes it, and the log |
//! | [`serial`] | the port: keys in, bytes out |
//!
//! It holds `serial` and `serial-interrupt`, `journal` for the log, and `root` for the list of domains. The commands that start,
//! stop and move domains go to the migration server: for them it has a `port` and the arguments `nomad=<address>` and
//! `secret=<the fleet's secret>`. It sleeps until a log line or a key arrives; on a machine without a serial port, for ever.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod command;
mod journal;
mod line;
mod nomad;
mod screen;
mod serial;
mod shell;
mod table;
mod writer;

use runtime::executor::Tasks;
use runtime::{Start, executor, net};

use embassy_futures::select::{Either, select};
use journal::Journal;
use nomad::Nomad;
use screen::Screen;
use serial::Serial;
use shell::Shell;

/// The entry point of the program.
pub fn run(start: Start) -> ! {
    executor::run(start, move |tasks| serve(start, tasks))
}

async fn serve(start: Start, tasks: Tasks) {
    let serial = Serial::open(start).unwrap_or_else(|error| panic!("the serial port: {error}"));
    let Some(serial) = serial else {
        log::warn!("this machine has no serial port: the console has no shell");
        return;
    };
    let nomad = net::is_connected(start).then(|| Nomad::connect(start, tasks));
    let journal = Journal::new(start.require("journal"));
    let screen = Screen::default();
    let shell = Shell {
        serial,
        screen: &screen,
        root: start.require("root"),
        journal,
        nomad,
    };
    let error = match select(shell.run(), writer::run(serial, &screen, journal)).await {
        Either::First(Err(error)) | Either::Second(Err(error)) => error,
    };
    panic!("the serial port: {error}");
}
