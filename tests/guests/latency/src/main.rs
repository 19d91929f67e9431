//! Arranges the longest steps of the kernel that a hostile domain could think of, in root's place, while a plugin of QEMU's
//! counts the instructions of every entry.
//!
//! | file | noun |
//! | --- | --- |
//! | `stage` | what every scene needs: [`stage::Stage`] |
//! | `actors` | threads of another domain, each standing at a system call |
//! | `scenes` | the list of scenes |
//! | `nest` | pools inside each other, as deep as they go: [`nest::Nest`] |
//! | `tables`, `pages`, `threads`, `messages`, `pools` | the scenes, by what is long in them |
//! | `deep`, `subject` | scenes in which one entry does several long things |
//! | `flags` | a scene whose thread has a flag set that the kernel must not run with |
//!
//! Every scene is announced to the plugin and on the console, under its number. A scene that cannot be played fails the run.
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
