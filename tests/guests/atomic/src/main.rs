//! Proves that a frozen domain is data, in root's place: a domain is frozen at random instants, read, rebuilt in other
//! pages, ended and thawed again, and its threads notice nothing but interrupted calls to others.
//!
//! | file | noun |
//! | --- | --- |
//! | `subject` | the domain, and its birth |
//! | `service` | what its threads call outside of it |
//! | `captured` | all that is read of it |
//! | `rebuild` | the list of calls that make a domain of that |
//! | `moves` | the schedule, and what is looked at |
//! | `sights` | what the freezes have to find |
//!
//! It asks on the console how many moves, for a seed, and how many domains to make and end after them. Where the processor counts instructions, the same seed gives the same
//! instants.
#![cfg_attr(target_os = "none", no_std, no_main)]

extern crate alloc;

mod captured;
mod moves;
mod rebuild;
mod service;
mod sights;
mod subject;

use guest_support::console::{Console, Verdict};
use moves::{During, Failure, Moves};
use runtime::Start;
use subject::{Lender, Subject};

runtime::entry!(main);

/// Moves of which some find everything that there is to find.
const ENOUGH: u64 = 100;
/// Moves before the pages are counted: the driver's own table and tables have grown then.
const WARM_UP: u64 = 8;

fn main(start: Start) -> ! {
    let console = Console::open(&start, "atomic").expect("root makes ports");
    console.line(format_args!(
        "how many moves, which seed, and how many domains to make and end?"
    ));
    let [moves, seed, domains] = console.numbers();
    console.end(match run(&start, &console, [moves, seed, domains]) {
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

fn run(start: &Start, console: &Console, [count, seed, domains]: [u64; 3]) -> Result<(), Failure> {
    let lender = Lender::new(start).during("preparing")?;
    let mut moves = Moves::new(lender, seed)?;
    if !moves.begin_on_time()? {
        console.line(format_args!(
            "the numbers came late: the instants are not the seed's"
        ));
    }
    moves.run(WARM_UP)?;
    let before = spent(&lender)?;
    let result = moves.run(count);
    for (name, rounds) in moves.rounds() {
        console.line(format_args!("{rounds:>9} rounds of the thread that {name}"));
    }
    result?;
    let interruptions = ("a call that was interrupted", moves.interruptions());
    for (what, times) in moves.sights().all().chain([interruptions]) {
        console.line(format_args!("{times:>9} times {what}"));
        if times == 0 && count >= ENOUGH {
            return Err(Failure::Missing(what));
        }
    }
    let instants = moves.instants();
    console.line(format_args!(
        "{count} moves at the instants {instants:016x}"
    ));
    check_leak(&lender, before)?;
    make_and_end(&lender, domains)?;
    check_leak(&lender, before)?;
    console.line(format_args!("{domains} domains left no trace"));
    Ok(())
}

/// Makes domains, lets them begin, and ends them.
fn make_and_end(lender: &Lender, domains: u64) -> Result<(), Failure> {
    for number in 0..domains {
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
