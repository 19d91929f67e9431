//! Checks in root's place that the kernel does what its interface promises: a table of checks, one verdict line each.
//!
//! | file | noun |
//! | --- | --- |
//! | `bed` | what every check is given, and why one fails |
//! | `checks` | the table, and a file for each part of the interface |
//!
//! Every check makes what it needs in pools of its own and ends them: the root pool has spent after it what it had before.
#![cfg_attr(target_os = "none", no_std, no_main)]
#![allow(unsafe_code)]

#[cfg(target_os = "none")]
extern crate alloc;

#[cfg(target_os = "none")]
mod bed;
#[cfg(target_os = "none")]
mod checks;

#[cfg(target_os = "none")]
runtime::entry!(conformance::main);

#[cfg(target_os = "none")]
mod conformance {
    use guest_support::console::{Console, Verdict};
    use runtime::Start;

    use crate::bed::Bed;
    use crate::checks::CHECKS;

    pub fn main(start: Start) -> ! {
        let console = Console::open(&start, "conformance").expect("root makes ports");
        let mut bed = Bed::new(&start).expect("root makes what checks need");
        let mut failed = 0;
        for (name, check) in CHECKS {
            console.line(format_args!("begins: {name}"));
            match bed.run(*check) {
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
}

/// A host has no domains.
#[cfg(not(target_os = "none"))]
fn main() {}
