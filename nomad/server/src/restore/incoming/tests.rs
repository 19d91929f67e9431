//! Rehearsing and building, before a kernel that answers every call.

use alloc::vec::Vec;

use abi::calls::{Destroy, MemoryPager};
use abi::register::Slot;
use abi::{Request, Rights};
use nomad_image::{Attribute, Clock, HeldCapability, Identity, Role, Target};
use nomad_protocol::Sizes;
use runtime::host::{Answer, DONE, with_kernel};

use super::*;

/// Positions of the objects.
const WAKE: u32 = 0;
const KEPT: u32 = 1;
const ENDED: u32 = 2;
const PAGER: u32 = 3;

const SIZES: Sizes = Sizes {
    pool_bytes: 8 * 4096,
    pages: 16,
    threads: 1,
    slots: 8,
};

fn kernel(request: &Request) -> Answer {
    match request {
        // Root has done it.
        Request::Call(_) => Ok([0, abi::MessageInfo::words_only(1)?.bits(), 0, 0, 0, 0, 0, 0]),
        // Every list is empty.
        Request::DomainDescribe(_) => Ok([0, u64::MAX, 0, 0, 0, 0, 0, 0]),
        _ => DONE,
    }
}

fn name() -> Name {
    Name::try_new("guest").expect("a name")
}

/// A domain with a Memory that has a pager, and one that has ended.
fn description() -> Description {
    let memory = Object::Memory {
        pages: 8,
        attribute: Attribute::Ordinary,
    };
    let held = HeldCapability {
        holder: KEPT,
        role: Role::Pager,
        target: Target::Inside(PAGER),
        rights: Rights(1),
        badge: 0,
        parent: None,
    };
    Description {
        identity: Identity {
            id: DomainId([7; 16]),
            incarnation: 1,
            name: name(),
            home: None,
        },
        clock: Clock { domain_ns: 0 },
        wake: Some(WAKE),
        slot_count: 8,
        objects: [
            Object::Notification { flags: 0 },
            memory,
            Object::Gone,
            Object::Endpoint,
        ]
        .into(),
        outsiders: Vec::new(),
        mappings: Vec::new(),
        capabilities: Vec::new(),
        held: [held].into(),
        exports: Vec::new(),
    }
}

/// The domain on its way in, described, and pages of two Memories have come.
fn described() -> Incoming {
    let machine = Machine::of_tests();
    let mut incoming = Incoming {
        machine,
        name: name(),
        id: DomainId([7; 16]),
        incarnation: 2,
        pool: Cap::from_slot(Slot(9)),
        memories: BTreeMap::new(),
        parcel: None,
        address: None,
        extent: Extent::of(&SIZES),
        share: Share::default(),
        described: None,
        built: None,
        is_rehearsed: false,
        is_let_go: false,
    };
    for position in [KEPT, ENDED] {
        let made = incoming.make_memory(MemoryKey::Inside(position), 8);
        made.expect("makes a Memory");
    }
    let taken = incoming.take(Event::State(0, Box::new(description())));
    taken.expect("takes the state");
    incoming
}

fn slot_of(incoming: &Incoming, position: u32) -> Slot {
    incoming.memories[&position].memory().slot()
}

#[test]
fn a_memory_that_the_domain_gave_up_ends_before_the_domain_is_built() {
    type Step = fn(&mut Incoming) -> Result<(), RestoreError>;
    let build: Step = |incoming| match incoming.build() {
        // This kernel lists nothing of what was built.
        Err(RestoreError::Differs(_)) => Ok(()),
        Ok(_) => Err(RestoreError::Unexpected("agreement")),
        Err(error) => Err(error),
    };
    let steps: [Step; 2] = [Incoming::rehearse, build];
    for step in steps {
        let (ended, calls) = with_kernel(kernel, || {
            let mut incoming = described();
            let ended = slot_of(&incoming, ENDED);
            step(&mut incoming).expect("builds");
            assert_eq!(
                incoming.memories.keys().copied().collect::<Vec<_>>(),
                [KEPT]
            );
            ended
        });
        let destroyed = Request::Destroy(Destroy { object: ended });
        let made = |call: &Request| matches!(call, Request::DomainCreate(_));
        let order = [
            calls.iter().position(|call| *call == destroyed),
            calls.iter().position(made),
        ];
        assert!(order[0].is_some() && order[0] < order[1], "{order:?}");
    }
}

#[test]
fn the_rehearsals_pager_is_taken_away() {
    let (kept, calls) = with_kernel(kernel, || {
        let mut incoming = described();
        incoming.rehearse().expect("rehearses");
        slot_of(&incoming, KEPT)
    });
    let pagers = calls.iter().filter_map(|call| match call {
        Request::MemoryPager(call) => Some(*call),
        _ => None,
    });
    let pagers: Vec<MemoryPager> = pagers.collect();
    let [given, taken] = pagers[..] else {
        panic!("{pagers:?}");
    };
    assert!(given.memory == kept && given.pager != Slot::NONE);
    assert_eq!((taken.memory, taken.pager), (kept, Slot::NONE));
}

#[test]
fn a_source_cannot_send_frames_for_two_ports() {
    let ((), _) = with_kernel(kernel, || {
        let mut incoming = described();
        let parcel = |position| MemoryKey::Outside(position);
        assert_eq!(incoming.make_memory(parcel(3), PORT_PAGES), Ok(()));
        assert!(incoming.make_memory(parcel(4), PORT_PAGES).is_err());
        assert_eq!(incoming.put(parcel(3), 0, &[1; PAGE_BYTES]), Ok(()));
        assert_eq!(
            incoming.put(parcel(4), 0, &[1; PAGE_BYTES]),
            Err(NOT_ANNOUNCED)
        );
    });
}
