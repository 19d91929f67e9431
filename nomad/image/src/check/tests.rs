//! Malicious descriptions, each of which breaks one rule.

use super::*;
use crate::samples;
use abi::kind::NotificationRights;

fn fault(change: impl FnOnce(&mut Description)) -> Option<Fault> {
    let mut description = samples::description();
    assert_eq!(description.check(&Limits::default()), Ok(()));
    change(&mut description);
    description.check(&Limits::default()).err()
}

#[test]
fn refuses_references_to_nothing() {
    let target = Target::Inside(99);
    assert_eq!(
        fault(|d| d.capabilities[0].target = target),
        Some(Fault::NoSuchTarget { target })
    );
    assert_eq!(
        fault(|d| d.mappings[0].memory = target),
        Some(Fault::NoSuchTarget { target })
    );
    assert_eq!(
        fault(|d| d.held[0].target = target),
        Some(Fault::NoSuchTarget { target })
    );
    assert_eq!(
        fault(|d| d.held[0].holder = 99),
        Some(Fault::BadHolder { holder: 99 })
    );
}

#[test]
fn refuses_references_of_the_wrong_kind() {
    let thread = Target::Inside(samples::THREAD);
    assert_eq!(
        fault(|d| d.mappings[0].memory = thread),
        Some(Fault::WrongKind { target: thread })
    );
    assert_eq!(
        fault(|d| d.held[0].target = thread),
        Some(Fault::WrongKind { target: thread })
    );
}

#[test]
fn refuses_to_be_woken_by_anything_but_a_notification() {
    let target = Target::Inside(samples::THREAD);
    assert_eq!(
        fault(|d| d.wake = Some(samples::THREAD)),
        Some(Fault::WrongKind { target })
    );
}

#[test]
fn refuses_a_derivation_cycle() {
    let circle = fault(|d| {
        let (first, second) = (d.capabilities[0], &mut d.capabilities[1]);
        *second = Capability {
            slot: second.slot,
            parent: Some(first.slot),
            ..first
        };
        d.capabilities[0].parent = Some(d.capabilities[1].slot);
    });
    assert!(
        matches!(circle, Some(Fault::NotDerived { .. })),
        "{circle:?}"
    );
}

#[test]
fn refuses_a_child_that_allows_more_than_its_parent() {
    let slot = samples::DERIVED_SLOT;
    let grown = fault(|d| {
        for capability in d.capabilities.iter_mut() {
            if capability.slot == slot {
                capability.rights = ObjectKind::Endpoint.all_rights();
            } else if capability.parent.is_none()
                && capability.target == Target::Inside(samples::ENDPOINT)
            {
                capability.rights = Rights(0);
            }
        }
    });
    assert_eq!(grown, Some(Fault::NotDerived { slot }));
}

#[test]
fn refuses_mappings_and_held_capabilities_with_impossible_parents() {
    let [memory, notification] = [samples::MEMORY_SLOT, samples::NOTIFICATION_SLOT];
    let address = samples::description().mappings[0].address;
    let lies: [fn(&mut Description); 3] = [
        |d| d.mappings[0].parent = Some(samples::NOTIFICATION_SLOT),
        |d| d.mappings[0].parent = Some(99),
        |d| d.mappings[0].access = Access::ReadExecute,
    ];
    for lie in lies {
        assert_eq!(fault(lie), Some(Fault::BadMapping { address }));
    }
    let holder = samples::THREAD;
    for parent in [memory, 99] {
        let lie = fault(|d| d.held[0].parent = Some(parent));
        assert_eq!(lie, Some(Fault::BadHolder { holder }));
    }
    let grown = fault(|d| {
        let slot = d.capabilities.iter_mut().find(|c| c.slot == notification);
        slot.expect("there").rights = NotificationRights::SIGNAL.into();
    });
    assert_eq!(grown, Some(Fault::BadHolder { holder }));
    assert_eq!(fault(|d| d.held[0].parent = None), None);
    assert_eq!(fault(|d| d.mappings[0].parent = None), None);
}

#[test]
fn refuses_rights_that_the_kind_does_not_have_and_slots_out_of_order() {
    let slot = samples::description().capabilities[0].slot;
    assert_eq!(
        fault(|d| d.capabilities[0].rights = Rights(0x7fff)),
        Some(Fault::ImpossibleRights { slot })
    );
    assert!(matches!(
        fault(|d| d.capabilities.swap(0, 1)),
        Some(Fault::SlotOutOfOrder { .. })
    ));
    assert!(matches!(
        fault(|d| d.slot_count = 1),
        Some(Fault::SlotOutOfOrder { .. })
    ));
}

#[test]
fn refuses_rights_that_no_domain_is_given_over_itself_or_its_pool() {
    let slot = samples::description().capabilities[0].slot;
    let own = |target, rights: Rights| {
        fault(|d| {
            d.capabilities[0].target = target;
            d.capabilities[0].rights = rights;
        })
    };
    let beyond = Some(Fault::BeyondGrant { slot });
    for (target, kind) in [
        (Target::Domain, ObjectKind::Domain),
        (Target::Pool, ObjectKind::Pool),
    ] {
        let granted = kind.own_rights();
        assert_eq!(own(target, granted), None);
        for bit in (0..16).map(|bit| Rights(1 << bit)) {
            let is_more = kind.all_rights().contains(bit) && !granted.contains(bit);
            if is_more {
                assert_eq!(own(target, Rights(granted.0 | bit.0)), beyond, "{bit:?}");
            }
        }
    }
}

#[test]
fn refuses_a_reply_right_to_a_thread_that_awaits_no_reply() {
    let nothing = fault(|d| {
        if let Object::Thread(thread) = &mut d.objects[samples::THREAD as usize] {
            thread.0.awaits = Awaits::Nothing as u64;
        }
    });
    assert!(
        matches!(nothing, Some(Fault::NothingAwaited { .. })),
        "{nothing:?}"
    );
}

#[test]
fn refuses_mappings_that_no_call_could_have_made() {
    let changes: [fn(&mut Mapping); 6] = [
        |m| m.address += PAGE_BYTES,
        |m| m.address = USER_END,
        |m| m.page_count = 0,
        |m| m.page_count = u64::MAX,
        |m| m.first_page = 1,
        |m| m.page_count += 512,
    ];
    for change in changes {
        let fault = fault(|d| change(&mut d.mappings[0]));
        assert!(matches!(fault, Some(Fault::BadMapping { .. })), "{fault:?}");
    }
    let overlap = fault(|d| d.mappings[1].address = d.mappings[0].address);
    assert!(matches!(overlap, Some(Fault::BadMapping { .. })));
}

#[test]
fn refuses_memories_that_are_too_large_or_pinned() {
    let memory =
        |pages, attribute| fault(move |d| d.objects[0] = Object::Memory { pages, attribute });
    let large = memory(MEMORY_PAGES_MAX + 1, Attribute::Ordinary);
    assert!(matches!(
        large,
        Some(Fault::MemoryTooLarge { object: 0, .. })
    ));
    assert_eq!(
        memory(16, Attribute::Device),
        Some(Fault::PinnedMemory { object: 0 })
    );
}

#[test]
fn orders_parents_before_children() {
    let description = samples::description();
    let order = description.derivation_order().expect("valid");
    assert_eq!(order.len(), description.capabilities.len());
    for (place, position) in order.iter().enumerate() {
        if let Some(parent) = description.capabilities[*position].parent {
            let earlier = &order[..place];
            assert!(
                earlier
                    .iter()
                    .any(|p| description.capabilities[*p].slot == parent)
            );
        }
    }
}
