//! Trial builds that are completed or replaced, with a kernel that lists a domain with a notification.

use alloc::boxed::Box;
use alloc::vec::Vec;

use abi::record::{CURSOR_END, List, ObjectRecord};
use abi::{ObjectKind, Request};
use nomad_image::{Announcement, Event, MemoryKey};
use runtime::host::{CallResult, with_kernel, write_message_data};

use super::*;
use crate::restore::incoming::tests::admitted;
use crate::samples;

/// The notification's id, and its flags when the domain is frozen.
const NOTIFICATION: u64 = 5;
const FLAGS: u64 = 6;

/// The domain, with a notification and nothing else.
fn description(flags: u64) -> Description {
    Description {
        wake: Some(0),
        objects: [Object::Notification { flags }].into(),
        ..samples::description()
    }
}

/// A kernel that lists the notification with the flags of the freeze.
fn kernel(request: &Request) -> CallResult {
    kernel_with(FLAGS, request)
}

/// A kernel that has lost one of these flags.
fn lossy_kernel(request: &Request) -> CallResult {
    kernel_with(FLAGS & (FLAGS - 1), request)
}

fn kernel_with(flags: u64, request: &Request) -> CallResult {
    match request {
        Request::CapabilityIdentify(_) => Ok([NOTIFICATION, 0, 0, 0, 0, 0, 0, 0]),
        Request::DomainDescribe(call) if call.list == List::Objects => {
            let record = |id, kind: ObjectKind, size| ObjectRecord {
                size,
                ..samples::object(id, kind)
            };
            let records = [
                record(1, ObjectKind::Domain, 64),
                record(2, ObjectKind::Pool, 0),
                record(NOTIFICATION, ObjectKind::Notification, flags),
            ];
            let words = records.iter().flat_map(ObjectRecord::to_words);
            let bytes: Vec<u8> = words.flat_map(u64::to_le_bytes).collect();
            write_message_data(&bytes);
            Ok([records.len() as u64, CURSOR_END, 0, 0, 0, 0, 0, 0])
        }
        other => samples::kernel(other),
    }
}

/// Builds the domain on trial, has `change` happen, and builds the domain for its freeze; returns the calls of that build.
fn build_after(change: impl FnOnce(&mut Incoming, &mut Description)) -> Vec<Request> {
    let describe = |incoming: &mut Incoming, description| {
        let taken = incoming.handle_event(Event::State(0, Box::new(description)));
        taken.expect("a description");
    };
    let (mut incoming, _) = with_kernel(kernel, || {
        let mut incoming = admitted();
        describe(&mut incoming, description(0));
        incoming.trial_build().expect("builds on trial");
        incoming
    });
    let ((), calls) = with_kernel(kernel, || {
        let mut frozen = description(FLAGS);
        change(&mut incoming, &mut frozen);
        describe(&mut incoming, frozen);
        incoming.build().expect("builds");
        drop(incoming);
    });
    calls
}

fn count(calls: &[Request], is_it: fn(&Request) -> bool) -> usize {
    calls.iter().filter(|call| is_it(call)).count()
}

fn is_creation(call: &Request) -> bool {
    matches!(call, Request::DomainCreate(_))
}

#[test]
fn a_trial_build_becomes_the_domain_if_only_its_state_has_changed() {
    let calls = build_after(|_, _| {});
    assert_eq!(count(&calls, is_creation), 0, "{calls:?}");
    assert_eq!(count(&calls, |call| matches!(call, Request::Destroy(_))), 0);
    let raised = calls.iter().filter_map(|call| match call {
        Request::Signal(call) => Some(call.flags),
        _ => None,
    });
    assert!(raised.eq([FLAGS]));
}

#[test]
fn a_domain_of_another_structure_is_built_afresh() {
    let another_table = build_after(|_, frozen| frozen.slot_count -= 1);
    let another_memory = build_after(|incoming, _| {
        let arrives = incoming.make_memory(&Announcement::empty(MemoryKey::Inside(1), 8));
        arrives.expect("makes a Memory");
    });
    for calls in [another_table, another_memory] {
        assert_eq!(count(&calls, is_creation), 1);
        let destroyed = count(&calls, |call| matches!(call, Request::Destroy(_)));
        assert_eq!(destroyed, 2, "the trial's domain and notification");
    }
}

#[test]
fn a_memory_that_arrives_after_the_trial_build_takes_the_place_of_the_one_made_for_it() {
    const MEMORY: Object = Object::Memory {
        pages: 8,
        attribute: nomad_image::Attribute::Ordinary,
    };
    let (made, calls) = with_kernel(samples::kernel, || {
        let mut incoming = admitted();
        let mut trial = description(0);
        trial.objects.push(MEMORY);
        let taken = incoming.handle_event(Event::State(0, Box::new(trial)));
        taken.expect("a description");
        incoming.trial_build().expect("builds on trial");
        let made = incoming.built().map(|built| built.object::<Memory>(1));
        let made = made.expect("a build").expect("a Memory").slot();
        let arrives = incoming.make_memory(&Announcement::empty(MemoryKey::Inside(1), 8));
        arrives.expect("makes a Memory");
        incoming.dismantle();
        made
    });
    let destroyed = Request::Destroy(abi::calls::Destroy { object: made });
    assert!(calls.contains(&destroyed), "{calls:?}");
}

#[test]
fn each_later_round_reads_the_trial_build_back_and_builds_nothing() {
    let (mut incoming, _) = with_kernel(kernel, || {
        let mut incoming = admitted();
        let described = incoming.handle_event(Event::State(0, Box::new(description(0))));
        described.expect("a description");
        incoming.trial_build().expect("builds on trial");
        incoming
    });
    let ((), calls) = with_kernel(kernel, || {
        incoming.trial_build().expect("reads it back");
        drop(incoming);
    });
    let describes = |call: &Request| matches!(call, Request::DomainDescribe(_));
    assert!(count(&calls, describes) > 0);
    assert_eq!(count(&calls, is_creation), 0);
}

#[test]
fn a_trial_build_that_differs_from_its_description_is_replaced_and_the_domain_is_not_kept() {
    let describe = |incoming: &mut Incoming, description| {
        let taken = incoming.handle_event(Event::State(0, Box::new(description)));
        taken.expect("a description");
    };
    let (mut incoming, _) = with_kernel(lossy_kernel, || {
        let mut incoming = admitted();
        describe(&mut incoming, description(0));
        incoming.trial_build().expect("builds on trial");
        incoming
    });
    let (built, calls) = with_kernel(lossy_kernel, || {
        describe(&mut incoming, description(FLAGS));
        assert!(!incoming.is_complete, "the kernel lists other flags");
        let built = incoming.build();
        drop(incoming);
        built
    });
    assert!(matches!(built, Err(RestoreError::Differs(_))), "{built:?}");
    assert_eq!(count(&calls, is_creation), 1, "it is built afresh");
    let is_kept = |call: &Request| matches!(call, Request::Call(_));
    assert_eq!(count(&calls, is_kept), 0, "root keeps nothing");
}
