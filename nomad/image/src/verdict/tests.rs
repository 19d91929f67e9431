//! Verdicts on a sample domain, and on each thing that keeps it from moving.

use alloc::string::ToString;

use super::*;
use crate::samples::{listing, names};
use abi::record::{MappingRecord, ObjectRecord};

fn refusals(change: impl FnOnce(&mut Listing)) -> Vec<(Subject, Refusal)> {
    let mut listing = listing();
    change(&mut listing);
    let verdicts = judge(&listing, &names());
    verdicts
        .iter()
        .filter_map(|verdict| Some((verdict.subject, verdict.refusal()?)))
        .collect()
}

fn holding(kind: ObjectKind) -> Vec<(Subject, Refusal)> {
    refusals(|listing| {
        listing.capabilities.push(CapabilityRecord {
            slot: 20,
            kind: kind as u64,
            object: 555,
            ..CapabilityRecord::default()
        });
    })
}

#[test]
fn a_domain_of_own_and_named_things_can_move() {
    assert_eq!(refusals(|_| ()), []);
}

#[test]
fn refuses_things_that_no_other_machine_has() {
    let slot = Subject::Slot(20);
    for (kind, refusal) in [
        (ObjectKind::Interrupt, Refusal::Device),
        (ObjectKind::IoPorts, Refusal::Device),
        (ObjectKind::Hardware, Refusal::Device),
        (ObjectKind::Memory, Refusal::SharedMemory),
        (ObjectKind::Endpoint, Refusal::StaysBehind),
        (ObjectKind::Notification, Refusal::StaysBehind),
        (ObjectKind::Domain, Refusal::OtherDomain),
        (ObjectKind::Thread, Refusal::OtherDomain),
        (ObjectKind::Pool, Refusal::OtherDomain),
        (ObjectKind::Reply, Refusal::RepliesToOutsider),
    ] {
        assert_eq!(holding(kind), [(slot, refusal)], "{kind:?}");
    }
}

#[test]
fn refuses_pinned_memory_even_without_a_capability_for_it() {
    let object = ObjectRecord {
        id: 77,
        kind: ObjectKind::Memory as u64,
        attribute: 1,
        ..ObjectRecord::default()
    };
    let refused = refusals(|listing| listing.objects.push(object));
    assert_eq!(
        refused,
        [(Subject::Object(ObjectId(77)), Refusal::ContiguousMemory)]
    );
}

#[test]
fn refuses_memory_of_its_own_that_others_may_write() {
    let id = ObjectId(listing_memory());
    let refused = refusals(|listing| {
        let memory = |object: &&mut ObjectRecord| object.id == id.0;
        let memory = listing.objects.iter_mut().find(memory);
        memory.expect("the sample has a Memory").writers = 1;
    });
    assert!(
        refused.contains(&(Subject::Object(id), Refusal::SharedMemory)),
        "{refused:?}"
    );
    let is_it = |(_, refusal): &(Subject, Refusal)| *refusal == Refusal::SharedMemory;
    assert!(
        refused.iter().all(is_it),
        "every refusal is about the shared Memory"
    );
}

/// The id of the sample's Memory.
fn listing_memory() -> u64 {
    let is_memory = |object: &&ObjectRecord| object.kind == ObjectKind::Memory as u64;
    let listing = listing();
    listing.objects.iter().find(is_memory).expect("a Memory").id
}

#[test]
fn refuses_more_rights_over_itself_than_a_domain_is_given() {
    let subject = Subject::Slot(1);
    let refused = refusals(|listing| {
        let itself = |record: &&mut CapabilityRecord| record.slot == 1;
        let record = listing.capabilities.iter_mut().find(itself);
        let record = record.expect("the sample's first slot");
        assert_eq!(record.object, listing.domain.0);
        record.rights |= u64::from(abi::DomainRights::FREEZE.bits());
    });
    assert_eq!(refused, [(subject, Refusal::BeyondGrant)]);
}

#[test]
fn refuses_a_mapping_of_memory_that_others_write_and_domains_within() {
    let mapping = MappingRecord {
        address: 0x60_0000,
        memory: 555,
        page_count: 1,
        ..MappingRecord::default()
    };
    let refused = refusals(|listing| listing.mappings.push(mapping));
    assert_eq!(
        refused,
        [(Subject::Mapping(0x60_0000), Refusal::SharedMemory)]
    );
    let pool = ObjectRecord {
        id: 78,
        kind: ObjectKind::Pool as u64,
        ..ObjectRecord::default()
    };
    let refused = refusals(|listing| listing.objects.push(pool));
    assert_eq!(
        refused,
        [(Subject::Object(ObjectId(78)), Refusal::ChildDomain)]
    );
}

#[test]
fn explains_each_thing_in_one_line() {
    let lines: Vec<_> = judge(&listing(), &names())
        .iter()
        .map(Verdict::to_string)
        .collect();
    assert!(
        lines
            .iter()
            .any(|line| line == "slot 5, Endpoint: rebind to the destination's log"),
        "{lines:?}"
    );
    assert!(
        lines
            .iter()
            .any(|line| line == "slot 3, Endpoint: recreate"),
        "{lines:?}"
    );
}
