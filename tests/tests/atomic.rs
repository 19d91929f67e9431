//! A frozen domain is data: the guest `atomic`, in root's place, rebuilds a domain within one machine, and reports the result.
//!
//! The machine counts instructions, so a seed gives the same instants in every run.

use std::time::Duration;

use harness::machine::{Boot, Options};
use harness::repeat::variable;
use harness::{Artefacts, Verdict};

/// The time limit of a wait. Only a test that hangs reaches it: a run takes half a minute.
const LIMIT: Duration = Duration::from_secs(600);

/// The guest's exit code for success.
const PASSED: Verdict = Verdict::Exit(0x10);

/// The number of moves per test. `CARAVAN_ATOMIC_MOVES` sets another number.
const MOVES: u64 = 200;

/// The number of domains that are created and destroyed after the moves.
const DOMAINS: u64 = 1000;

/// The processors of the tests.
const WITH_AVX: &str = "max";
const WITHOUT_AVX: &str = "qemu64,+fsgsbase,+smep,+smap,+rdrand,+rdtscp";

/// Lets the guest move its domain at instants that the seed determines. Checks that the domain notices nothing, and that
/// domains created and destroyed afterwards leave no trace. Returns the guest's line about the instants.
fn moves_on(cpu: &str, [moves, seed, domains]: [u64; 3]) -> String {
    println!(
        "{moves} moves with the seed {seed} on {cpu}: CARAVAN_ATOMIC_SEED={seed} repeats them"
    );
    let boot = Boot::Kernel {
        kernel: Artefacts::kernel(),
        archive: Some(Artefacts::archive_named("guest-atomic")),
    };
    // The kernel draws random numbers for identities; two runs with one seed draw the same.
    let options = Options::new("atomic", boot).cpu(cpu).counting().seed(1);
    let mut machine = options.start();
    machine.expect("how many moves", LIMIT);
    machine.type_line(&format!("{moves} {seed} {domains}"));
    let limit = LIMIT + Duration::from_millis(200 * moves);
    assert_eq!(machine.wait_exit(limit), PASSED, "{}", machine.log());
    let log = machine.log();
    assert!(log.contains("domains left no trace"), "{log}");
    let line = log.lines().find(|line| line.contains("at the instants"));
    line.expect("the instants").to_owned()
}

fn moves() -> u64 {
    variable("CARAVAN_ATOMIC_MOVES").unwrap_or(MOVES)
}

#[test]
fn a_domain_is_captured_and_restored_at_any_instant_and_notices_nothing() {
    moves_on(
        WITH_AVX,
        [
            moves(),
            variable("CARAVAN_ATOMIC_SEED").unwrap_or(1),
            DOMAINS,
        ],
    );
}

#[test]
fn the_same_without_avx() {
    moves_on(
        WITHOUT_AVX,
        [
            moves(),
            variable("CARAVAN_ATOMIC_SEED").unwrap_or(2),
            DOMAINS,
        ],
    );
}

#[test]
fn a_seed_gives_the_same_instants_in_every_run() {
    let seed = variable("CARAVAN_ATOMIC_SEED").unwrap_or(3);
    let [one, again, other] = [seed, seed, seed + 1].map(|seed| moves_on(WITH_AVX, [32, seed, 0]));
    assert_eq!(one, again);
    assert_ne!(one, other);
}
