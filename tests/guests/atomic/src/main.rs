//! Shows that a frozen domain is data. A domain is frozen at random instants, read, and rebuilt in other pages. Then the original
//! is destroyed and the copy is thawed. The domain's threads notice only that calls to the outside are interrupted. The guest,
//! the *driver*, runs in root's place.
//!
//! | file | content |
//! | --- | --- |
//! | `captured` | the state read from the domain |
//! | `coverage` | the situations that the freezes must find |
//! | `moves` | the schedule, and the checks after each freeze |
//! | `rebuild` | the list of calls that rebuild the domain |
//! | `service` | the service that the domain's threads call |
//! | `subject` | the domain, and its creation |
//!
//! The guest reads from the console the number of moves, a seed, and the number of domains to create and destroy after the moves. Where
//! the clock counts instructions, the same seed gives the same instants.
#![no_std]
#![no_main]

extern crate alloc;

mod captured;
mod coverage;
mod moves;
mod rebuild;
mod service;
mod subject;

use alloc::format;

use guest_support::console::Console;
use guest_support::failure::{Failure, check_leak};
use moves::{During, Moves};
use runtime::Start;
use subject::{Lender, Subject};

runtime::entry!(main);

/// The number of moves that suffices to find every situation.
const ENOUGH: u64 = 100;
/// The number of moves before the pages are counted, in which the driver's own tables grow.
const WARM_UP: u64 = 8;

fn main(start: Start) -> ! {
    let console = Console::open(&start, "atomic").expect("I/O ports");
    console.line(format_args!(
        "how many moves, which seed, and how many domains to create and destroy?"
    ));
    let numbers = console.numbers();
    console.finish(run(&start, &console, numbers))
}

fn run(start: &Start, console: &Console, [count, seed, domains]: [u64; 3]) -> Result<(), Failure> {
    let lender = Lender::new(start).during("preparing")?;
    let mut moves = Moves::new(lender, seed)?;
    if !moves.begin_on_time()? {
        console.line(format_args!(
            "the input came late: the seed does not determine the instants"
        ));
    }
    moves.run(WARM_UP)?;
    let before = lender.pool.report()?.spent.0;
    let result = moves.run(count);
    for (name, rounds) in moves.rounds() {
        console.line(format_args!("{rounds:>9} rounds of the thread that {name}"));
    }
    result?;
    let interruptions = ("an interrupted call", moves.interruptions());
    for (what, times) in moves.coverage().all().chain([interruptions]) {
        console.line(format_args!("{times:>9} times {what}"));
        if times == 0 && count >= ENOUGH {
            return Err(Failure::Other(format!("there was never {what}")));
        }
    }
    let instants = moves.instants();
    console.line(format_args!(
        "{count} moves at the instants {instants:016x}"
    ));
    check_leak(lender.pool, before)?;
    create_and_destroy(&lender, domains)?;
    check_leak(lender.pool, before)?;
    console.line(format_args!("{domains} domains left no trace"));
    Ok(())
}

/// Creates domains, lets every other one start, and destroys them.
fn create_and_destroy(lender: &Lender, domains: u64) -> Result<(), Failure> {
    for number in 0..domains {
        let subject = Subject::new(lender).during("creating a domain")?;
        if number % 2 == 0 {
            let thawed = subject.domain.thaw(subject.token);
            thawed.during("thawing a domain")?;
        }
        subject.end().during("destroying a domain")?;
    }
    Ok(())
}
