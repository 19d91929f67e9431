//! Random calls with random arguments: the guest `fuzz` makes them in a domain beside a counter, in root's place, and judges
//! each by what its caller held.

use std::time::Duration;

use harness::machine::{Boot, Options};
use harness::{Artefacts, Verdict};

/// Stops a hang; a run takes seconds.
const LIMIT: Duration = Duration::from_secs(600);

/// What the guest writes to the exit device when all was well.
const PASSED: Verdict = Verdict::Exit(0x10);

/// Calls in the test here. `CARAVAN_FUZZ_CALLS` and `CARAVAN_FUZZ_SEED` ask for others.
const CALLS: u64 = 100_000;
/// The seed of the test here.
const SEED: u64 = 1;

fn number(name: &str, default: u64) -> u64 {
    let given = std::env::var(name).ok();
    given.map_or(default, |given| given.parse().expect("a number"))
}

#[test]
fn random_calls_come_to_what_their_caller_may() {
    let (calls, seed) = (
        number("CARAVAN_FUZZ_CALLS", CALLS),
        number("CARAVAN_FUZZ_SEED", SEED),
    );
    let boot = Boot::Kernel {
        kernel: Artefacts::kernel(),
        archive: Some(Artefacts::archive_named("guest-fuzz")),
    };
    let mut machine = Options::new("fuzz", boot).start();
    machine.expect("how many calls", LIMIT);
    machine.type_line(&format!("{calls} {seed}"));
    let limit = LIMIT + Duration::from_millis(calls);
    let verdict = machine.wait_exit(limit);
    println!("{}", machine.log());
    assert_eq!(verdict, PASSED, "{}", machine.log());
}
