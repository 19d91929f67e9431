//! Every call against every right, against a frozen domain and against a retired one, from one table of what calls need and
//! do.
//!
//! | file | noun |
//! | --- | --- |
//! | `limits` | calls with arguments at their limits |
//! | `row` | a row of the table: a call, what it needs, what it does |
//! | `rows` | the table |
//! | `stage` | the two domains that calls are tried on |
//!
//! The table holds what is expected; what happened is read off a snapshot of the whole kernel, so that a row that expects
//! too little fails like one that expects too much.

mod limits;
mod row;
mod rows;
mod stage;

use abi::calls::{
    Arguments, CapabilityMint, Destroy, ThreadCreate, ThreadPrepare, ThreadSchedule, ThreadStart,
};
use abi::register::UserAddress;
use abi::{Error, Number, Rights};

use crate::objects::{self, DomainState, Object, Step};
use crate::testing::CALL_SITE;
use crate::testing::snapshot::{self, Snapshot};
use row::{Made, Need, Row, Then};
use rows::rows;
use stage::{FREE, SERVICE, Stage, THREAD};

/// Every row, with a name for what fails.
fn table() -> impl Iterator<Item = (String, Row)> {
    Number::ALL.iter().flat_map(|number| {
        let rows = rows(*number);
        assert!(!rows.is_empty(), "{number:?} has no row");
        let named = move |(index, row)| (format!("{number:?} (row {index})"), row);
        rows.into_iter().enumerate().map(named)
    })
}

/// A stage on which a row's call can be made at once.
fn ready(row: &Row) -> (Stage, Made) {
    let stage = Stage::new();
    (row.prepare)(&stage);
    let made = (row.call)(&stage);
    (stage, made)
}

/// The call is refused with this error and nothing changes.
fn expect_refusal(stage: &Stage, made: Made, error: Error, name: &str) {
    stage.stand_at(made);
    let before = stage.snapshot();
    assert_eq!(stage.go(), Some(Err(error)), "{name}");
    let changes = snapshot::difference(&before, &stage.snapshot());
    assert!(changes.is_empty(), "{name} changed {changes:#?}");
}

/// The subject, and its version, are as they were.
fn expect_same(stage: &Stage, before: &Snapshot, version: u64, name: &str) {
    let changes = snapshot::difference(before, &stage.subject_snapshot());
    assert!(changes.is_empty(), "{name} changed {changes:#?}");
    let after = stage.version();
    assert_eq!(after, version, "{name} changed nothing but the version");
}

#[test]
fn every_call_has_its_own_rows() {
    for number in Number::ALL {
        for row in rows(*number) {
            let (_, made) = ready(&row);
            assert_eq!(made.number, *number);
        }
    }
}

#[test]
fn a_call_without_a_right_that_it_needs_is_refused_and_changes_nothing() {
    for (name, row) in table() {
        for need in &row.needs {
            for right in Stage::new().every_right(need.slot) {
                let (stage, made) = ready(&row);
                let all = stage.kind(need.slot).all_rights();
                stage.limit(need.slot, Rights(all.0 & !right.0));
                let name = format!("{name} without {right:?} in {:?}", need.slot);
                if need.rights.contains(right) {
                    expect_refusal(&stage, made, Error::MissingRight, &name);
                } else {
                    assert_eq!(stage.run(made), row.success(), "{name}");
                }
            }
        }
    }
}

#[test]
fn a_call_with_exactly_the_rights_that_it_needs_succeeds() {
    for (name, row) in table() {
        let (stage, made) = ready(&row);
        for need in &row.needs {
            stage.limit(need.slot, need.rights);
        }
        assert_eq!(stage.run(made), row.success(), "{name}");
    }
}

#[test]
fn a_call_through_an_empty_slot_or_another_kind_is_refused_and_changes_nothing() {
    for (name, row) in table() {
        for Need { slot, of_kind, .. } in row.needs.iter().copied() {
            let (stage, made) = ready(&row);
            stage.set_aside(slot);
            let name = format!("{name}, {slot:?}");
            expect_refusal(&stage, made, Error::EmptySlot, &name);
            for other in [stage::POOL, SERVICE].into_iter().filter(|_| of_kind) {
                let (stage, made) = ready(&row);
                if stage.kind(other) != stage.kind(slot) {
                    stage.replace(slot, other);
                    expect_refusal(&stage, made, Error::WrongKind, &name);
                }
            }
        }
    }
}

#[test]
fn what_a_call_does_to_a_frozen_domain_shows_in_its_version() {
    for (name, row) in table() {
        let stage = Stage::new();
        (row.prepare)(&stage);
        stage.freeze();
        let made = (row.call)(&stage);
        stage.stand_at(made);
        let (version, before) = (stage.version(), stage.subject_snapshot());
        let whole = stage.snapshot();
        let outcome = stage.go();
        let changes = snapshot::difference(&before, &stage.subject_snapshot());
        let has_risen = stage.version() > version;
        match row.frozen {
            Then::Changes => {
                assert_eq!(outcome, row.success(), "{name}");
                assert!(!changes.is_empty(), "{name} changed nothing");
                assert!(has_risen, "{name} changed {changes:#?}");
                let late = stage.retire_at(version);
                assert_eq!(late, Err(Error::VersionMoved), "{name}");
            }
            Then::Keeps => {
                assert_eq!(outcome, row.success(), "{name}");
                assert!(changes.is_empty(), "{name} changed {changes:#?}");
                assert!(!has_risen, "{name} changed nothing and raised the version");
            }
            Then::Turns => {
                assert_eq!(outcome, Some(Ok(())), "{name}");
                assert!(!changes.is_empty(), "{name} changed nothing");
            }
            Then::Fails(error) => {
                assert_eq!(outcome, Some(Err(error)), "{name}");
                let changes = snapshot::difference(&whole, &stage.snapshot());
                assert!(changes.is_empty(), "{name} changed {changes:#?}");
                assert!(!has_risen, "{name} changed nothing and raised the version");
            }
            Then::FindsStale => panic!("{name}: no right to answer a frozen domain is stale"),
        }
    }
}

#[test]
fn every_call_on_a_retired_domain_does_what_its_row_expects() {
    for (name, row) in table() {
        let stage = Stage::new();
        (row.prepare)(&stage);
        stage.retire();
        let made = (row.call)(&stage);
        stage.stand_at(made);
        let (version, before) = (stage.version(), stage.subject_snapshot());
        match row.retired {
            Then::Fails(error) => expect_refusal(&stage, made, error, &name),
            Then::FindsStale => {
                assert_eq!(stage.run(made), Some(Err(Error::Gone)), "{name}");
                assert!(stage.is_empty(stage::REPLY), "{name}");
                assert_eq!(stage.version(), version, "{name}");
            }
            Then::Turns => {
                assert_eq!(stage.run(made), Some(Ok(())), "{name}");
                assert!(!stage.subject.domain.is_retired(), "{name}");
            }
            Then::Keeps | Then::Changes => {
                assert_eq!(stage.run(made), row.success(), "{name}");
                assert!(stage.subject.domain.is_retired(), "{name}");
                // What the caller does with its own slots and objects changes what others hold of it, retired or not.
                if row.frozen != Then::Changes {
                    expect_same(&stage, &before, version, &name);
                }
            }
        }
    }
}

#[test]
fn nobody_gives_a_priority_above_his_own() {
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
        let made = Made {
            number: ThreadSchedule::NUMBER,
            registers: schedule.encode(),
        };
        assert_eq!(stage.run(made), expected, "{own} gives {wanted}");
        let after = stage.subject.thread.priority.get();
        assert_eq!(
            after,
            if expected == Some(Ok(())) {
                wanted
            } else {
                before
            }
        );
    }
}

#[test]
fn a_thread_begins_with_the_lowest_priority_and_keeps_it_until_it_is_given_another() {
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
fn a_copy_has_no_more_rights_than_what_it_was_made_of() {
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
            let made = Made {
                number: CapabilityMint::NUMBER,
                registers: mint.encode(),
            };
            if held == wanted {
                assert_eq!(stage.run(made), Some(Ok(())));
            } else {
                expect_refusal(&stage, made, Error::MissingRight, "a mint");
            }
        }
    }
}

/// The subject is retired, then the first step is done of its destruction, but not of its pool's.
fn begin_to_destroy(stage: &Stage) {
    let keep = stage.caller.domain.place(stage::SUBJECT).expect("a slot");
    let subject = Object::Domain(stage.subject.domain);
    let step = objects::destroy_step(&stage.world.kernel, subject, Some(keep));
    assert_eq!(step, Step::More);
    assert_eq!(stage.subject.domain.state(), DomainState::Destroying);
}

#[test]
fn a_retired_domain_that_is_being_destroyed_is_as_gone_as_before() {
    for (name, row) in table() {
        let stage = Stage::new();
        (row.prepare)(&stage);
        stage.retire();
        let made = (row.call)(&stage);
        begin_to_destroy(&stage);
        // Nothing is done through its Domain capability any more.
        let names_domain = row.needs.iter().any(|need| need.slot == stage::SUBJECT);
        match row.retired {
            _ if names_domain => expect_refusal(&stage, made, Error::Gone, &name),
            Then::Fails(error) => expect_refusal(&stage, made, error, &name),
            Then::FindsStale => {
                assert_eq!(stage.run(made), Some(Err(Error::Gone)), "{name}");
                assert!(stage.is_empty(stage::REPLY), "{name}");
            }
            Then::Keeps | Then::Changes => {
                assert_eq!(stage.run(made), row.success(), "{name}");
            }
            Then::Turns => panic!("{name} turns a domain without naming it"),
        }
    }
}

#[test]
fn what_is_left_of_a_retired_domain_in_its_pool_stays_gone_without_the_domain() {
    let gone = |row: &Row| row.retired == Then::Fails(Error::Gone);
    for (name, row) in table().filter(|(_, row)| gone(row)) {
        let stage = Stage::new();
        (row.prepare)(&stage);
        stage.retire();
        let made = (row.call)(&stage);
        stage.does(Destroy {
            object: stage::SUBJECT,
        });
        let is_needed_and_gone = row.needs.iter().any(|need| stage.is_empty(need.slot));
        let error = match is_needed_and_gone {
            true => Error::EmptySlot,
            false => Error::Gone,
        };
        expect_refusal(&stage, made, error, &name);
    }
}
