//! Measures the kernel in ticks of the time-stamp counter, in root's place. `scripts/bench kernel` starts it under a clock that counts
//! instructions, and the boot menu on real machines.
//!
//! | file | content |
//! | --- | --- |
//! | `figures` | the list of figures and their measurements |
//! | `measure` | samples of the time-stamp counter, and their median |
//! | `screen` | the screen of a real machine |
//! | `worker` | a domain with a thread that runs one of the `scripts` |
//! | `messages`, `faults`, `objects`, `freezing`, `copying`, `granting` | the measurements |
//!
//! Every figure is a line `bench NAME VALUE ticks`. Operations between threads are measured between workers in domains of
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
mod screen;
mod scripts;
mod worker;

use core::fmt;

use bench::Bench;
use framebuffer::{Page, Surface};
use guest_support::console::{Console, Verdict};
use runtime::Start;
use screen::Screen;

runtime::entry!(main);

fn main(start: Start) -> ! {
    let console = Console::open(&start, "bench").expect("I/O ports");
    let screen = Screen::open(&start).expect("the screen that the kernel found");
    let mut page = screen.as_ref().map(Screen::page);
    let bench = Bench::new(&start).expect("memory and a notification");
    let verdict = match figures::measure_all(&bench, &console, page.as_mut()) {
        Ok(()) => Verdict::Passed,
        Err((name, failure)) => {
            let text = format_args!("cannot measure {name}: {failure}");
            show(page.as_mut(), text);
            console.line(text);
            Verdict::Failed
        }
    };
    // Somebody reads the screen.
    while page.is_some() {
        let _ = bench.done.wait();
    }
    console.end(verdict)
}

/// Shows a line on the screen, if there is one.
fn show(page: Option<&mut Page<impl Surface>>, text: fmt::Arguments<'_>) {
    if let Some(page) = page {
        page.put_line(text);
    }
}
