//! The largest domain that may move: as many threads, objects and capabilities as the migration server accepts. It logs its
//! incarnation, so that a test can follow it.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use abi::THREADS_MAX;
use runtime::capability::{Domain, Notification, Pool};
use runtime::{Cap, Error, Start, clock, log};

/// The number of threads, this one included.
const THREADS: usize = THREADS_MAX;
/// The number of capabilities: a little below the migration server's `CAPABILITIES_MAX`, since the domain starts with some.
const CAPABILITIES: usize = 4_000;
/// The number of slots of the domain's table.
const SLOTS: u32 = 4_096;
/// The interval at which the incarnation is checked.
const LOOK_NS: u64 = 50_000_000;

runtime::entry!(main);

fn main(start: Start) -> ! {
    let silence = grow(&start).unwrap_or_else(|error| panic!("cannot grow: {error}"));
    log::info!("has {THREADS} threads and {CAPABILITIES} capabilities");
    let mut logged = u64::MAX;
    loop {
        if clock::incarnation() != logged {
            logged = clock::incarnation();
            log::info!("runs in incarnation {logged}");
        }
        // The notification is never signalled.
        let _ = silence.wait_until_ns(clock::now_ns() + LOOK_NS);
    }
}

fn grow(start: &Start) -> Result<Cap<Notification>, Error> {
    let (pool, domain): (Cap<Pool>, Cap<Domain>) = (start.require("pool"), start.require("domain"));
    domain.grow(SLOTS)?;
    for _ in 1..THREADS {
        domain.create_thread()?;
    }
    for _ in THREADS..CAPABILITIES {
        pool.create_notification()?;
    }
    pool.create_notification()
}
