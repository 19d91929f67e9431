//! Whose slot a slot is: [`Holder`], packed into the number that the capability model keeps for us.

use super::Ref;
use crate::objects::{Domain, Interrupt, Mapping, MemoryObject, Thread};

/// What a slot is part of, so that the kernel can act when it is emptied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// A domain's table.
    Table(Ref<Domain>),
    /// An object's origin: goes with the object.
    Origin,
    /// A Memory's pager.
    Pager(Ref<MemoryObject>),
    /// A thread's fault endpoint.
    FaultEndpoint(Ref<Thread>),
    /// A thread's bound notification.
    BoundNotification(Ref<Thread>),
    /// An interrupt's notification.
    InterruptNotification(Ref<Interrupt>),
    /// A mapping.
    Mapping(Ref<Mapping>),
}

/// Objects are aligned to more than this, so that their address leaves room for a tag.
const TAG_MASK: u64 = 0x3f;

impl Holder {
    /// The holder as a number.
    pub fn pack(self) -> u64 {
        match self {
            Holder::Origin => 0,
            Holder::Table(domain) => domain.address() | 1,
            Holder::Pager(memory) => memory.address() | 2,
            Holder::FaultEndpoint(thread) => thread.address() | 3,
            Holder::BoundNotification(thread) => thread.address() | 4,
            Holder::InterruptNotification(interrupt) => interrupt.address() | 5,
            Holder::Mapping(mapping) => mapping.address() | 6,
        }
    }

    /// The holder that [`Holder::pack`] made this number of.
    ///
    /// # Panics
    /// If it did not.
    #[inline(always)]
    pub fn unpack(number: u64) -> Holder {
        match number & TAG_MASK {
            0 => Holder::Origin,
            1 => Holder::Table(reference(number)),
            2 => Holder::Pager(reference(number)),
            3 => Holder::FaultEndpoint(reference(number)),
            4 => Holder::BoundNotification(reference(number)),
            5 => Holder::InterruptNotification(reference(number)),
            6 => Holder::Mapping(reference(number)),
            tag => panic!("a slot's holder has the tag {tag}"),
        }
    }
}

fn reference<T>(number: u64) -> Ref<T> {
    // SAFETY: `pack` took the address from a reference of the type that the tag says, and a slot does not outlive
    // what it is part of. The numbers come from slots alone, which only this kernel makes.
    unsafe { Ref::from_address(number & !TAG_MASK) }.expect("a packed reference is not null")
}
