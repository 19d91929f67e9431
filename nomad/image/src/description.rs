//! The description of a frozen domain: everything but its pages.
//!
//! Objects are identified by their position in [`Description::objects`], outsiders by their position in
//! [`Description::outsiders`]. So a description contains no addresses or object ids of a machine.

use alloc::boxed::Box;
use alloc::vec::Vec;

use abi::record::Held;
use abi::register::Access;
use abi::thread_state::{THREAD_STATE_BYTES, ThreadState};
use abi::{ObjectKind, Register, Rights, numbered};
use identity::Name;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Blob, Identity, foreign};

/// A frozen domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// Its identity.
    pub identity: Identity,
    /// Its clock.
    pub clock: Clock,
    /// The position of the notification with which services wake the domain.
    pub wake: Option<u32>,
    /// The number of slots of its table.
    pub slot_count: u32,
    /// The objects of its pool, except the domain and the pool themselves.
    pub objects: Vec<Object>,
    /// The things outside its pool that it refers to.
    pub outsiders: Vec<Outsider>,
    /// Its address space.
    pub mappings: Vec<Mapping>,
    /// The capabilities in its table, in the order of slots.
    pub capabilities: Vec<Capability>,
    /// The capabilities inside its objects.
    pub held: Vec<HeldCapability>,
    /// The state that services keep for it.
    pub exports: Vec<Export>,
}

/// A domain's time, which never runs backwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    /// Its monotonic time when this description was written. The clock continued while the domain was frozen.
    pub domain_ns: u64,
}

/// An object of the domain's pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Object {
    /// An object that ended after it was given its position.
    Gone,
    /// A Memory; its pages come in chunks.
    Memory {
        /// Its size in pages.
        pages: u64,
        /// The kind of its pages.
        attribute: Attribute,
    },
    /// A thread.
    Thread(ThreadImage),
    /// An endpoint.
    Endpoint,
    /// A notification.
    Notification {
        /// The flags raised.
        flags: u64,
    },
}

numbered! {
    /// The kind of a Memory's pages, with its number in the kernel's records. Only ordinary ones can move.
    #[derive(Serialize, Deserialize)]
    pub enum Attribute: u64 {
        /// Any frames.
        Ordinary = 0,
        /// Contiguous frames that a device may write.
        Contiguous = 1,
        /// A device's registers.
        Device = 2,
    }
}

/// A thread's state, as `DomainReadThread` wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThreadImage(pub Box<ThreadState>);

/// Something outside the domain, known by the same name on every machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outsider {
    /// The name.
    pub name: Name,
    /// Its kind.
    #[serde(with = "foreign::kind")]
    pub kind: ObjectKind,
    /// The data that the destination's service needs to bind it.
    pub binding: Blob,
}

/// The target of a capability or a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Target {
    /// The domain itself.
    Domain,
    /// Its pool.
    Pool,
    /// An object, by position.
    Inside(u32),
    /// The right to reply to the call of the thread at this position.
    Reply(u32),
    /// An outsider, by position.
    Outside(u32),
}

/// A Memory in the address space.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mapping {
    /// Its first address.
    pub address: u64,
    /// The Memory.
    pub memory: Target,
    /// The Memory's first mapped page.
    pub first_page: u64,
    /// The number of mapped pages.
    pub page_count: u64,
    /// The access allowed.
    #[serde(with = "foreign::access")]
    pub access: Access,
    /// The slot of the capability through which it was made: revoking that capability unmaps it.
    pub parent: Option<u32>,
}

/// A slot of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capability {
    /// The slot's number.
    pub slot: u32,
    /// The capability's target.
    pub target: Target,
    /// The capability's rights.
    #[serde(with = "foreign::rights")]
    pub rights: Rights,
    /// The capability's badge, or zero.
    pub badge: u64,
    /// The slot of this table that it was derived from, directly or indirectly.
    pub parent: Option<u32>,
}

/// The role of a capability inside an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Role {
    /// A Memory's pager.
    Pager,
    /// A thread's fault endpoint.
    FaultEndpoint,
    /// A thread's bound notification.
    BoundNotification,
}

/// A capability inside an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldCapability {
    /// The position of the object that holds it.
    pub holder: u32,
    /// Its role.
    pub role: Role,
    /// Its target.
    pub target: Target,
    /// Its rights.
    #[serde(with = "foreign::rights")]
    pub rights: Rights,
    /// Its badge, or zero.
    pub badge: u64,
    /// The slot of the table that it was derived from.
    pub parent: Option<u32>,
}

/// The state that a portable service keeps for the domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Export {
    /// The service.
    pub service: Name,
    /// The data for its import.
    pub bytes: Blob,
}

impl Object {
    /// The kind of kernel object, unless it is gone.
    pub fn kind(&self) -> Option<ObjectKind> {
        match self {
            Object::Gone => None,
            Object::Memory { .. } => Some(ObjectKind::Memory),
            Object::Thread(_) => Some(ObjectKind::Thread),
            Object::Endpoint => Some(ObjectKind::Endpoint),
            Object::Notification { .. } => Some(ObjectKind::Notification),
        }
    }
}

impl Role {
    /// The role that a held slot's number names.
    pub fn from_number(number: u64) -> Option<Role> {
        Some(match Held::from_register(number).ok()? {
            Held::Pager => Role::Pager,
            Held::FaultEndpoint => Role::FaultEndpoint,
            Held::BoundNotification => Role::BoundNotification,
        })
    }

    /// The kernel's number for it.
    pub fn held(self) -> Held {
        match self {
            Role::Pager => Held::Pager,
            Role::FaultEndpoint => Held::FaultEndpoint,
            Role::BoundNotification => Held::BoundNotification,
        }
    }
}

impl Description {
    /// The capability in a slot.
    pub fn capability_in(&self, slot: u32) -> Option<&Capability> {
        let position = self
            .capabilities
            .binary_search_by_key(&slot, |capability| capability.slot);
        self.capabilities.get(position.ok()?)
    }

    /// The kind of a capability's target, if it exists.
    pub fn kind_of(&self, target: Target) -> Option<ObjectKind> {
        match target {
            Target::Domain => Some(ObjectKind::Domain),
            Target::Pool => Some(ObjectKind::Pool),
            Target::Inside(index) => self.objects.get(index as usize)?.kind(),
            Target::Reply(index) => match self.objects.get(index as usize)? {
                Object::Thread(_) => Some(ObjectKind::Reply),
                _ => None,
            },
            Target::Outside(index) => Some(self.outsiders.get(index as usize)?.kind),
        }
    }
}

impl Serialize for ThreadImage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0.to_bytes())
    }
}

impl<'de> Deserialize<'de> for ThreadImage {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ThreadImage, D::Error> {
        let bytes = <&[u8]>::deserialize(deserializer)?;
        let bytes: &[u8; THREAD_STATE_BYTES] = bytes
            .try_into()
            .map_err(|_| D::Error::custom("not a thread's state"))?;
        Ok(ThreadImage(Box::new(ThreadState::from_bytes(bytes))))
    }
}
