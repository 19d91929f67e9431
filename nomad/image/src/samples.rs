//! Descriptions for tests.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use abi::kind::{EndpointRights, MemoryRights, NotificationRights};
use abi::record::{CapabilityRecord, Held, MappingRecord, ObjectRecord};
use abi::register::{Access, ObjectId};
use abi::thread_state::{Awaits, ThreadState};
use abi::{ObjectKind, Rights};
use identity::{DomainId, Incarnation, Name};

use crate::*;

pub const MEMORY: u32 = 0;
pub const THREAD: u32 = 1;
pub const ENDPOINT: u32 = 2;
pub const NOTIFICATION: u32 = 3;
pub const DERIVED_SLOT: u32 = 3;
pub const NOTIFICATION_SLOT: u32 = 4;
pub const MEMORY_SLOT: u32 = 7;

pub fn name(text: &str) -> Name {
    Name::try_new(text).expect("a name")
}

pub fn identity() -> Identity {
    Identity {
        id: DomainId(7),
        incarnation: Incarnation(3),
        name: name("counter"),
        home: Some(name("alpha")),
    }
}

/// A domain with nothing in it.
pub fn minimal() -> Description {
    Description {
        identity: identity(),
        clock: Clock {
            domain_ns: 123_456_789,
        },
        wake: None,
        slot_count: 64,
        objects: vec![],
        outsiders: vec![],
        mappings: vec![],
        capabilities: vec![],
        held: vec![],
        exports: vec![],
    }
}

/// A domain with one of everything.
pub fn description() -> Description {
    let mut state = ThreadState::EMPTY;
    state.awaits = Awaits::Reply as u64;
    state.registers.rip = 0x40_1000;
    let capability = |slot, target, rights, badge, parent| Capability {
        slot,
        target,
        rights,
        badge,
        parent,
    };
    let all = ObjectKind::all_rights;
    Description {
        objects: vec![
            Object::Memory {
                pages: 1024,
                attribute: Attribute::Ordinary,
            },
            Object::Thread(ThreadImage(Box::new(state))),
            Object::Endpoint,
            Object::Notification { flags: 5 },
            Object::Gone,
        ],
        outsiders: vec![
            Outsider {
                name: name("log"),
                kind: ObjectKind::Endpoint,
                binding: Blob(vec![]),
            },
            Outsider {
                name: name("port"),
                kind: ObjectKind::Memory,
                binding: Blob(vec![1, 2]),
            },
        ],
        mappings: vec![
            Mapping {
                address: 0x40_0000,
                memory: Target::Inside(MEMORY),
                first_page: 512,
                page_count: 512,
                access: Access::ReadWrite,
                parent: Some(MEMORY_SLOT),
            },
            Mapping {
                address: 0x80_0000,
                memory: Target::Outside(1),
                first_page: 0,
                page_count: 129,
                access: Access::ReadWrite,
                parent: None,
            },
        ],
        capabilities: vec![
            capability(1, Target::Domain, ObjectKind::Domain.own_rights(), 0, None),
            capability(2, Target::Inside(THREAD), all(ObjectKind::Thread), 0, None),
            capability(
                DERIVED_SLOT,
                Target::Inside(ENDPOINT),
                EndpointRights::SEND.into(),
                9,
                Some(8),
            ),
            capability(
                NOTIFICATION_SLOT,
                Target::Inside(NOTIFICATION),
                NotificationRights::WAIT.into(),
                0,
                None,
            ),
            capability(5, Target::Outside(0), EndpointRights::SEND.into(), 77, None),
            capability(6, Target::Reply(THREAD), Rights(0), 0, None),
            capability(
                MEMORY_SLOT,
                Target::Inside(MEMORY),
                (MemoryRights::READ | MemoryRights::WRITE).into(),
                0,
                None,
            ),
            capability(
                8,
                Target::Inside(ENDPOINT),
                all(ObjectKind::Endpoint),
                0,
                None,
            ),
        ],
        held: vec![HeldCapability {
            holder: THREAD,
            role: Role::BoundNotification,
            target: Target::Inside(NOTIFICATION),
            rights: NotificationRights::WAIT.into(),
            badge: 0,
            parent: Some(NOTIFICATION_SLOT),
        }],
        wake: Some(NOTIFICATION),
        exports: vec![Export {
            service: name("switch"),
            bytes: Blob(vec![9; 40]),
        }],
        ..minimal()
    }
}

/// A kernel's lists of a domain like [`description`]; the log is object 100.
pub fn listing() -> Listing {
    let object = |id, kind: ObjectKind, size| ObjectRecord {
        id,
        kind: kind as u64,
        size,
        ..ObjectRecord::default()
    };
    let slot = |slot, kind: ObjectKind, object, rights: Rights, parent| CapabilityRecord {
        slot,
        kind: kind as u64,
        object,
        rights: rights.0.into(),
        badge: 0,
        parent,
        holder: 0,
    };
    let all = ObjectKind::all_rights;
    Listing {
        domain: ObjectId(8),
        pool: ObjectId(7),
        objects: vec![
            object(8, ObjectKind::Domain, 0),
            object(10, ObjectKind::Memory, 1024),
            object(11, ObjectKind::Thread, 0),
            object(12, ObjectKind::Endpoint, 0),
            object(13, ObjectKind::Notification, 5),
        ],
        mappings: vec![MappingRecord {
            address: 0x40_0000,
            memory: 10,
            first_page: 0,
            page_count: 1024,
            access: Access::ReadWrite as u64,
            parent: 8,
        }],
        capabilities: vec![
            slot(1, ObjectKind::Domain, 8, ObjectKind::Domain.own_rights(), 0),
            slot(2, ObjectKind::Pool, 7, ObjectKind::Pool.own_rights(), 0),
            slot(3, ObjectKind::Endpoint, 12, EndpointRights::SEND.into(), 5),
            slot(4, ObjectKind::Endpoint, 12, all(ObjectKind::Endpoint), 0),
            slot(5, ObjectKind::Endpoint, 100, EndpointRights::SEND.into(), 0),
            slot(6, ObjectKind::Reply, 11, Rights(0), 0),
            slot(7, ObjectKind::Memory, 10, all(ObjectKind::Memory), 0),
            slot(
                8,
                ObjectKind::Notification,
                13,
                all(ObjectKind::Notification),
                0,
            ),
        ],
        held: vec![CapabilityRecord {
            holder: 11,
            ..slot(
                Held::BoundNotification as u64,
                ObjectKind::Notification,
                13,
                NotificationRights::WAIT.into(),
                9,
            )
        }],
    }
}

/// The objects that this machine has names for.
pub fn names() -> Names {
    Names::from([(
        OutsideKey {
            object: ObjectId(100),
            badge: 0,
        },
        NamedObject {
            name: name("log"),
            binding: Blob(Vec::new()),
        },
    )])
}

/// The rest of the domain of [`listing`].
pub fn parts() -> Parts {
    let mut state = ThreadState::EMPTY;
    state.awaits = Awaits::Reply as u64;
    Parts {
        identity: identity(),
        clock: Clock { domain_ns: 1 },
        slot_count: 64,
        wake: Some(ObjectId(13)),
        threads: [(ObjectId(11), ThreadImage(Box::new(state)))].into(),
        exports: Vec::new(),
    }
}
