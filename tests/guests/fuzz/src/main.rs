//! Makes random system calls in a domain of their own, beside a counter that they must not disturb. It runs in root's place.
//!
//! | file | content |
//! | --- | --- |
//! | `arguments` | the arguments of the calls |
//! | `calls` | the script that makes the calls and judges the outcomes |
//! | `counter` | the domain that must not be disturbed |
//! | `peer` | the domain that the script exchanges messages with |
//! | `summary` | the result of a run |
//! | `supervisor` | creates the domains, and restarts the script after a call that stopped it |
//!
//! The guest reads the number of calls and a seed from the console.
#![no_std]
#![no_main]
#![allow(unsafe_code)]

extern crate alloc;

mod arguments;
mod calls;
mod counter;
mod peer;
mod summary;
mod supervisor;

use guest_support::console::Console;
use runtime::Start;
use supervisor::Supervisor;

runtime::entry!(main);

fn main(start: Start) -> ! {
    let console = Console::open(&start, "fuzz").expect("I/O ports");
    console.line(format_args!("how many calls, and which seed?"));
    let [calls, seed] = console.numbers();
    let mut supervisor = Supervisor::new(&start, seed).expect("notifications");
    let summary = supervisor.run(calls);
    console.finish(summary.map(|summary| console.line(format_args!("{summary}"))))
}
