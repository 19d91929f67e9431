//! The console: it alone has the serial port, writes there what is said on the machine, and is the operator's shell.
//!
//! | module | noun |
//! | --- | --- |
//! | [`line`] | the line that is being typed |
//! | [`command`] | what the operator may say |
//! | [`shell`] | reads a line, obeys it, shows what comes of it |
//! | [`table`] | the domains as text |
//! | [`journal`] | what was said on this machine, as root keeps it |
//! | [`nomad`] | the machine's migration server, as it is asked |
//! | [`screen`] | text that waits to be written |
//! | [`writer`] | writes it, and the log beside it |
//! | [`serial`] | the port: keys in, bytes out |
//!
//! It holds `serial` and `serial-interrupt`, `journal` for what is said, `root` for the list of domains and, for moves, a `port` with
//! the arguments `nomad=<address>` and `secret=<the fleet's secret>`. It sleeps until something is said or a key interrupts; on
//! a machine without a serial port, for ever.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod command;
pub mod journal;
pub mod line;
pub mod nomad;
pub mod screen;
pub mod serial;
pub mod shell;
pub mod table;
pub mod writer;

use runtime::executor::Tasks;
use runtime::{Start, executor, net};

use embassy_futures::select::{Either, select};
use journal::Journal;
use nomad::Nomad;
use screen::Screen;
use serial::Serial;
use shell::Shell;

/// The program.
pub fn run(start: Start) -> ! {
    executor::run(start, move |tasks| serve(start, tasks))
}

async fn serve(start: Start, tasks: Tasks) {
    let serial = Serial::open(start).unwrap_or_else(|error| panic!("the serial port: {error}"));
    let Some(serial) = serial else {
        log::warn!("this machine has no serial port: nobody can type here");
        return;
    };
    let nomad = net::is_connected(start).then(|| Nomad::reach(start, tasks));
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
