//! Descriptions of a sample listing, and the listings that cannot be described.

use super::*;
use crate::samples::{listing, names, parts};
use crate::{Judgement, Limits, Refusal, Subject};
use abi::kind::EndpointRights;

fn described(listing: &Listing) -> Result<Description, DescribeError> {
    describe(listing, &names(), &mut Numbering::default(), parts())
}

#[test]
fn its_descriptions_pass_the_check() {
    let description = described(&listing()).expect("describes");
    assert_eq!(description.check(&Limits::default()), Ok(()));
    let read = Description::from_bytes(&description.to_bytes(), &Limits::default());
    assert_eq!(read, Ok(description));
}

#[test]
fn object_ids_become_positions_and_outsiders_names() {
    let description = described(&listing()).expect("describes");
    let target = |slot| {
        description
            .capabilities
            .iter()
            .find(|c| c.slot == slot)
            .expect("slot")
            .target
    };
    assert_eq!(target(1), Target::Domain);
    assert_eq!(target(2), Target::Pool);
    assert!(
        matches!(target(3), Target::Inside(index) if description.objects[index as usize] == Object::Endpoint)
    );
    assert!(matches!(target(6), Target::Reply(_)));
    let Target::Outside(log) = target(5) else {
        panic!("outside")
    };
    assert_eq!(description.outsiders[log as usize].name.as_str(), "log");
    assert_eq!(description.held.len(), 1);
    assert_eq!(description.mappings[0].parent, Some(7));
    assert_eq!(description.held[0].parent, Some(8));
}

#[test]
fn positions_survive_the_end_of_an_object_and_the_creation_of_another() {
    let mut numbering = Numbering::default();
    let mut listing = listing();
    let first = describe(&listing, &names(), &mut numbering, parts()).expect("describes");
    let endpoint = first
        .objects
        .iter()
        .position(|object| *object == Object::Endpoint)
        .expect("there");
    listing
        .objects
        .retain(|object| object.kind != ObjectKind::Endpoint as u64);
    listing.capabilities.retain(|slot| slot.object != 12);
    listing.objects.push(ObjectRecord {
        id: 99,
        kind: ObjectKind::Endpoint as u64,
        ..ObjectRecord::default()
    });
    let second = describe(&listing, &names(), &mut numbering, parts()).expect("describes");
    assert_eq!(second.objects[endpoint], Object::Gone);
    assert_eq!(second.objects.last(), Some(&Object::Endpoint));
    assert_eq!(second.check(&Limits::default()), Ok(()));
}

#[test]
fn names_the_slot_that_pins_a_domain() {
    let mut listing = listing();
    listing.capabilities.push(CapabilityRecord {
        slot: 30,
        kind: ObjectKind::Endpoint as u64,
        object: 555,
        rights: EndpointRights::SEND.bits().into(),
        ..CapabilityRecord::default()
    });
    let Err(DescribeError::Refused(verdict)) = described(&listing) else {
        panic!("refused")
    };
    assert_eq!(verdict.subject, Subject::Slot(30));
    assert_eq!(verdict.judgement, Judgement::Refuse(Refusal::StaysBehind));
}

#[test]
fn refuses_a_thread_without_a_state() {
    let parts = Parts {
        threads: BTreeMap::new(),
        ..parts()
    };
    let result = describe(&listing(), &names(), &mut Numbering::default(), parts);
    assert_eq!(result, Err(DescribeError::NoState(ObjectId(11))));
}
