//! The checker, on known histories, and in comparison with a checker that tries every order.

use super::history::{Completion, Entry};
use super::naive;
use super::register::{Operation, Reply};
use super::samples::{Shape, sample, spoil};
use super::{check, checker};
use crate::random::Random;

use Operation::{Delete, Get, Increment, Set, SetIfAbsent, Swap};
use Reply::{Done, Number, Value};

/// An operation from one time to another.
fn completed(invoked_ns: u64, at_ns: u64, operation: Operation, reply: Reply) -> Entry {
    let completion = Some(Completion { at_ns, reply });
    Entry {
        completion,
        ..pending(invoked_ns, operation)
    }
}

fn pending(invoked_ns: u64, operation: Operation) -> Entry {
    Entry {
        client: 0,
        key: 0,
        operation,
        invoked_ns,
        completion: None,
    }
}

fn is_linearizable(entries: &[Entry]) -> bool {
    let verdict = check(entries).is_ok();
    assert_eq!(verdict, naive::is_linearizable(entries), "{entries:?}");
    verdict
}

#[test]
fn one_operation_after_another_is_linearizable() {
    assert!(is_linearizable(&[
        completed(0, 1, Get, Value(None)),
        completed(2, 3, Set(5), Done),
        completed(4, 5, Increment, Number(6)),
        completed(6, 7, SetIfAbsent(9), Number(0)),
        completed(8, 9, Swap(8), Value(Some(6))),
        completed(10, 11, Delete, Number(1)),
        completed(12, 13, Delete, Number(0)),
        completed(14, 15, SetIfAbsent(9), Number(1)),
        completed(16, 17, Get, Value(Some(9))),
    ]));
}

#[test]
fn operations_at_the_same_time_happen_in_either_order() {
    for seen in [1, 2] {
        assert!(is_linearizable(&[
            completed(0, 10, Set(1), Done),
            completed(0, 10, Set(2), Done),
            completed(11, 12, Get, Value(Some(seen))),
        ]));
    }
    // The two reads require two different orders, so one of them is wrong.
    assert!(!is_linearizable(&[
        completed(0, 10, Set(1), Done),
        completed(0, 10, Set(2), Done),
        completed(11, 12, Get, Value(Some(1))),
        completed(13, 14, Get, Value(Some(2))),
    ]));
}

#[test]
fn a_read_may_see_a_pending_write() {
    let early = completed(3, 4, Get, Value(Some(1)));
    let write = completed(0, 10, Set(1), Done);
    assert!(is_linearizable(&[write, early]));
    // From then on every read sees it.
    let stale = completed(5, 6, Get, Value(None));
    assert!(!is_linearizable(&[write, early, stale]));
}

#[test]
fn two_pending_writes_may_both_have_been_seen() {
    assert!(is_linearizable(&[
        pending(0, Set(1)),
        pending(1, Set(2)),
        completed(2, 10, Get, Value(Some(1))),
        completed(3, 5, Get, Value(Some(2))),
        completed(11, 12, Get, Value(Some(2))),
    ]));
}

#[test]
fn a_stale_read_is_found() {
    let entries = [
        completed(0, 1, Set(1), Done),
        completed(2, 3, Set(2), Done),
        completed(4, 5, Get, Value(Some(1))),
    ];
    assert!(!is_linearizable(&entries));
    let violation = check(&entries).expect_err("a stale read");
    assert_eq!(violation.entry, entries[2]);
    assert_eq!(violation.states, [Some(2)]);
}

#[test]
fn a_lost_write_is_found() {
    assert!(!is_linearizable(&[
        completed(0, 1, Set(1), Done),
        completed(2, 3, Get, Value(None)),
    ]));
    assert!(!is_linearizable(&[
        completed(0, 1, Increment, Number(1)),
        completed(2, 3, Increment, Number(1)),
    ]));
}

#[test]
fn an_increment_that_happens_twice_is_found() {
    assert!(!is_linearizable(&[
        completed(0, 1, Increment, Number(1)),
        completed(2, 3, Get, Value(Some(2))),
    ]));
}

#[test]
fn a_value_that_no_client_wrote_is_found() {
    assert!(!is_linearizable(&[
        completed(0, 1, Set(1), Done),
        completed(2, 3, Get, Value(Some(7))),
    ]));
}

#[test]
fn two_clients_cannot_both_be_the_first() {
    assert!(!is_linearizable(&[
        completed(0, 10, SetIfAbsent(1), Number(1)),
        completed(0, 10, SetIfAbsent(2), Number(1)),
    ]));
}

#[test]
fn a_pending_write_takes_effect_late_or_never() {
    let write = pending(0, Set(1));
    let before = completed(100, 101, Get, Value(None));
    let after = completed(200, 201, Get, Value(Some(1)));
    assert!(is_linearizable(&[write, before]));
    assert!(is_linearizable(&[write, before, after]));
    // It takes effect once, and not before it was invoked.
    let overwritten = completed(300, 301, Set(2), Done);
    let again = completed(400, 401, Get, Value(Some(1)));
    assert!(!is_linearizable(&[
        write,
        before,
        after,
        overwritten,
        again
    ]));
    let too_early = completed(0, 1, Get, Value(Some(1)));
    assert!(!is_linearizable(&[too_early, pending(2, Set(1))]));
}

#[test]
fn each_pending_increment_counts_once() {
    let mut entries = vec![pending(0, Increment), pending(1, Increment)];
    entries.push(completed(10, 11, Get, Value(Some(2))));
    assert!(is_linearizable(&entries));
    entries.push(completed(12, 13, Increment, Number(4)));
    assert!(!is_linearizable(&entries));
    // A third that is invoked in time explains it.
    entries.push(pending(11, Increment));
    assert!(is_linearizable(&entries));
}

#[test]
fn agrees_with_trying_every_order() {
    let mut random = Random::stream(1, 0);
    let (mut linearizable, mut others) = (0, 0);
    for _ in 0..20_000 {
        let shape = Shape {
            clients: 1 + random.below(4) as u32,
            operations: 1 + random.below(7) as usize,
            pause_ns: 0,
            pending_one_in: 2 + random.below(4),
            values: Some(1 + random.below(3) as i64),
        };
        let mut entries = sample(&mut random, shape);
        assert!(is_linearizable(&entries), "{entries:?}");
        spoil(&mut random, &mut entries);
        if is_linearizable(&entries) {
            linearizable += 1;
        } else {
            others += 1;
        }
    }
    assert!(
        linearizable > 2_000 && others > 2_000,
        "{linearizable} {others}"
    );
}

/// About ten thousand operations on some tens of keys, as in a one-minute run of the nemesis.
#[test]
fn long_histories_are_checked_in_few_steps() {
    const KEYS: u64 = 24;
    let shape = Shape {
        clients: 8,
        operations: 600,
        pause_ns: 80,
        pending_one_in: 50,
        values: None,
    };
    for key in 0..KEYS {
        let mut random = Random::stream(2, key);
        let mut entries = sample(&mut random, shape);
        let checked = check(&entries).expect("a linearizable history");
        let each = checked.configurations / shape.operations as u64;
        assert!(each < 1_000, "{each} configurations per operation");
        // A read near the end of a value that was overwritten long ago.
        let mut writes = entries.iter().filter(|entry| entry.completion.is_some());
        let old = writes.find_map(|entry| match entry.operation {
            Set(value) => Some(value),
            _ => None,
        });
        let mut completed = entries.iter_mut().rev();
        let read = completed.find(|entry| entry.operation == Get && entry.completion.is_some());
        let completion = read.and_then(|entry| entry.completion.as_mut());
        completion.expect("a read").reply = Value(old);
        assert!(check(&entries).is_err());
    }
}

#[test]
fn as_many_operations_may_be_open_as_there_are_places() {
    let last = checker::OPEN_MAX as u64 - 1;
    let mut entries: Vec<Entry> = (0..last)
        .map(|number| completed(number, 1_000, Get, Value(None)))
        .collect();
    entries.push(completed(last, 999, Set(1), Done));
    assert!(check(&entries).is_ok());
}
