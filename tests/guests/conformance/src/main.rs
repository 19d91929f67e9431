//! Checks that the kernel keeps the promises of its interface. It runs a table of checks in root's place, and prints each
//! verdict on a line.
//!
//! | file | content |
//! | --- | --- |
//! | `fixture` | the resources of every check, and its expectations |
//! | `checks` | the table of checks, and a file per part of the interface |
//!
//! Every check creates its objects in a pool of its own, which is then destroyed. Afterwards the root pool must have spent as many
//! pages as before.
#![no_std]
#![no_main]
#![allow(unsafe_code)]

extern crate alloc;

mod checks;
mod fixture;

use checks::CHECKS;
use fixture::Fixture;
use guest_support::console::{Console, Verdict};
use runtime::Start;

runtime::entry!(main);

fn main(start: Start) -> ! {
    let console = Console::open(&start, "conformance").expect("I/O ports");
    let mut fixture = Fixture::new(&start).expect("the fixture");
    let mut failed = 0;
    for (name, check) in CHECKS {
        console.line(format_args!("begins: {name}"));
        match fixture.run(*check) {
            Ok(()) => console.line(format_args!("passed: {name}")),
            Err(failure) => {
                failed += 1;
                console.line(format_args!("FAILED: {name}: {failure}"));
            }
        }
    }
    console.line(format_args!("{} checks, {failed} failed", CHECKS.len()));
    console.end(match failed {
        0 => Verdict::Passed,
        _ => Verdict::Failed,
    })
}
