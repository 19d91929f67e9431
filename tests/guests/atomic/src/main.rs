//! Proves that a frozen domain is data, in root's place: a domain is frozen at random instants, read, rebuilt in other
//! pages, ended and thawed again, and its threads notice nothing but interrupted calls to others.
//!
//! | file | noun |
//! | --- | --- |
//! | `workloads`, `registers`, `derives` | what the threads of the domain do, checking themselves |
//! | `board` | where they tell about it |
//! | `subject` | the domain, and its birth |
//! | `captured` | all that is read of it |
//! | `rebuild` | the list of calls that make a domain of that |
//! | `moves` | the schedule, and what is looked at |
//!
//! It asks on the console for how many moves and for a seed.
#![cfg_attr(target_os = "none", no_std, no_main)]

extern crate alloc;

mod board;
mod captured;
mod derives;
mod moves;
mod rebuild;
mod registers;
mod subject;
mod workloads;

use guest_support::console::{Console, Verdict};
use moves::{During, Failure, Moves};
use runtime::Start;
use subject::{Lender, Subject};

runtime::entry!(main);

/// Domains that are made and ended one after the other.
const DOMAINS: u64 = 1000;
/// Moves before the pages are counted: the driver's own table and tables have grown then.
const WARM_UP: u64 = 8;

fn main(start: Start) -> ! {
    let console = Console::open(&start, "atomic").expect("root makes ports");
    console.line(format_args!("how many moves, and which seed?"));
    let [moves, seed] = console.numbers();
    console.end(match run(&start, &console, moves, seed) {
        Ok(()) => {
            console.line(format_args!("passed"));
            Verdict::Passed
        }
        Err(failure) => {
            console.line(format_args!("failed: {failure}"));
            Verdict::Failed
        }
    })
}

fn run(start: &Start, console: &Console, count: u64, seed: u64) -> Result<(), Failure> {
    let lender = Lender::new(start).during("preparing")?;
    let mut moves = Moves::new(lender, seed)?;
    moves.run(WARM_UP)?;
    let before = spent(&lender)?;
    let seen = moves.run(count)?;
    for (name, rounds) in moves.rounds() {
        console.line(format_args!("{rounds:>9} rounds of who {name}"));
    }
    console.line(format_args!("{count} moves: {seen:?}"));
    check_leak(&lender, before)?;
    for (number, what) in [
        (seen.awaiting, "a thread that awaited"),
        (seen.awaiting_fault, "a thread whose fault was being mended"),
        (seen.stopped_awaiting, "a stopped thread that awaited"),
        (
            seen.stopped_awaiting_fault,
            "a stopped thread whose fault was being mended",
        ),
        (seen.replies, "a right to answer in the table"),
        (seen.flags, "a flag that was raised"),
        (seen.interruptions, "a call that was interrupted"),
    ] {
        if number == 0 {
            return Err(Failure::Missing(what));
        }
    }
    make_and_end(&lender)?;
    check_leak(&lender, before)?;
    console.line(format_args!("{DOMAINS} domains left no trace"));
    Ok(())
}

/// Makes domains, lets them begin, and ends them.
fn make_and_end(lender: &Lender) -> Result<(), Failure> {
    for number in 0..DOMAINS {
        let subject = Subject::new(lender).during("making a domain")?;
        if number % 2 == 0 {
            let thawed = subject.domain.thaw(subject.token);
            thawed.during("thawing a domain")?;
        }
        subject.end().during("ending a domain")?;
    }
    Ok(())
}

fn spent(lender: &Lender) -> Result<u64, Failure> {
    let report = lender.pool.report().during("counting pages")?;
    Ok(report.spent.0)
}

fn check_leak(lender: &Lender, before: u64) -> Result<(), Failure> {
    match spent(lender)? {
        after if after == before => Ok(()),
        after => Err(Failure::Leak(before, after)),
    }
}

/// A host has no domains.
#[cfg(not(target_os = "none"))]
fn main() {}
