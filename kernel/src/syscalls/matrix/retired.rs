//! Calls on a retired domain, also while it is being destroyed and after that.

use abi::Error;
use abi::calls::Destroy;

use super::row::{Effect, Row};
use super::stage::{REPLY, SUBJECT, Stage};
use super::{expect_refusal, table};
use crate::objects::{self, DomainState, Object, Step};
use crate::testing::snapshot::{self, Snapshot};

/// Expects the subject and its version to be unchanged.
fn expect_same(stage: &Stage, before: &Snapshot, version: u64, name: &str) {
    let changes = snapshot::difference(before, &stage.subject_snapshot());
    assert!(changes.is_empty(), "{name} changed {changes:#?}");
    let after = stage.version();
    assert_eq!(after, version, "{name} changed nothing but the version");
}

#[test]
fn every_call_on_a_retired_domain_does_what_its_row_expects() {
    for (name, row) in table() {
        let stage = Stage::new();
        (row.prepare)(&stage);
        stage.retire();
        let call = (row.call)(&stage);
        stage.stand_at(call);
        let (version, before) = (stage.version(), stage.subject_snapshot());
        match row.retired {
            Effect::Fails(error) => expect_refusal(&stage, call, error, &name),
            Effect::RemovesStale => {
                assert_eq!(stage.run(call), Some(Err(Error::Gone)), "{name}");
                assert!(stage.is_empty(REPLY), "{name}");
                assert_eq!(stage.version(), version, "{name}");
            }
            Effect::Transitions => {
                assert_eq!(stage.run(call), Some(Ok(())), "{name}");
                assert!(!stage.subject.domain.is_retired(), "{name}");
            }
            Effect::ChangesRetired => {
                assert_eq!(stage.run(call), row.success(), "{name}");
                assert!(stage.subject.domain.is_retired(), "{name}");
                let changes = snapshot::difference(&before, &stage.subject_snapshot());
                assert!(!changes.is_empty(), "{name} changed nothing");
                assert!(stage.version() > version, "{name} changed {changes:#?}");
            }
            Effect::Keeps | Effect::Changes => {
                assert_eq!(stage.run(call), row.success(), "{name}");
                assert!(stage.subject.domain.is_retired(), "{name}");
                // A call on the caller's own slots and objects affects the capabilities derived from them, even those of a
                // retired domain.
                if row.frozen != Effect::Changes {
                    expect_same(&stage, &before, version, &name);
                }
            }
        }
    }
}

/// Takes the first step of destroying the subject's domain, but not its pool.
fn begin_to_destroy(stage: &Stage) {
    let keep = stage.caller.place(SUBJECT);
    let subject = Object::Domain(stage.subject.domain);
    let step = objects::destroy_step(&stage.world.kernel, subject, Some(keep));
    assert_eq!(step, Step::More);
    assert_eq!(stage.subject.domain.state(), DomainState::Destroying);
}

#[test]
fn the_destruction_of_a_retired_domain_changes_no_outcome() {
    for (name, row) in table() {
        let stage = Stage::new();
        (row.prepare)(&stage);
        stage.retire();
        let call = (row.call)(&stage);
        begin_to_destroy(&stage);
        // The subject's Domain capability cannot be used any more.
        let names_domain = row.needs.iter().any(|need| need.slot == SUBJECT);
        match row.retired {
            _ if names_domain => expect_refusal(&stage, call, Error::Gone, &name),
            Effect::Fails(error) => expect_refusal(&stage, call, error, &name),
            Effect::RemovesStale => {
                assert_eq!(stage.run(call), Some(Err(Error::Gone)), "{name}");
                assert!(stage.is_empty(REPLY), "{name}");
            }
            Effect::Keeps | Effect::Changes => {
                assert_eq!(stage.run(call), row.success(), "{name}");
            }
            Effect::Transitions | Effect::ChangesRetired => {
                panic!("{name} changes a domain without naming it")
            }
        }
    }
}

#[test]
fn the_objects_of_a_retired_domain_stay_gone_after_its_destruction() {
    let gone = |row: &Row| row.retired == Effect::Fails(Error::Gone);
    for (name, row) in table().filter(|(_, row)| gone(row)) {
        let stage = Stage::new();
        (row.prepare)(&stage);
        stage.retire();
        let call = (row.call)(&stage);
        stage.does(Destroy { object: SUBJECT });
        let is_needed_and_gone = row.needs.iter().any(|need| stage.is_empty(need.slot));
        let error = if is_needed_and_gone {
            Error::EmptySlot
        } else {
            Error::Gone
        };
        expect_refusal(&stage, call, error, &name);
    }
}
