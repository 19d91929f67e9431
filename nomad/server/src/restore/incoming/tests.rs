//! Trial builds and builds, with a kernel that performs every call.

use alloc::vec::Vec;

use abi::calls::{
    CapabilityDelete, CapabilityMint, Destroy, DomainCreate, EndpointCreate, MemoryCreate,
    MemoryPager, NotificationCreate,
};
use abi::register::Slot;
use abi::{Request, Rights};
use nomad_image::{Attribute, HeldCapability, Identity, Object, Outline, Role, Target};
use nomad_protocol::{Side as MoveSide, Sizes};
use runtime::host::with_kernel;
use runtime::protocol::root::Refusal;

use super::*;
use crate::budget::Budget;
use crate::samples::{self, kernel, name, refused};

/// Positions of the objects.
const WAKE: u32 = 0;
pub(super) const KEPT: u32 = 1;
pub(super) const ENDED: u32 = 2;
const PAGER: u32 = 3;

const SIZES: Sizes = Sizes {
    pool_bytes: 8 * 4096,
    pages: 16,
    threads: 1,
    slots: 8,
};

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
        wake: Some(WAKE),
        slot_count: 8,
        objects: [
            Object::Notification { flags: 0 },
            memory,
            Object::Gone,
            Object::Endpoint,
        ]
        .into(),
        held: [held].into(),
        ..samples::description()
    }
}

/// An arriving domain of which nothing has arrived.
pub(super) fn admitted() -> Incoming {
    Incoming {
        machine: Machine::for_tests(),
        name: name("guest"),
        id: DomainId(7),
        home: Some(name("alpha")),
        incarnation: Incarnation(2),
        pool: Cap::from_slot(Slot(9)),
        kept: BTreeMap::new(),
        memories: BTreeMap::new(),
        staged: None,
        address: None,
        extent: Extent::of(&SIZES),
        reservation: Reservation::default(),
        described: None,
        built: None,
        is_trial_built: false,
        trial: None,
        is_complete: false,
        timeline: Timeline::default(),
    }
}

/// An arriving domain with its description and pages of two Memories.
pub(super) fn described() -> Incoming {
    let mut incoming = admitted();
    for position in [KEPT, ENDED] {
        let made = incoming.make_memory(&Announcement::empty(MemoryKey::Inside(position), 8));
        made.expect("makes a Memory");
    }
    let taken = incoming.handle_event(Event::State(0, Box::new(description())));
    taken.expect("takes the state");
    incoming
}

fn slot_of(incoming: &Incoming, position: u32) -> Slot {
    incoming.memories[&position].memory().slot()
}

#[test]
fn a_memory_that_the_domain_destroyed_is_destroyed_before_the_domain_is_built() {
    type Step = fn(&mut Incoming) -> Result<(), RestoreError>;
    let build: Step = |incoming| match incoming.build() {
        // This kernel lists nothing of the built domain.
        Err(RestoreError::Differs(_)) => Ok(()),
        Ok(_) => Err(RestoreError::Unexpected("agreement")),
        Err(error) => Err(error),
    };
    let steps: [Step; 2] = [Incoming::trial_build, build];
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
fn the_steps_of_rounds_do_not_count_as_those_of_a_pause() {
    let (steps, _) = with_kernel(kernel, || {
        let mut incoming = described();
        incoming.trial_build().expect("builds");
        let after_the_first = incoming.timeline.end();
        let taken = incoming.handle_event(Event::State(0, Box::new(description())));
        taken.expect("takes the state");
        incoming.trial_build().expect("is built already");
        [after_the_first, incoming.timeline.end()]
    });
    assert_eq!(steps, [None, None]);
}

#[test]
fn the_pager_of_a_trial_build_is_removed_with_it() {
    let (kept, calls) = with_kernel(kernel, || {
        let mut incoming = described();
        incoming.trial_build().expect("builds");
        incoming.dismantle();
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
    assert!(given.memory == kept && given.pager.is_some());
    assert_eq!((taken.memory, taken.pager), (kept, None));
}

#[test]
fn an_outline_is_of_the_domain_that_was_offered_by_name_id_and_home() {
    let outline = |id, domain: &str, home| {
        let identity = Identity {
            id: DomainId(id),
            name: name(domain),
            home,
            ..samples::identity()
        };
        let outline = Outline {
            identity,
            pool_pages: 64,
            present_pages: 16,
        };
        let (taken, _) = with_kernel(kernel, || {
            described().handle_event(Event::Outline(0, outline))
        });
        taken
    };
    let home = Some(name("alpha"));
    assert_eq!(outline(7, "guest", home), Ok(()));
    for (id, domain) in [(8, "guest"), (7, "other"), (8, "other")] {
        let refused = outline(id, domain, home);
        assert_eq!(refused, Err(RestoreError::OtherDomain));
    }
    // Root keeps the home that the image states.
    for home in [None, Some(name("beta"))] {
        let refused = outline(7, "guest", home);
        assert_eq!(refused, Err(RestoreError::OtherDomain));
    }
}

/// One hour.
pub(crate) const DOWNTIME_US: u64 = 3_600_000_000;

/// A domain that was built; this kernel lists nothing of it.
pub(crate) fn built() -> Incoming {
    let mut incoming = described();
    let built = incoming.build();
    assert!(matches!(built, Err(RestoreError::Differs(_))), "{built:?}");
    incoming
}

#[test]
fn the_downtime_is_added_once_to_a_domain_that_is_about_to_run() {
    let ((), calls) = with_kernel(kernel, || {
        let mut incoming = built();
        for downtime_us in [DOWNTIME_US, 2 * DOWNTIME_US] {
            assert_eq!(incoming.add_downtime(downtime_us), Ok(()));
        }
    });
    let offsets = offsets(&calls);
    let [0, with_downtime_ns] = offsets[..] else {
        panic!("{offsets:?}");
    };
    assert_eq!(with_downtime_ns, 1_000 * DOWNTIME_US.cast_signed());
}

/// The offsets that clocks are set to.
pub(crate) fn offsets(calls: &[Request]) -> Vec<i64> {
    let offsets = calls.iter().filter_map(|call| match call {
        Request::DomainClock(call) => Some(call.offset),
        _ => None,
    });
    offsets.collect()
}

/// The slots that calls fill and do not empty again.
pub(super) fn left_over(calls: &[Request]) -> Vec<Slot> {
    let mut slots = Vec::new();
    for call in calls {
        match *call {
            Request::DomainCreate(DomainCreate { into, .. })
            | Request::MemoryCreate(MemoryCreate { into, .. })
            | Request::EndpointCreate(EndpointCreate { into, .. })
            | Request::NotificationCreate(NotificationCreate { into, .. })
            | Request::CapabilityMint(CapabilityMint { to: into, .. }) => slots.push(into),
            Request::CapabilityDelete(CapabilityDelete { slot })
            | Request::Destroy(Destroy { object: slot }) => slots.retain(|it| *it != slot),
            _ => {}
        }
    }
    slots
}

pub(super) fn count(calls: &[Request], is_it: fn(&Request) -> bool) -> usize {
    calls.iter().filter(|call| is_it(call)).count()
}

#[test]
fn a_domain_that_arrived_leaves_nothing_in_this_server_and_loses_nothing() {
    let (pool, calls) = with_kernel(kernel, || {
        let mut incoming = built();
        let pool = incoming.pool.slot();
        incoming.hand_over();
        incoming.finish();
        pool
    });
    assert_eq!(left_over(&calls), []);
    let deleted = Request::CapabilityDelete(CapabilityDelete { slot: pool });
    assert!(calls.contains(&deleted), "{calls:?}");
    let maps = count(&calls, |call| matches!(call, Request::DomainMap(_)));
    let unmaps = count(&calls, |call| matches!(call, Request::DomainUnmap(_)));
    assert_eq!(maps, unmaps);
    // This is the Memory that the domain had destroyed before it was built.
    assert_eq!(count(&calls, |call| matches!(call, Request::Destroy(_))), 1);
}

#[test]
fn a_discarded_domain_leaves_nothing_in_this_server_and_is_left_to_root() {
    let ((), calls) = with_kernel(kernel, || built().discard());
    assert_eq!(left_over(&calls), []);
    let maps = count(&calls, |call| matches!(call, Request::DomainMap(_)));
    let unmaps = count(&calls, |call| matches!(call, Request::DomainUnmap(_)));
    assert_eq!(maps, unmaps);
    // This is the Memory that the domain had destroyed before it was built.
    assert_eq!(count(&calls, |call| matches!(call, Request::Destroy(_))), 1);
}

#[test]
fn nothing_is_unmapped_before_the_domain_runs() {
    let unmapped = |steps: &[fn(&mut Incoming)]| {
        let (mapped, calls) = with_kernel(kernel, || {
            let mut incoming = built();
            steps.iter().for_each(|step| step(&mut incoming));
            let mapped = incoming.memories.len();
            core::mem::forget(incoming);
            mapped
        });
        let unmaps = count(&calls, |call| matches!(call, Request::DomainUnmap(_)));
        (mapped, unmaps)
    };
    let add_downtime = |incoming: &mut Incoming| assert_eq!(incoming.add_downtime(0), Ok(()));
    let (mapped, before) = unmapped(&[]);
    assert_eq!(unmapped(&[add_downtime]), (mapped, before));
    let handed_over = unmapped(&[add_downtime, Incoming::hand_over]);
    assert_eq!(handed_over, (0, before + mapped));
}

#[test]
fn the_reservation_of_a_move_is_free_when_the_domain_runs() {
    let budget = Budget::for_tests(100);
    let ((), _) = with_kernel(kernel, || {
        let mut incoming = built();
        incoming.reservation = budget
            .reserve(MoveSide::Destination, 50)
            .expect("half of it");
        assert!(budget.reserve(MoveSide::Destination, 1).is_err());
        incoming.hand_over();
        assert!(budget.reserve(MoveSide::Destination, 50).is_ok());
    });
}

#[test]
fn each_freeze_replaces_all_waiting_frames() {
    let port = MemoryKey::Outside(3);
    let freeze = Chunk {
        memory: port,
        first_page: 0,
        page_count: 4,
    };
    let map = PageMap::try_new(4).expect("a chunk");
    let ((), _) = with_kernel(kernel, || {
        let mut incoming = described();
        assert_eq!(
            incoming.make_memory(&Announcement::empty(port, PORT_PAGES)),
            Ok(())
        );
        for page in [1, 2] {
            assert_eq!(incoming.apply(freeze, &map), Ok(()));
            assert_eq!(incoming.put(port, page, &[1; PAGE_BYTES]), Ok(()));
        }
        let frames = incoming.staged.map(|(_, staged)| staged);
        let pages: Vec<u64> = frames.into_iter().flatten().map(|(page, _)| page).collect();
        assert_eq!(pages, [2]);
    });
}

#[test]
fn a_source_cannot_send_frames_for_two_ports() {
    let ((), _) = with_kernel(kernel, || {
        let mut incoming = described();
        let staged = |position| MemoryKey::Outside(position);
        assert_eq!(
            incoming.make_memory(&Announcement::empty(staged(3), PORT_PAGES)),
            Ok(())
        );
        assert!(
            incoming
                .make_memory(&Announcement::empty(staged(4), PORT_PAGES))
                .is_err()
        );
        assert_eq!(incoming.put(staged(3), 0, &[1; PAGE_BYTES]), Ok(()));
        assert_eq!(
            incoming.put(staged(4), 0, &[1; PAGE_BYTES]),
            Err(NOT_ANNOUNCED)
        );
    });
}

/// The shell has root discard what it may have admitted, and repeats that call until it succeeds.
#[test]
fn an_admission_with_a_malformed_reply_is_told_apart_from_a_refusal() {
    let admit = || {
        let extent = (Extent::of(&SIZES), Reservation::default());
        Incoming::admit(
            Machine::for_tests(),
            name("guest"),
            DomainId(7),
            Incarnation(2),
            8,
            Provenance::default(),
            extent,
        )
        .err()
    };
    let requests = |calls: &[Request]| {
        let is_call = |call: &&Request| matches!(call, Request::Call(_));
        calls.iter().filter(is_call).count()
    };
    // Root admits the domain, but the reply has no capability.
    let (error, calls) = with_kernel(kernel, admit);
    assert_eq!((error, requests(&calls)), (Some(RootError::Malformed), 1));
    let (error, calls) = with_kernel(|_| refused(Refusal::AlreadyHere), admit);
    let refusal = Some(RootError::Refused(Refusal::AlreadyHere));
    assert_eq!((error, requests(&calls)), (refusal, 1));
}
