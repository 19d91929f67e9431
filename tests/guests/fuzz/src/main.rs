//! Random system calls in a domain of its own, beside a counter that nothing may disturb, in root's place.
//!
//! | file | noun |
//! | --- | --- |
//! | `arguments` | the arguments of the calls |
//! | `calls` | the script that makes the calls and judges what becomes of each |
//! | `counter` | the domain beside it |
//! | `failure` | why a run failed |
//! | `peer` | the domain that the script exchanges messages with |
//! | `summary` | what a run came to |
//! | `supervisor` | the domains, and bringing the script back when a call took its own ground away |
//!
//! It asks on the console for how many calls and for a seed.
#![cfg_attr(target_os = "none", no_std, no_main)]
#![allow(unsafe_code)]

#[cfg(target_os = "none")]
extern crate alloc;

#[cfg(target_os = "none")]
mod arguments;
#[cfg(target_os = "none")]
mod calls;
#[cfg(target_os = "none")]
mod counter;
#[cfg(target_os = "none")]
mod failure;
#[cfg(target_os = "none")]
mod peer;
#[cfg(target_os = "none")]
mod summary;
#[cfg(target_os = "none")]
mod supervisor;

#[cfg(target_os = "none")]
runtime::entry!(fuzz::main);

#[cfg(target_os = "none")]
mod fuzz {
    use guest_support::console::{Console, Verdict};
    use runtime::Start;

    use crate::supervisor::Supervisor;

    pub fn main(start: Start) -> ! {
        let console = Console::open(&start, "fuzz").expect("root makes ports");
        console.line(format_args!("how many calls, and which seed?"));
        let [calls, seed] = console.numbers();
        let mut supervisor = Supervisor::new(&start, seed).expect("root makes what this needs");
        console.end(match supervisor.run(calls) {
            Ok(summary) => {
                console.line(format_args!("{summary}"));
                console.line(format_args!("passed"));
                Verdict::Passed
            }
            Err(failure) => {
                console.line(format_args!("failed with the seed {seed}: {failure}"));
                Verdict::Failed
            }
        })
    }
}

/// A host has no domains.
#[cfg(not(target_os = "none"))]
fn main() {}
