//! The calls that build a domain, before a kernel that answers every one.

use alloc::boxed::Box;

use abi::Request;
use abi::calls::{DomainDerive, DomainHold, DomainInstall, DomainInstallReply};
use abi::thread_state::ThreadState;
use nomad_image::{Clock, DomainId, Identity, Name, ThreadImage};
use runtime::host::{DONE, with_kernel};

use super::*;

/// Positions of the objects.
const ENDPOINT: u32 = 0;
const CALLER: u32 = 1;
/// Slots of the domain's table.
const SERVED: u32 = 5;
const CLIENT: u32 = 6;
const GRANDCHILD: u32 = 7;
const REPLY: u32 = 8;

const BADGE: u64 = 77;
const RIGHTS: Rights = Rights(1);

fn capability(slot: u32, target: Target, badge: u64, parent: Option<u32>) -> Capability {
    Capability {
        slot,
        target,
        rights: RIGHTS,
        badge,
        parent,
    }
}

/// A server with a client that it knows by a badge and whose call it has yet to answer; the client's faults go to it.
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
        identity: Identity {
            id: DomainId([7; 16]),
            incarnation: 1,
            name: Name::try_new("guest").expect("a name"),
            home: None,
        },
        clock: Clock { domain_ns: 0 },
        wake: None,
        slot_count: 64,
        objects: [
            Object::Endpoint,
            Object::Thread(ThreadImage(Box::new(ThreadState::EMPTY))),
        ]
        .into(),
        outsiders: Vec::new(),
        mappings: Vec::new(),
        capabilities: [
            capability(SERVED, endpoint, 0, None),
            capability(CLIENT, endpoint, BADGE, None),
            capability(GRANDCHILD, endpoint, BADGE, Some(CLIENT)),
            capability(REPLY, Target::Reply(CALLER), 0, None),
        ]
        .into(),
        held: [faults].into(),
        exports: Vec::new(),
    }
}

/// Builds the domain; returns the slots of this server with the domain, its endpoint and its thread, and the calls.
fn build() -> ([Slot; 3], Vec<Request>) {
    with_kernel(
        |_| DONE,
        || {
            let plan = Plan {
                machine: Machine::of_tests(),
                pool: Cap::from_slot(Slot(9)),
                description: &description(),
                memories: &BTreeMap::new(),
            };
            let built = Built::new(&plan).expect("builds");
            let object = |position| built.object::<Any>(position).expect("it was made").slot();
            [built.domain.slot(), object(ENDPOINT), object(CALLER)]
        },
    )
}

#[test]
fn clients_of_the_domains_own_have_the_badges_that_they_had() {
    let ([domain, endpoint, _], calls) = build();
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
fn what_was_derived_is_derived_again_and_keeps_its_parents_badge() {
    let ([domain, ..], calls) = build();
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
fn the_right_to_answer_a_call_is_in_the_slot_in_which_it_was() {
    let ([domain, _, thread], calls) = build();
    let installed = Request::DomainInstallReply(DomainInstallReply {
        domain,
        thread,
        to: Slot(REPLY),
        rights: RIGHTS,
    });
    assert!(calls.contains(&installed), "{calls:?}");
}

#[test]
fn what_an_object_holds_is_handed_out_below_the_slot_that_it_was_below() {
    let ([domain, _, thread], calls) = build();
    let held = Request::DomainHold(DomainHold {
        domain,
        from: Slot(SERVED),
        holder: thread,
        held: Role::FaultEndpoint.held(),
        badge: 9,
    });
    assert!(calls.contains(&held), "{calls:?}");
}
