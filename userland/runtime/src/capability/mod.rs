//! Typed capabilities: a slot and the kind of its object as a zero-cost type.
//!
//! A [`Cap`] is a handle, not an owner: copying the value copies no capability, and dropping it deletes none.
//! Operations on every kind are here; those on one kind are in the file of that kind. Methods that create
//! an object put its capability into a free slot (see [`crate::slots`]).

mod device;
mod domain;
mod endpoint;
mod memory;
mod notification;
mod pool;
mod thread;

use core::fmt;
use core::marker::PhantomData;

use abi::calls::{
    CapabilityCopy, CapabilityDelete, CapabilityInspect, CapabilityMint, CapabilityRevoke, Destroy,
};
use abi::kind::{
    DomainRights, EndpointRights, HardwareRights, InterruptRights, IoPortsRights, MemoryRights,
    NotificationRights, PoolRights, ThreadRights,
};
use abi::register::Slot;
use abi::{Error, ObjectKind, Rights};

use crate::slots;
use crate::system_call::invoke;

pub use device::{Bus, Cache, InterruptMessage};
pub use domain::{CopiedPages, Freeze, PageBitmap, Records, WantedPages};
pub use pool::{BusRange, Report};

/// A kind of kernel object, as a type.
pub trait Kind {
    /// The kind; `None` for [`Any`].
    const KIND: Option<ObjectKind>;
    /// The rights over it.
    type Rights: Into<Rights> + Copy;
}

macro_rules! kinds {
    ($($name:ident, $rights:ty;)*) => {$(
        #[doc = concat!("The kind ", stringify!($name), ".")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {}

        impl Kind for $name {
            const KIND: Option<ObjectKind> = Some(ObjectKind::$name);
            type Rights = $rights;
        }
    )*};
}

kinds! {
    Pool, PoolRights;
    Domain, DomainRights;
    Thread, ThreadRights;
    Memory, MemoryRights;
    Endpoint, EndpointRights;
    Notification, NotificationRights;
    Reply, Rights;
    Interrupt, InterruptRights;
    IoPorts, IoPortsRights;
    Hardware, HardwareRights;
}

/// Any kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Any {}

impl Kind for Any {
    const KIND: Option<ObjectKind> = None;
    type Rights = Rights;
}

/// A slot that should hold a capability to a `T`. The kernel checks that at every use.
pub struct Cap<T: Kind> {
    slot: Slot,
    kind: PhantomData<fn() -> T>,
}

/// The contents of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inspected {
    /// The kind; `None` if the slot is empty.
    pub kind: Option<ObjectKind>,
    /// The rights.
    pub rights: Rights,
    /// The badge.
    pub badge: u64,
}

impl<T: Kind> Cap<T> {
    /// The capability in this slot, which is not checked.
    pub const fn from_slot(slot: Slot) -> Cap<T> {
        Cap {
            slot,
            kind: PhantomData,
        }
    }

    /// The slot.
    pub const fn slot(self) -> Slot {
        self.slot
    }

    /// The same capability without its kind.
    pub const fn erase(self) -> Cap<Any> {
        Cap::from_slot(self.slot)
    }

    /// Copies the capability with the same rights and badge.
    ///
    /// # Errors
    /// The error of `CapabilityCopy`, or the lack of a free slot.
    pub fn duplicate(self) -> Result<Cap<T>, Error> {
        created(|to| {
            invoke(CapabilityCopy {
                from: self.slot,
                to,
            })
        })
    }

    /// Copies the capability with these rights and this badge; zero keeps the badge.
    ///
    /// # Errors
    /// The error of `CapabilityMint`, or the lack of a free slot.
    pub fn mint(self, rights: T::Rights, badge: u64) -> Result<Cap<T>, Error> {
        created(|to| {
            invoke(CapabilityMint {
                from: self.slot,
                to,
                rights: rights.into(),
                badge,
            })
        })
    }

    /// Deletes the capability and frees its slot.
    ///
    /// # Errors
    /// The error of `CapabilityDelete`.
    pub fn delete(self) -> Result<(), Error> {
        invoke(CapabilityDelete { slot: self.slot })?;
        slots::give_back(self.slot);
        Ok(())
    }

    /// Deletes the capability, unless its object is gone already, and frees its slot.
    pub fn forget(self) {
        if self.delete().is_err() {
            slots::give_back(self.slot);
        }
    }

    /// Removes every capability that was derived from this one.
    ///
    /// # Errors
    /// The error of `CapabilityRevoke`.
    pub fn revoke(self) -> Result<(), Error> {
        invoke(CapabilityRevoke { slot: self.slot })
    }

    /// Destroys the object and frees the slot.
    ///
    /// # Errors
    /// The error of `Destroy`.
    pub fn destroy(self) -> Result<(), Error> {
        self.destroy_in_place()?;
        slots::give_back(self.slot);
        Ok(())
    }

    /// Destroys the object. Its slot stays occupied for the allocation of slots, since another thread of this domain uses it.
    ///
    /// # Errors
    /// The error of `Destroy`.
    pub fn destroy_in_place(self) -> Result<(), Error> {
        invoke(Destroy { object: self.slot })
    }

    /// The contents of the slot.
    ///
    /// # Errors
    /// [`Error::NoSuchSlot`].
    pub fn inspect(self) -> Result<Inspected, Error> {
        let (kind, rights, badge) = invoke(CapabilityInspect { slot: self.slot })?;
        Ok(Inspected {
            kind: u8::try_from(kind).ok().and_then(ObjectKind::from_number),
            rights: Rights(rights as u16),
            badge,
        })
    }
}

impl Cap<Any> {
    /// Converts to a capability of this kind, after checking its kind.
    ///
    /// # Errors
    /// [`Error::WrongKind`], or the error of `CapabilityInspect`.
    pub fn of_kind<T: Kind>(self) -> Result<Cap<T>, Error> {
        if T::KIND.is_some() && self.inspect()?.kind != T::KIND {
            return Err(Error::WrongKind);
        }
        Ok(Cap::from_slot(self.slot))
    }
}

impl<T: Kind> Clone for Cap<T> {
    fn clone(&self) -> Cap<T> {
        *self
    }
}

impl<T: Kind> Copy for Cap<T> {}

impl<T: Kind> PartialEq for Cap<T> {
    fn eq(&self, other: &Cap<T>) -> bool {
        self.slot == other.slot
    }
}

impl<T: Kind> Eq for Cap<T> {}

impl<T: Kind> fmt::Debug for Cap<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match T::KIND {
            Some(kind) => write!(formatter, "{kind:?}@{}", self.slot.0),
            None => write!(formatter, "Any@{}", self.slot.0),
        }
    }
}

/// Calls `make` with a free slot, and returns the capability there.
fn created<T: Kind>(make: impl FnOnce(Slot) -> Result<(), Error>) -> Result<Cap<T>, Error> {
    slots::fill(make).map(|(slot, ())| Cap::from_slot(slot))
}
