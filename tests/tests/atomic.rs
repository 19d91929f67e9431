//! A frozen domain is data: the guest `atomic` moves a domain inside one machine, in root's place, and says how that went.

use std::time::Duration;

use harness::machine::{Boot, Options};
use harness::{Artefacts, Machine, Verdict};

/// Stops a hang; a run takes seconds.
const LIMIT: Duration = Duration::from_secs(300);

/// What the guest writes to the exit device when all was well.
const PASSED: Verdict = Verdict::Exit(0x10);

/// Moves in each of the tests here: seconds. `CARAVAN_ATOMIC_MOVES` asks for more.
const MOVES: u64 = 1000;

fn machine(cpu: &str) -> Machine {
    let boot = Boot::Kernel {
        kernel: Artefacts::kernel(),
        archive: Some(Artefacts::archive_named("guest-atomic")),
    };
    Options::new("atomic", boot).cpu(cpu).start()
}

/// Has the guest move its domain, on a schedule that the seed fixes, and expects that nobody noticed and that a thousand
/// domains leave no trace.
fn moves_on(cpu: &str, seed: u64) {
    let more = std::env::var("CARAVAN_ATOMIC_MOVES").ok();
    let moves = more.map_or(MOVES, |more| more.parse().expect("a number of moves"));
    let mut machine = machine(cpu);
    machine.expect("how many moves", LIMIT);
    machine.type_line(&format!("{moves} {seed}"));
    let limit = LIMIT + Duration::from_millis(50 * moves);
    machine.expect("interruptions", limit);
    machine.expect("domains left no trace", limit);
    machine.expect("passed", limit);
    assert_eq!(machine.wait_exit(LIMIT), PASSED, "{}", machine.log());
}

#[test]
fn a_domain_is_read_and_rebuilt_at_any_instant_and_notices_nothing() {
    moves_on("max", 1);
}

#[test]
fn the_same_without_avx() {
    moves_on("qemu64,+fsgsbase,+smep,+smap,+rdrand,+rdtscp", 2);
}
