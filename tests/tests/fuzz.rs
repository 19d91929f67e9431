//! Random calls with random arguments. The guest `fuzz`, in root's place, makes them in a domain beside a counter, and checks
//! each against the capabilities of its caller.

use std::time::Duration;

use harness::machine::{Boot, Options};
use harness::repeat::variable;
use harness::{Artefacts, Verdict};

/// The time limit of a wait. Only a test that hangs reaches it.
const LIMIT: Duration = Duration::from_secs(600);

/// The guest's exit code for success.
const PASSED: Verdict = Verdict::Exit(0x10);

/// The number of calls. `CARAVAN_FUZZ_CALLS` and `CARAVAN_FUZZ_SEED` set another number and seed.
const CALLS: u64 = 100_000;
/// One in this many calls must succeed, since refusals alone show little.
const FEW: u64 = 25;
/// Calls for which the domain lacks a right.
const FORBIDDEN: [&str; 6] = [
    "InterruptCreateLine",
    "InterruptCreateMessage",
    "IoPortsCreate",
    "DeviceMemoryCreate",
    "Random",
    "Reboot",
];
/// The number of other calls that need not succeed even once.
const RARE: usize = 4;
/// The default seed.
const SEED: u64 = 1;

#[test]
fn random_calls_do_only_what_their_caller_may_do() {
    let (calls, seed) = (
        variable("CARAVAN_FUZZ_CALLS").unwrap_or(CALLS),
        variable("CARAVAN_FUZZ_SEED").unwrap_or(SEED),
    );
    let boot = Boot::Kernel {
        kernel: Artefacts::kernel(),
        archive: Some(Artefacts::archive_named("guest-fuzz")),
    };
    // Time is counted in instructions, and the kernel draws the same random numbers each time, so a seed reproduces a failure.
    let mut machine = Options::new("fuzz", boot).counting().seed(1).start();
    machine.expect("how many calls", LIMIT);
    machine.type_line(&format!("{calls} {seed}"));
    let limit = LIMIT + Duration::from_millis(calls);
    let verdict = machine.wait_exit(limit);
    let log = machine.log();
    println!("{log}");
    assert_eq!(verdict, PASSED, "{log}");
    let (made, succeeded) = summary(&log).expect("the guest's summary");
    assert!(made >= calls && succeeded * FEW >= made, "{log}");
    let never = never_accepted(&log).expect("the guest's summary");
    let (forbidden, rare): (Vec<&str>, Vec<&str>) =
        never.into_iter().partition(|call| FORBIDDEN.contains(call));
    assert_eq!(forbidden.len(), FORBIDDEN.len(), "{log}");
    assert!(rare.len() <= RARE, "{log}");
}

/// The number of calls, and of those that succeeded: `[fuzz] 20068 calls, 1606 succeeded, ...`.
fn summary(log: &str) -> Option<(u64, u64)> {
    let (before, after) = log.rsplit_once(" calls, ")?;
    let made = before.rsplit(' ').next()?;
    let succeeded = after.split(' ').next()?;
    Some((made.parse().ok()?, succeeded.parse().ok()?))
}

/// The names after `never accepted:`.
fn never_accepted(log: &str) -> Option<Vec<&str>> {
    let (_, behind) = log.rsplit_once("never accepted:")?;
    Some(behind.lines().next()?.split_whitespace().collect())
}
