//! The part of creating an object that is common to all kinds. An object takes one frame of its pool, and its creator gets a
//! capability with all rights in the named slot. The rest is in each kind's own file.

use abi::{Error, Rights};
use capabilities::{Capability, Place, Storage};

use super::{Header, Object, Pool};
use crate::kernel::Kernel;
use crate::memory::{Ref, SlotStorage};

/// Checks that a slot can take a new capability.
///
/// # Errors
/// [`Error::OccupiedSlot`].
pub fn check_free(place: Place) -> Result<(), Error> {
    if SlotStorage.slot(place).is_empty() {
        Ok(())
    } else {
        Err(Error::OccupiedSlot)
    }
}

/// Checks that an object may get new capabilities, mappings, pages or calls.
///
/// # Errors
/// [`Error::Gone`] if it is being destroyed.
pub fn check_alive(object: Object) -> Result<(), Error> {
    if object.header().is_being_destroyed() {
        Err(Error::Gone)
    } else {
        Ok(())
    }
}

/// Creates an object in a frame of its own, appends it to its pool's list, and puts a capability with all rights into
/// `into`, which must be empty.
///
/// # Errors
/// [`Error::OccupiedSlot`], [`Error::PoolEmpty`], without any effect.
pub fn create<T>(
    kernel: &Kernel,
    pool: Ref<Pool>,
    into: Place,
    wrap: fn(Ref<T>) -> Object,
    make: impl FnOnce(Header, Ref<T>) -> T,
) -> Result<Ref<T>, Error> {
    check_free(into)?;
    let frame = kernel.take_frame(pool)?;
    let reference = Ref::place(frame, |this, home| {
        make(Header::new(kernel.new_serial(), home, pool), this)
    });
    publish(wrap(reference), into);
    pool.enlist(wrap(reference));
    Ok(reference)
}

/// Plants an object's origin with all rights and copies it to `into`, which is empty.
pub fn publish(object: Object, into: Place) {
    publish_with(object, object.kind().all_rights(), into);
}

pub(super) fn publish_with(object: Object, rights: Rights, into: Place) {
    let capability = Capability::new(object, rights);
    let origin = object.header().origin();
    capabilities::plant(&SlotStorage, origin, capability)
        .and_then(|()| capabilities::copy(&SlotStorage, origin, into))
        .expect("both slots are empty");
}
