//! Tests every call against every right, on a frozen domain and on a retired one, from one table of requirements and
//! effects.
//!
//! | file | content |
//! | --- | --- |
//! | `limits` | calls with arguments at their limits |
//! | `retired` | calls on a retired domain |
//! | `row` | a row of the table: a call, its requirements, its effect |
//! | `rows` | the table |
//! | `stage` | the two domains that calls are tried on |
//!
//! The table states the expected effect. The actual effect is found by comparing snapshots of the whole kernel. So a row
//! fails if it expects too little, and also if it expects too much.

mod limits;
mod retired;
mod row;
mod rows;
mod stage;

use abi::calls::{
    Arguments, CapabilityMint, ThreadCreate, ThreadPrepare, ThreadSchedule, ThreadStart,
};
use abi::register::UserAddress;
use abi::{Error, Number, Rights};

use crate::objects::Object;
use crate::testing::CALL_SITE;
use crate::testing::snapshot;
use row::{Effect, EncodedCall, Need, Row};
use rows::rows;
use stage::{FREE, SERVICE, Stage, THREAD};

/// Every row, with a name for failure messages.
fn table() -> impl Iterator<Item = (String, Row)> {
    Number::ALL.iter().flat_map(|number| {
        let rows = rows(*number);
        assert!(!rows.is_empty(), "{number:?} has no row");
        let named = move |(index, row)| (format!("{number:?} (row {index})"), row);
        rows.into_iter().enumerate().map(named)
    })
}

/// A stage on which a row's call can be made at once.
fn ready(row: &Row) -> (Stage, EncodedCall) {
    let stage = Stage::new();
    (row.prepare)(&stage);
    let call = (row.call)(&stage);
    (stage, call)
}

/// Expects the call to be refused with this error and to change nothing.
fn expect_refusal(stage: &Stage, call: EncodedCall, error: Error, name: &str) {
    stage.stand_at(call);
    let before = stage.snapshot();
    assert_eq!(stage.go(), Some(Err(error)), "{name}");
    let changes = snapshot::difference(&before, &stage.snapshot());
    assert!(changes.is_empty(), "{name} changed {changes:#?}");
}

#[test]
fn every_call_has_its_own_rows() {
    for number in Number::ALL {
        for row in rows(*number) {
            let (_, call) = ready(&row);
            assert_eq!(call.number, *number);
        }
    }
}

#[test]
fn a_call_without_a_right_that_it_needs_is_refused_and_changes_nothing() {
    for (name, row) in table() {
        for need in &row.needs {
            for right in Stage::new().every_right(need.slot) {
                let (stage, call) = ready(&row);
                let all = stage.kind(need.slot).all_rights();
                stage.limit(need.slot, Rights(all.0 & !right.0));
                let name = format!("{name} without {right:?} in {:?}", need.slot);
                if need.rights.contains(right) {
                    expect_refusal(&stage, call, Error::MissingRight, &name);
                } else {
                    assert_eq!(stage.run(call), row.success(), "{name}");
                }
            }
        }
    }
}

#[test]
fn a_call_with_exactly_the_rights_that_it_needs_succeeds() {
    for (name, row) in table() {
        let (stage, call) = ready(&row);
        for need in &row.needs {
            stage.limit(need.slot, need.rights);
        }
        assert_eq!(stage.run(call), row.success(), "{name}");
    }
}

#[test]
fn a_call_through_an_empty_slot_or_another_kind_is_refused_and_changes_nothing() {
    for (name, row) in table() {
        for Need { slot, of_kind, .. } in row.needs.iter().copied() {
            let (stage, call) = ready(&row);
            stage.set_aside(slot);
            let name = format!("{name}, {slot:?}");
            expect_refusal(&stage, call, Error::EmptySlot, &name);
            for other in [stage::POOL, SERVICE].into_iter().filter(|_| of_kind) {
                let (stage, call) = ready(&row);
                if stage.kind(other) != stage.kind(slot) {
                    stage.replace(slot, other);
                    expect_refusal(&stage, call, Error::WrongKind, &name);
                }
            }
        }
    }
}

#[test]
fn a_change_of_a_frozen_domain_raises_its_version() {
    for (name, row) in table() {
        let stage = Stage::new();
        (row.prepare)(&stage);
        stage.freeze();
        let call = (row.call)(&stage);
        stage.stand_at(call);
        let (version, before) = (stage.version(), stage.subject_snapshot());
        let whole = stage.snapshot();
        let outcome = stage.go();
        let changes = snapshot::difference(&before, &stage.subject_snapshot());
        let has_risen = stage.version() > version;
        match row.frozen {
            Effect::Changes => {
                assert_eq!(outcome, row.success(), "{name}");
                assert!(!changes.is_empty(), "{name} changed nothing");
                assert!(has_risen, "{name} changed {changes:#?}");
                let late = stage.retire_at(version);
                assert_eq!(late, Err(Error::VersionMoved), "{name}");
            }
            Effect::Keeps => {
                assert_eq!(outcome, row.success(), "{name}");
                assert!(changes.is_empty(), "{name} changed {changes:#?}");
                assert!(!has_risen, "{name} changed nothing and raised the version");
            }
            Effect::Transitions | Effect::ChangesRetired => {
                assert_eq!(outcome, Some(Ok(())), "{name}");
                assert!(!changes.is_empty(), "{name} changed nothing");
            }
            Effect::Fails(error) => {
                assert_eq!(outcome, Some(Err(error)), "{name}");
                let changes = snapshot::difference(&whole, &stage.snapshot());
                assert!(changes.is_empty(), "{name} changed {changes:#?}");
                assert!(!has_risen, "{name} changed nothing and raised the version");
            }
            Effect::RemovesStale => panic!("{name}: no reply right to a frozen domain is stale"),
        }
    }
}

#[test]
fn a_thread_cannot_give_a_priority_above_its_own() {
    for (own, wanted, expected) in [
        (10, 10, Some(Ok(()))),
        (10, 11, Some(Err(Error::MissingRight))),
        (0, 1, Some(Err(Error::MissingRight))),
        (63, 64, Some(Err(Error::ArgumentRange))),
    ] {
        let stage = Stage::new();
        stage.caller.thread.priority.set(own);
        let before = stage.subject.thread.priority.get();
        let schedule = ThreadSchedule {
            thread: THREAD,
            priority: wanted,
        };
        let call = EncodedCall {
            number: ThreadSchedule::NUMBER,
            registers: schedule.encode(),
        };
        assert_eq!(stage.run(call), expected, "{own} gives {wanted}");
        let after = stage.subject.thread.priority.get();
        let is_set = expected == Some(Ok(()));
        assert_eq!(after, if is_set { wanted } else { before });
    }
}

#[test]
fn a_thread_starts_with_the_lowest_priority_until_it_is_given_another() {
    let stage = Stage::new();
    let (domain, into) = (stage::SUBJECT, FREE);
    stage.does(ThreadCreate { domain, into });
    let Object::Thread(thread) = stage.object(FREE) else {
        panic!("not a thread");
    };
    assert_eq!(thread.priority.get(), 0);
    let prepare = ThreadPrepare {
        thread: FREE,
        instruction: UserAddress(CALL_SITE),
        stack: UserAddress(0),
        argument: 0,
        message_buffer: UserAddress(0),
    };
    stage.does(prepare);
    stage.does(ThreadStart { thread: FREE });
    assert_eq!((thread.priority.get(), thread.is_runnable()), (0, true));
}

#[test]
fn a_copy_has_no_more_rights_than_its_source() {
    let rights = Stage::new().every_right(SERVICE);
    for held in rights.iter().copied() {
        for wanted in rights.iter().copied() {
            let stage = Stage::new();
            stage.limit(SERVICE, held);
            let (from, to, badge) = (SERVICE, FREE, 0);
            let mint = CapabilityMint {
                from,
                to,
                rights: wanted,
                badge,
            };
            let call = EncodedCall {
                number: CapabilityMint::NUMBER,
                registers: mint.encode(),
            };
            if held == wanted {
                assert_eq!(stage.run(call), Some(Ok(())));
            } else {
                expect_refusal(&stage, call, Error::MissingRight, "a mint");
            }
        }
    }
}
