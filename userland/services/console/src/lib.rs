//! The console: the only domain with the serial port, the screen and the keyboard. It shows the machine's log and runs the
//! operator's shell.
//!
//! | module | content |
//! | --- | --- |
//! | [`line`] | the line being typed |
//! | [`command`] | the operator's commands |
//! | [`shell`] | reads a command, executes it, shows the result |
//! | [`table`] | the domains as text |
//! | [`journal`] | client for root's journal, the machine's log |
//! | [`nomad`] | client for the machine's migration server |
//! | [`terminal`] | text waiting to be written |
//! | [`writer`] | the task that writes it, and the log |
//! | [`display`] | the screen, on which it draws cells of characters |
//! | [`keys`] | keys from the serial port and the keyboard |
//! | [`keyboard`] | the PS/2 keyboard |
//! | [`serial`] | the port: keys in, bytes out |
//!
//! Its capabilities are `journal` for the log, `domains` for the list of domains, and those to the devices that the machine has:
//! `serial` and `serial-interrupt`; `screen`; `keyboard-data`, `keyboard-control` and `keyboard-interrupt`. The commands that
//! start, stop and move domains go to the migration server. For them the console has a `port` and the arguments
//! `nomad=<address>` and `secret=<the fleet's secret>`. The argument `keyboard` is the keyboard's layout. There is one
//! terminal: the serial port and the screen show the same text, and a line may be typed partly on the serial port and partly on
//! the keyboard. The console sleeps until a log line or a key arrives, and for ever on a machine with neither a serial port nor
//! a screen.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod command;
mod display;
mod journal;
mod keyboard;
mod keys;
mod line;
mod nomad;
mod serial;
mod shell;
mod table;
mod terminal;
mod writer;

use runtime::executor::Tasks;
use runtime::{Start, executor, net};

use alloc::format;
use core::future::pending;

use display::Display;
use embassy_futures::select::{Either3, select3};
use journal::Journal;
use keyboard::Keyboard;
use keys::Keys;
use nomad::Nomad;
use serial::Serial;
use shell::Shell;
use terminal::Terminal;

/// The entry point of the program.
pub fn run(start: Start) -> ! {
    executor::run(start, move |tasks| serve(start, tasks))
}

async fn serve(start: Start, tasks: Tasks) {
    let serial = Serial::open(start).unwrap_or_else(|error| panic!("the serial port: {error}"));
    let display = Display::open(start);
    let keyboard = Keyboard::open(start).await;
    let keyboard = keyboard.unwrap_or_else(|error| panic!("the keyboard: {error}"));
    report(serial.as_ref(), display.as_ref(), keyboard.as_ref());
    if serial.is_none() && display.is_none() {
        return;
    }
    let nomad = net::is_connected(start).then(|| Nomad::connect(start, tasks));
    let journal = Journal::new(start.require("journal"));
    let terminal = Terminal::default();
    let shell = Shell {
        keys: Keys { serial, keyboard },
        terminal: &terminal,
        domains: start.require("domains"),
        journal,
        nomad,
    };
    let draw = async {
        match &display {
            Some(display) => display.run().await,
            None => pending().await,
        }
    };
    let write = writer::run(serial, display.as_ref(), &terminal, journal);
    match select3(shell.run(), write, draw).await {
        Either3::First(Err(error)) => panic!("the shell's keys: {error}"),
        Either3::Second(Err(error)) => panic!("the serial port: {error}"),
        Either3::Third(never) => match never {},
    }
}

/// Logs the devices that the console has.
fn report(serial: Option<&Serial>, display: Option<&Display>, keyboard: Option<&Keyboard>) {
    let serial = serial.map_or("no serial port", |_| "a serial port");
    let keyboard = keyboard.map_or("no keyboard", |_| "a keyboard");
    let screen = display.map_or("no screen".into(), |display| {
        let (columns, rows) = display.size();
        format!("a screen of {columns} by {rows} characters")
    });
    log::info!("this machine has {serial}, {screen} and {keyboard}");
}
