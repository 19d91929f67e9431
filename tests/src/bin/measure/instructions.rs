//! The instructions of the steps of a pause, and of a page in it.

use std::thread::sleep;

use harness::pauses::{self, Pause};
use harness::{Fleet, Node, counter};

use crate::figures::{Summary, print, print_one};
use crate::moves::steps;
use crate::repetition::WATCHED;
use crate::workload::with_largest_mtu;

/// The counters whose steps are counted: name, and archive of the first machine.
const COUNTED: [(&str, &str); 2] = [("idle", "idle-a"), ("wws", "largest-a")];
/// The number of moves whose steps are counted.
const MOVES: usize = 6;
/// The beginning of the names of steps in which a machine waits for the other one.
const WAITING: &str = "await";
/// A microsecond of a machine's clock that advances by one nanosecond per instruction.
const INSTRUCTIONS_PER_US: f64 = 1e3;

/// The steps of the source and of the destination that take the longer, the more pages a pause has.
const OUT: [&str; 2] = ["copy", "send"];
const IN: [&str; 1] = ["apply"];

/// The medians of one counter's pauses: their pages, and the instructions of the steps that handle pages.
struct Medians {
    pages: f64,
    page_out: f64,
    page_in: f64,
}

/// Counts the instructions of the steps of pauses, and prints them.
pub fn count() {
    let [few, many] = COUNTED.map(|(counter, archive)| count_counter(counter, archive));
    let pages = many.pages - few.pages;
    for (name, few, many) in [
        ("page_out", few.page_out, many.page_out),
        ("page_in", few.page_in, many.page_in),
    ] {
        let name = format!("instructions.{name}");
        print_one(&name, "instructions", (many - few) / pages);
    }
}

fn count_counter(counter: &str, archive: &'static str) -> Medians {
    let counting = |options| with_largest_mtu(options).counting_beside_hosts();
    let mut fleet = Fleet::start_largest(archive, counting);
    fleet.await_log(Node::A, counter::READY);
    for from in [Node::A, Node::B].into_iter().cycle().take(MOVES) {
        fleet.migrate("counter", from);
        // Until the log has the steps.
        sleep(WATCHED);
    }
    let logs = [Node::A, Node::B].map(|node| pauses::pauses(&fleet.log(node)));
    let pauses = logs.concat();
    for (step, us) in steps(&pauses) {
        if !step.contains(WAITING) {
            let counts = us.into_iter().map(|us| us as f64 * INSTRUCTIONS_PER_US);
            let name = format!("instructions.{step}.{counter}");
            print(&name, "instructions", counts);
        }
    }
    Medians::of(counter, &pauses)
}

impl Medians {
    fn of(counter: &str, pauses: &[Pause]) -> Medians {
        let pages = pauses.iter().filter_map(|pause| pause.pages);
        let pages = pages.map(|pages| pages.in_pause as f64);
        Medians {
            pages: print(&format!("instructions.pages.{counter}"), "pages", pages).median,
            page_out: median(pauses, "source", &OUT),
            page_in: median(pauses, "destination", &IN),
        }
    }
}

/// The median of the instructions that the pauses of one side spent in these steps.
fn median(pauses: &[Pause], side: &str, names: &[&str]) -> f64 {
    let pauses = pauses.iter().filter(|pause| pause.side == side);
    let sums = pauses.map(|pause| {
        let us: u64 = names.iter().filter_map(|name| pause.us(name)).sum();
        us as f64 * INSTRUCTIONS_PER_US
    });
    Summary::of(sums).median
}
