//! The calls that build a domain, with a kernel that performs all of them.

use alloc::boxed::Box;

use abi::calls::{DomainDerive, DomainHold, DomainInstall, DomainInstallReply, Signal};
use abi::thread_state::ThreadState;
use abi::{MessageInfo, ObjectKind, Request, Rights};
use nomad_image::{Blob, Capability, HeldCapability, Role, ThreadImage};
use runtime::host::{CallResult, DONE, with_kernel};

use super::*;
use crate::samples;

/// Positions of the objects.
const ENDPOINT: u32 = 0;
const CALLER: u32 = 1;
const NOTIFICATION: u32 = 2;
/// Slots of the domain's table.
const SERVED: u32 = 5;
const CLIENT: u32 = 6;
const GRANDCHILD: u32 = 7;
const REPLY: u32 = 8;
const SERVICE: u32 = 9;

const BADGE: u64 = 77;
const RIGHTS: Rights = Rights(1);
/// The rights to the service that this machine grants.
const GRANTED: Rights = Rights(0b101);
/// The rights to the service that the image claims.
const CLAIMED: Rights = Rights(0b011);
const FLAGS: u64 = 6;

fn capability(slot: u32, target: Target, badge: u64, parent: Option<u32>) -> Capability {
    Capability {
        slot,
        target,
        rights: RIGHTS,
        badge,
        parent,
    }
}

/// Every call succeeds, and root has an endpoint for the service outside.
fn willing(request: &Request) -> CallResult {
    match request {
        Request::Call(_) => Ok([0, MessageInfo::try_new(1, 1)?.bits(), 0, 0, 0, 0, 0, 0]),
        Request::CapabilityInspect(_) => {
            let (kind, rights) = (ObjectKind::Endpoint as u64, GRANTED.0.into());
            Ok([kind, rights, 0, 0, 0, 0, 0, 0])
        }
        _ => DONE,
    }
}

/// A server with one client. It knows the client by a badge, and has not replied to the client's call yet; the client's
/// faults go to the server. The server is itself a client of a service outside.
fn description() -> Description {
    let endpoint = Target::Inside(ENDPOINT);
    let faults = HeldCapability {
        holder: CALLER,
        role: Role::FaultEndpoint,
        target: endpoint,
        rights: RIGHTS,
        badge: 9,
        parent: Some(SERVED),
    };
    Description {
        objects: [
            Object::Endpoint,
            Object::Thread(ThreadImage(Box::new(ThreadState::EMPTY))),
            Object::Notification { flags: FLAGS },
        ]
        .into(),
        outsiders: [Outsider {
            name: samples::name("time"),
            kind: ObjectKind::Endpoint,
            binding: Blob([0].into()),
        }]
        .into(),
        capabilities: [
            capability(SERVED, endpoint, 0, None),
            capability(CLIENT, endpoint, BADGE, None),
            capability(GRANDCHILD, endpoint, BADGE, Some(CLIENT)),
            capability(REPLY, Target::Reply(CALLER), 0, None),
            Capability {
                rights: CLAIMED,
                ..capability(SERVICE, Target::Outside(0), BADGE, None)
            },
        ]
        .into(),
        held: [faults].into(),
        ..samples::description()
    }
}

/// Builds the domain; returns it, and the calls.
fn build() -> (Built, Vec<Request>) {
    let (built, calls) = try_build(willing);
    (built.expect("builds"), calls)
}

fn try_build(kernel: fn(&Request) -> CallResult) -> (Result<Built, RestoreError>, Vec<Request>) {
    with_kernel(kernel, || {
        let built = Built::new(&Plan {
            machine: Machine::for_tests(),
            pool: Cap::from_slot(Slot(9)),
            description: &description(),
            memories: &BTreeMap::new(),
        })?;
        built.set_state(&description()).map(|()| built)
    })
}

/// This server's slot for an object of the domain.
fn slot_of(built: &Built, position: u32) -> Slot {
    let object = built.object::<Any>(position);
    object.expect("it was made").slot()
}

#[test]
fn the_domains_own_clients_keep_their_badges() {
    let (built, calls) = build();
    let (domain, endpoint) = (built.domain.slot(), slot_of(&built, ENDPOINT));
    let installed = |slot, badge| {
        Request::DomainInstall(DomainInstall {
            domain,
            from: endpoint,
            to: Slot(slot),
            rights: RIGHTS,
            badge,
        })
    };
    assert!(calls.contains(&installed(SERVED, 0)), "{calls:?}");
    assert!(calls.contains(&installed(CLIENT, BADGE)), "{calls:?}");
}

#[test]
fn a_derived_capability_is_derived_again_and_keeps_its_parents_badge() {
    let (built, calls) = build();
    let domain = built.domain.slot();
    let derived = Request::DomainDerive(DomainDerive {
        domain,
        from: Slot(CLIENT),
        to: Slot(GRANDCHILD),
        rights: RIGHTS,
        badge: 0,
    });
    assert!(calls.contains(&derived), "{calls:?}");
}

#[test]
fn a_reply_right_is_in_the_slot_in_which_it_was() {
    let (built, calls) = build();
    let (domain, thread) = (built.domain.slot(), slot_of(&built, CALLER));
    let installed = Request::DomainInstallReply(DomainInstallReply {
        domain,
        thread,
        to: Slot(REPLY),
        rights: RIGHTS,
    });
    assert!(calls.contains(&installed), "{calls:?}");
}

#[test]
fn a_held_capability_is_derived_from_the_slot_from_which_it_was_derived() {
    let (built, calls) = build();
    let (domain, thread) = (built.domain.slot(), slot_of(&built, CALLER));
    let held = Request::DomainHold(DomainHold {
        domain,
        from: Slot(SERVED),
        holder: thread,
        held: Role::FaultEndpoint.held(),
        badge: 9,
    });
    assert!(calls.contains(&held), "{calls:?}");
}

#[test]
fn a_domain_gets_no_more_rights_to_a_service_than_this_machine_grants_and_no_badge_of_its_choice() {
    let (built, calls) = build();
    let service = built.outsider::<Any>(0).expect("it was bound");
    let installed = Request::DomainInstall(DomainInstall {
        domain: built.domain.slot(),
        from: service.slot(),
        to: Slot(SERVICE),
        rights: Rights(GRANTED.0 & CLAIMED.0),
        badge: 0,
    });
    assert!(calls.contains(&installed), "{calls:?}");
}

#[test]
fn a_service_of_another_kind_than_the_domain_held_ends_the_move() {
    let (built, _) = try_build(|request| match request {
        Request::CapabilityInspect(_) => Ok([ObjectKind::Memory as u64, 1, 0, 0, 0, 0, 0, 0]),
        other => willing(other),
    });
    assert!(
        matches!(built, Err(RestoreError::NoService(_))),
        "{built:?}"
    );
}

#[test]
fn pending_flags_are_raised_again() {
    let (built, calls) = build();
    let raised = Request::Signal(Signal {
        notification: slot_of(&built, NOTIFICATION),
        flags: FLAGS,
    });
    assert!(calls.contains(&raised), "{calls:?}");
}

#[test]
fn a_domain_is_frozen_before_anything_is_in_it() {
    let (_, calls) = build();
    let at = |is_it: fn(&Request) -> bool| calls.iter().position(is_it).expect("was called");
    let frozen = at(|call| matches!(call, Request::DomainFreeze(_)));
    let thread = at(|call| matches!(call, Request::ThreadCreate(_)));
    let installed = at(|call| matches!(call, Request::DomainInstall(_)));
    assert!(frozen < thread && frozen < installed, "{calls:?}");
    let Request::DomainFreeze(freeze) = calls[frozen] else {
        panic!("{calls:?}");
    };
    assert_eq!(freeze.deadline, abi::NO_DEADLINE);
}
