//! Random calls with random arguments: the guest `fuzz` makes them in a domain beside a counter, in root's place, and judges
//! each by what its caller held.

use std::time::Duration;

use harness::machine::{Boot, Options};
use harness::repeat::variable;
use harness::{Artefacts, Verdict};

/// Stops a hang.
const LIMIT: Duration = Duration::from_secs(600);

/// What the guest writes to the exit device when all was well.
const PASSED: Verdict = Verdict::Exit(0x10);

/// Calls in the test here. `CARAVAN_FUZZ_CALLS` and `CARAVAN_FUZZ_SEED` ask for others.
const CALLS: u64 = 100_000;
/// Of this many calls one must have succeeded, on average: refusals alone show little.
const FEW: u64 = 25;
/// Calls for which the script lacks a right: they make parts of devices.
const FORBIDDEN: [&str; 5] = [
    "InterruptCreateLine",
    "InterruptCreateMessage",
    "IoPortsCreate",
    "DeviceMemoryCreate",
    "Random",
];
/// How many of the other calls need not succeed even once.
const RARE: usize = 4;
/// The seed of the test here.
const SEED: u64 = 1;

#[test]
fn random_calls_come_to_what_their_caller_may() {
    let (calls, seed) = (
        variable("CARAVAN_FUZZ_CALLS").unwrap_or(CALLS),
        variable("CARAVAN_FUZZ_SEED").unwrap_or(SEED),
    );
    let boot = Boot::Kernel {
        kernel: Artefacts::kernel(),
        archive: Some(Artefacts::archive_named("guest-fuzz")),
    };
    // Time is the number of instructions, and the kernel draws the same random numbers each time: a seed repeats a failure.
    let mut machine = Options::new("fuzz", boot).counting().seed(1).start();
    machine.expect("how many calls", LIMIT);
    machine.type_line(&format!("{calls} {seed}"));
    let limit = LIMIT + Duration::from_millis(calls);
    let verdict = machine.wait_exit(limit);
    let log = machine.log();
    println!("{log}");
    assert_eq!(verdict, PASSED, "{log}");
    let (made, succeeded) = summary(&log).expect("the guest sums up");
    assert!(made >= calls && succeeded * FEW >= made, "{log}");
    let never = never_accepted(&log).expect("the guest sums up");
    let (forbidden, rare): (Vec<&str>, Vec<&str>) =
        never.into_iter().partition(|call| FORBIDDEN.contains(call));
    assert_eq!(forbidden.len(), FORBIDDEN.len(), "{log}");
    assert!(rare.len() <= RARE, "{log}");
}

/// How many calls there were, and how many of them succeeded: `[fuzz] 20068 calls, 1606 succeeded, ...`.
fn summary(log: &str) -> Option<(u64, u64)> {
    let (before, after) = log.rsplit_once(" calls, ")?;
    let made = before.rsplit(' ').next()?;
    let succeeded = after.split(' ').next()?;
    Some((made.parse().ok()?, succeeded.parse().ok()?))
}

/// The names behind `never accepted:`.
fn never_accepted(log: &str) -> Option<Vec<&str>> {
    let (_, behind) = log.rsplit_once("never accepted:")?;
    Some(behind.lines().next()?.split_whitespace().collect())
}
