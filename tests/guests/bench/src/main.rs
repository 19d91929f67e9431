//! Measures the kernel in instructions, in root's place, under a clock that counts instructions.
//!
//! | file | content |
//! | --- | --- |
//! | `figures` | the list of figures and their measurements |
//! | `measure` | samples of the time-stamp counter, and their median |
//! | `worker` | a domain with a thread that runs one of the `scripts` |
//! | `messages`, `faults`, `objects`, `freezing`, `copying`, `granting` | the measurements |
//!
//! Every figure is a line `bench NAME VALUE UNIT`. Operations between threads are measured between workers in domains of
//! their own, while the main thread sleeps. The workers do not use the vector registers unless the figure is about them.
#![no_std]
#![no_main]
#![allow(unsafe_code)]

extern crate alloc;

mod bench;
mod copying;
mod faults;
mod figures;
mod freezing;
mod granting;
mod measure;
mod messages;
mod objects;
mod scripts;
mod worker;

use bench::Bench;
use guest_support::console::{Console, Verdict};
use runtime::Start;

runtime::entry!(main);

fn main(start: Start) -> ! {
    let console = Console::open(&start, "bench").expect("I/O ports");
    let verdict = Bench::new(&start)
        .map_err(|failure| ("preparing", failure))
        .and_then(|bench| figures::measure_all(&bench, &console));
    console.end(match verdict {
        Ok(()) => Verdict::Passed,
        Err((name, failure)) => {
            console.line(format_args!("cannot measure {name}: {failure}"));
            Verdict::Failed
        }
    })
}
