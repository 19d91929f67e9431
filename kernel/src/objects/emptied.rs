//! Emptying a slot, and its consequences. [`Kernel::empty_slot`] is the only function that does both.
//!
//! A slot is part of a structure, its [`Holder`], which reacts when the slot is emptied:
//!
//! | holder | consequence |
//! | --- | --- |
//! | a table | if the capability was a reply right, its caller's wait ends |
//! | a thread's bound notification | the notification forgets the thread |
//! | a mapping | its record is freed; its links were removed before |
//! | pager, fault endpoint, interrupt's notification, origin, bookmark (the position of an unfinished search) | none |
//!
//! Unless the slot is an origin or a bookmark, the version number of the structure's domain also rises if that domain is
//! frozen.
//!
//! A sender may lose the capability of a message that is queued. Such messages are not searched for here: a peer checks the
//! capability when it reaches the message (`ipc/authority.rs`). The storage of the slots counts the writers of a Memory whenever
//! a slot is filled or emptied (`memory/slots.rs`).

use abi::Error;
use capabilities::{Capability, Place, Storage};

use super::{Object, Step};
use crate::kernel::Kernel;
use crate::memory::{Holder, SlotStorage};
use crate::{ipc, paging};

impl Kernel {
    /// Deletes the capability in a slot, and lets the structure that the slot is part of react. Capabilities derived from it
    /// become children of its parent.
    ///
    /// # Errors
    /// [`Error::EmptySlot`]; [`Error::InUse`] for an origin with descendants.
    pub fn empty_slot(&self, place: Place) -> Result<(), Error> {
        let capability = capabilities::delete(&SlotStorage, place).map_err(slot_error)?;
        self.emptied(place, capability);
        Ok(())
    }

    /// As [`Kernel::empty_slot`], in bounded steps: a mapping's links are removed before its slot is emptied.
    ///
    /// # Errors
    /// As [`Kernel::empty_slot`].
    pub fn empty_step(&self, place: Place) -> Result<Step, Error> {
        if let Holder::Mapping(mapping) = Holder::unpack(SlotStorage.slot(place).holder())
            && paging::unlink_step(mapping) == Step::More
        {
            return Ok(Step::More);
        }
        self.empty_slot(place)?;
        Ok(Step::Done)
    }

    /// Does one bounded step of deleting everything derived from a capability, except the capability in `keep`.
    ///
    /// # Errors
    /// [`Error::EmptySlot`].
    pub fn revoke_step(&self, place: Place, keep: Place) -> Result<Step, Error> {
        let next = capabilities::next_revoked(&SlotStorage, place, keep).map_err(slot_error)?;
        let Some(next) = next else {
            return Ok(Step::Done);
        };
        self.empty_step(next)?;
        Ok(Step::More)
    }

    /// Lets the structure that an emptied slot is part of react.
    fn emptied(&self, place: Place, was: Capability<Object>) {
        match Holder::unpack(SlotStorage.slot(place).holder()) {
            Holder::Table { domain, .. } => {
                domain.touch();
                if let Object::Reply(thread) = was.object {
                    ipc::abandon(self, thread, was.badge.get());
                }
            }
            Holder::BoundNotification(thread) => {
                thread.domain.touch();
                if let Object::Notification(notification) = was.object {
                    notification.bound.set(None);
                }
            }
            Holder::FaultEndpoint(thread) => thread.domain.touch(),
            Holder::Pager(memory) => memory.header.touch(),
            Holder::Mapping(mapping) => paging::remove_mapping(mapping),
            Holder::InterruptNotification(interrupt) => interrupt.header.touch(),
            Holder::Origin | Holder::Bookmark => {}
        }
    }
}

/// The error that a caller gets for an error of the capability model.
pub fn slot_error(error: capabilities::Error<abi::Rights>) -> Error {
    match error {
        capabilities::Error::Empty { .. } => Error::EmptySlot,
        capabilities::Error::Occupied { .. } => Error::OccupiedSlot,
        capabilities::Error::RightsExceeded { .. } => Error::MissingRight,
        capabilities::Error::BadgeFixed { .. } => Error::BadgeFixed,
        capabilities::Error::InUse { .. } => Error::InUse,
        capabilities::Error::NoParent { .. } => Error::NotThere,
        capabilities::Error::NoSuchSlot { .. } => Error::NoSuchSlot,
        capabilities::Error::TooManyGenerations { .. } | capabilities::Error::TableFull { .. } => {
            Error::TableFull
        }
    }
}
