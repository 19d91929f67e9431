//! Transfers between two threads of different domains: calls, signals, yields.

use crate::bench::{Bench, Failure};
use crate::scripts::{self, slots};
use crate::worker::{PRIORITY, Script, Worker};

/// A script and its priority.
type Part = (Script, u8);

/// A call and its reply, with this many words each way.
pub fn call_reply<const WORDS: usize>(bench: &Bench) -> Result<u64, Failure> {
    let replies: Part = (scripts::replies::<WORDS>, PRIORITY);
    plain_pair(bench, (scripts::calls::<WORDS>, PRIORITY), replies)
}

/// A call and its reply without words, between threads that use the vector registers.
pub fn call_reply_with_vectors(bench: &Bench) -> Result<u64, Failure> {
    let replies: Part = (scripts::replies_with_vectors, PRIORITY);
    let (caller, server, median) = pair(bench, (scripts::calls_with_vectors, PRIORITY), replies)?;
    caller.end()?;
    server.end()?;
    Ok(median)
}

/// A signal that wakes a thread of a higher priority, which waits again.
pub fn wake_round_trip(bench: &Bench) -> Result<u64, Failure> {
    let waits: Part = (scripts::waits, PRIORITY + 1);
    plain_pair(bench, (scripts::signals, PRIORITY), waits)
}

/// A yield to another thread, and back.
pub fn yield_round_trip(bench: &Bench) -> Result<u64, Failure> {
    let back: Part = (scripts::yields_back, PRIORITY);
    plain_pair(bench, (scripts::yields, PRIORITY), back)
}

/// A signal without a waiter.
pub fn signal_nobody(bench: &Bench) -> Result<u64, Failure> {
    alone(bench, scripts::signals_nobody)
}

/// A wait for flags that are raised.
pub fn wait_signalled(bench: &Bench) -> Result<u64, Failure> {
    alone(bench, scripts::waits_for_raised_flags)
}

fn alone(bench: &Bench, script: Script) -> Result<u64, Failure> {
    let worker = Worker::new(bench)?;
    let wake = worker.pool.create_notification()?;
    worker.give(wake, slots::WAKE)?;
    worker.start(script, PRIORITY)?;
    let median = worker.median(bench)?;
    worker.check_plain()?;
    worker.end()?;
    Ok(median)
}

fn plain_pair(bench: &Bench, measuring: Part, other: Part) -> Result<u64, Failure> {
    let (first, second, median) = pair(bench, measuring, other)?;
    for worker in [first, second] {
        worker.check_plain()?;
        worker.end()?;
    }
    Ok(median)
}

/// Two workers that share an endpoint and a notification. The one that does not measure starts first.
fn pair(bench: &Bench, measuring: Part, other: Part) -> Result<(Worker, Worker, u64), Failure> {
    let first = Worker::new(bench)?;
    let second = Worker::new(bench)?;
    let endpoint = first.pool.create_endpoint()?;
    let wake = first.pool.create_notification()?;
    for worker in [&first, &second] {
        worker.give(endpoint, slots::ENDPOINT)?;
        worker.give(wake, slots::WAKE)?;
    }
    second.start(other.0, other.1)?;
    first.start(measuring.0, measuring.1)?;
    let median = first.median(bench)?;
    Ok((first, second, median))
}
