//! Arranges the longest kernel steps that a hostile domain can cause, in root's place, while a QEMU plugin counts the instructions of
//! every entry.
//!
//! | file | content |
//! | --- | --- |
//! | `actors` | threads of another domain, each at a system call |
//! | `scenes` | the list of scenes: each is a series of calls that causes long kernel operations |
//! | `stage` | the resources of every scene: [`stage::Stage`] |
//! | `nest` | pools nested as deep as possible: [`nest::Nest`] |
//! | `tables`, `pages`, `threads`, `messages`, `pools` | the scenes, by the kind of long work |
//! | `deep`, `subject` | scenes in which one entry into the kernel does several kinds of long work |
//! | `flags` | a scene with a flag set that must be clear in the kernel |
//!
//! Every scene is announced to the plugin and on the console, with its number. If a scene fails, the run fails.
#![no_std]
#![no_main]
#![allow(unsafe_code)]

extern crate alloc;

mod actors;
mod deep;
mod flags;
mod messages;
mod nest;
mod pages;
mod pools;
mod scenes;
mod stage;
mod subject;
mod tables;
mod threads;

use guest_support::console::{Console, Verdict};
use runtime::Start;
use stage::Stage;

runtime::entry!(main);

fn main(start: Start) -> ! {
    let console = Console::open(&start, "latency").expect("I/O ports");
    let played = Stage::new(&start).and_then(|stage| scenes::play_all(&stage, &console));
    console.end(match played {
        Ok(()) => Verdict::Passed,
        Err(error) => {
            console.line(format_args!("the kernel refused: {error}"));
            Verdict::Failed
        }
    })
}
