//! The description of a frozen domain: everything but its pages.
//!
//! Objects are named by their position in [`Description::objects`], outsiders by theirs in
//! [`Description::outsiders`]: nothing in it names a machine's addresses or object ids.

use alloc::boxed::Box;
use alloc::vec::Vec;

use abi::register::Access;
use abi::thread_state::{THREAD_STATE_BYTES, ThreadState};
use abi::{ObjectKind, Rights};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Blob, Identity, Name, foreign};

/// A frozen domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// Who it is.
    pub identity: Identity,
    /// Its time.
    pub clock: Clock,
    /// The notification that services wake it by, as a position.
    pub wake: Option<u32>,
    /// How many slots its table has.
    pub slot_count: u32,
    /// The objects of its pool, the domain itself and the pool not among them.
    pub objects: Vec<Object>,
    /// What it refers to outside of its pool.
    pub outsiders: Vec<Outsider>,
    /// Its address space.
    pub mappings: Vec<Mapping>,
    /// Its authority, in the order of slots.
    pub capabilities: Vec<Capability>,
    /// The capabilities inside its objects.
    pub held: Vec<HeldCapability>,
    /// What services know of it.
    pub exports: Vec<Export>,
}

/// A domain's time, which never runs backwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    /// Its monotonic time when this was written: it went on while the domain stood still.
    pub domain_ns: u64,
}

/// An object of the domain's pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Object {
    /// It ended since its position was given to it.
    Gone,
    /// A Memory; its pages come in chunks.
    Memory {
        /// How many pages it can hold.
        pages: u64,
        /// What kind of pages.
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

/// What kind of pages a Memory has. Only ordinary ones can travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Attribute {
    /// Any frames.
    Ordinary,
    /// Contiguous frames that a device may write.
    Contiguous,
    /// A device's registers.
    Device,
}

/// A thread's state, as `DomainReadThread` wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThreadImage(pub Box<ThreadState>);

/// Something outside the domain, known by the name that every machine has it under.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outsider {
    /// The name.
    pub name: Name,
    /// What it is.
    #[serde(with = "foreign::kind")]
    pub kind: ObjectKind,
    /// What the target's service needs in order to bind it.
    pub binding: Blob,
}

/// What a capability or a mapping refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Target {
    /// The domain itself.
    Domain,
    /// Its pool.
    Pool,
    /// An object, by position.
    Inside(u32),
    /// The right to answer this thread's call.
    Reply(u32),
    /// An outsider, by position.
    Outside(u32),
}

/// A Memory in the address space.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mapping {
    /// Where it begins.
    pub address: u64,
    /// The Memory.
    pub memory: Target,
    /// Its first page that is mapped.
    pub first_page: u64,
    /// How many are.
    pub page_count: u64,
    /// How.
    #[serde(with = "foreign::access")]
    pub access: Access,
    /// The slot of the table whose capability it was made through: revoking that one unmaps it.
    pub parent: Option<u32>,
}

/// A slot of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capability {
    /// Its number.
    pub slot: u32,
    /// What it refers to.
    pub target: Target,
    /// What it allows.
    #[serde(with = "foreign::rights")]
    pub rights: Rights,
    /// Its badge, or zero.
    pub badge: u64,
    /// The slot of this table that it was derived from, at whatever remove.
    pub parent: Option<u32>,
}

/// What a capability inside an object is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
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
    /// The object that holds it, by position.
    pub holder: u32,
    /// What for.
    pub role: Role,
    /// What it refers to.
    pub target: Target,
    /// What it allows.
    #[serde(with = "foreign::rights")]
    pub rights: Rights,
    /// Its badge, or zero.
    pub badge: u64,
    /// The slot of the table that it was derived from.
    pub parent: Option<u32>,
}

/// What a portable service knows of the domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Export {
    /// The service.
    pub service: Name,
    /// What its import understands.
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

impl Attribute {
    /// The attribute with the number that the kernel's records use.
    pub fn from_number(number: u64) -> Option<Attribute> {
        match number {
            0 => Some(Attribute::Ordinary),
            1 => Some(Attribute::Contiguous),
            2 => Some(Attribute::Device),
            _ => None,
        }
    }
}

impl Description {
    /// What the table has in a slot.
    pub fn capability_in(&self, slot: u32) -> Option<&Capability> {
        let position = self
            .capabilities
            .binary_search_by_key(&slot, |capability| capability.slot);
        self.capabilities.get(position.ok()?)
    }

    /// The kind of what a capability refers to, if it is there.
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
