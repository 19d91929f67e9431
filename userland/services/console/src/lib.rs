//! The operator's shell on the serial port.
//!
//! | module | noun |
//! | --- | --- |
//! | [`line`] | the line that is being typed |
//! | [`command`] | what the operator may say |
//! | [`shell`] | reads a line, obeys it, shows what comes of it |
//! | [`table`] | the domains as text |
//! | [`journal`] | what was said on this machine, as root has kept it |
//! | [`nomad`] | the machine's migration server, as it is asked |
//! | [`serial`] | keys in, text out |
//!
//! It holds `serial` and `serial-interrupt`, `root` for the list of domains and the log and, for moves, a `port` with the
//! arguments `nomad=<address>` and `secret=<the fleet's secret>`. It sleeps until a key interrupts; on a machine without a
//! serial port, for ever.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod command;
pub mod journal;
pub mod line;
pub mod nomad;
pub mod serial;
pub mod shell;
pub mod table;

use runtime::executor::Tasks;
use runtime::{Start, executor, net};

use nomad::Nomad;
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
    let shell = Shell {
        serial,
        root: start.require("root"),
        nomad,
    };
    if let Err(error) = shell.run().await {
        panic!("the serial port: {error}");
    }
}
