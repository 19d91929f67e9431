//! A rebuilt domain that differs from its description in one item at a time.

use alloc::vec;
use alloc::vec::Vec;

use abi::kind::EndpointRights;

use super::*;
use crate::samples::{listing, names, parts};
use crate::{Numbering, Parts, describe};

/// A domain, its description, and the rebuilt domain, which agrees with the description.
struct Case {
    description: Description,
    listing: Listing,
    parts: Parts,
    objects: Vec<Option<ObjectId>>,
    outsiders: Vec<OutsideKey>,
}

impl Case {
    fn new() -> Case {
        let mut numbering = Numbering::default();
        let listing = listing();
        let description = describe(&listing, &names(), &mut numbering, parts());
        Case {
            description: description.expect("describes"),
            listing,
            parts: parts(),
            objects: numbering.objects().iter().map(|id| Some(*id)).collect(),
            outsiders: numbering.outsiders().to_vec(),
        }
    }

    fn difference(&self) -> Option<Difference> {
        difference(
            &self.description,
            &Built {
                listing: &self.listing,
                slot_count: self.parts.slot_count,
                threads: &self.parts.threads,
                objects: &self.objects,
                outsiders: &self.outsiders,
            },
        )
    }
}

/// The difference after a change to the rebuilt domain.
fn differs(change: impl FnOnce(&mut Case)) -> Option<Difference> {
    let mut case = Case::new();
    change(&mut case);
    case.difference()
}

#[test]
fn a_domain_built_as_described_agrees_in_any_order_of_listing() {
    let mut case = Case::new();
    assert_eq!(case.difference(), None);
    case.listing.objects.reverse();
    case.listing.capabilities.reverse();
    assert_eq!(case.difference(), None);
}

#[test]
fn every_object_is_as_described() {
    let position = |case: &Case, id| case.objects.iter().position(|it| *it == Some(ObjectId(id)));
    let at = |id| position(&Case::new(), id).map(|at| Difference::Object(at as u32));
    assert_eq!(differs(|case| case.listing.objects[1].size += 1), at(10));
    assert_eq!(
        differs(|case| case.listing.objects[1].attribute = 1),
        at(10)
    );
    assert_eq!(differs(|case| case.listing.objects[4].size = 0), at(13));
    assert_eq!(
        differs(|case| case.listing.objects[3].kind = ObjectKind::Notification as u64),
        at(12)
    );
    assert_eq!(
        differs(|case| case.listing.objects.retain(|it| it.id != 12)),
        at(12)
    );
    let with_another_register = |case: &mut Case| {
        let state = case.parts.threads.get_mut(&ObjectId(11)).expect("a thread");
        state.0.registers.rip += 1;
    };
    let thread = differs(with_another_register);
    let position = position(&Case::new(), 11).expect("a thread") as u32;
    assert!(
        matches!(thread, Some(Difference::Thread(at, 1..)) if at == position),
        "{thread:?}"
    );
    let without_state = differs(|case| case.parts.threads.clear());
    assert_eq!(without_state, Some(Difference::Thread(position, 0)));
}

#[test]
fn an_extra_object_in_the_pool_is_a_difference() {
    let with_another = |case: &mut Case| {
        case.listing.objects.push(ObjectRecord {
            id: 99,
            kind: ObjectKind::Endpoint as u64,
            ..ObjectRecord::default()
        });
    };
    assert_eq!(differs(with_another), Some(Difference::MoreObjects));
}

#[test]
fn every_slot_is_as_described() {
    let changes: Vec<fn(&mut CapabilityRecord)> = vec![
        |record| record.badge = 6,
        |record| record.rights = 0,
        |record| record.parent = 0,
        |record| record.object = 13,
    ];
    for change in changes {
        // The capability that was derived from slot 4.
        let difference = differs(|case| change(&mut case.listing.capabilities[2]));
        assert_eq!(difference, Some(Difference::Slot(3)));
    }
    assert_eq!(
        differs(|case| case.listing.capabilities.retain(|it| it.slot != 1)),
        Some(Difference::Slot(1))
    );
    assert_eq!(
        differs(|case| case.listing.capabilities[7].slot = 40),
        Some(Difference::Slot(8))
    );
    assert_eq!(
        differs(|case| case.parts.slot_count = 63),
        Some(Difference::Slots)
    );
}

#[test]
fn a_service_may_choose_the_badge_and_give_less() {
    let here = |case: &mut Case, object, badge| {
        case.outsiders[0] = OutsideKey {
            object: ObjectId(200),
            badge: 4,
        };
        let record = &mut case.listing.capabilities[4];
        (record.object, record.badge) = (object, badge);
    };
    assert_eq!(differs(|case| here(case, 200, 4)), None);
    assert_eq!(
        differs(|case| here(case, 200, 5)),
        Some(Difference::Slot(5))
    );
    assert_eq!(
        differs(|case| here(case, 100, 4)),
        Some(Difference::Slot(5))
    );
    let with_less = |case: &mut Case| case.listing.capabilities[4].rights = 0;
    assert_eq!(differs(with_less), None);
    let with_more = |case: &mut Case| {
        let rights: Rights = (EndpointRights::SEND | EndpointRights::RECEIVE).into();
        case.listing.capabilities[4].rights = rights.0.into();
    };
    assert_eq!(differs(with_more), Some(Difference::Slot(5)));
}

#[test]
fn a_reply_right_is_to_the_same_thread_whatever_its_number() {
    assert_eq!(differs(|case| case.listing.capabilities[5].badge = 9), None);
    let without = |case: &mut Case| case.listing.capabilities[5].kind = ObjectKind::Thread as u64;
    assert_eq!(differs(without), Some(Difference::Slot(6)));
}

#[test]
fn held_capabilities_are_as_described() {
    let thread = Case::new().description.held[0].holder;
    let changes: Vec<fn(&mut CapabilityRecord)> = vec![
        |record| record.object = 12,
        |record| record.parent = 0,
        |record| record.slot = Role::FaultEndpoint.held() as u64,
    ];
    for change in changes {
        let difference = differs(|case| change(&mut case.listing.held[0]));
        assert_eq!(difference, Some(Difference::Held(Some(thread))));
    }
    assert_eq!(
        differs(|case| case.listing.held.clear()),
        Some(Difference::Held(Some(thread)))
    );
}

#[test]
fn every_mapping_is_as_described() {
    let changes: Vec<fn(&mut MappingRecord)> = vec![
        |record| record.memory = 12,
        |record| record.first_page = 1,
        |record| record.page_count -= 1,
        |record| record.access = 0,
        |record| record.parent = 0,
    ];
    for change in changes {
        let difference = differs(|case| change(&mut case.listing.mappings[0]));
        assert_eq!(difference, Some(Difference::Mapping(0x40_0000)));
    }
    assert_eq!(
        differs(|case| case.listing.mappings.clear()),
        Some(Difference::Mapping(0x40_0000))
    );
}
