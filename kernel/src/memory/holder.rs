//! The owner of a slot: [`Holder`], packed into the number that the capability model stores for the kernel.

use super::{Ref, SLOTS_PER_FRAME};
use crate::objects::{Domain, Interrupt, Mapping, MemoryObject, Thread};

/// The structure that a slot is part of, by which the kernel knows how to react when the slot is emptied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// A domain's table.
    Table {
        /// The domain.
        domain: Ref<Domain>,
        /// The index of its frame in the table.
        frame: u32,
    },
    /// An object's origin, destroyed with the object.
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
    /// A bookmark in a derivation tree: see `ParentSearch`.
    Bookmark,
}

/// The bits for a tag, which are zero in the address of an object because of its alignment.
const TAG_MASK: u64 = 0x3f;

/// The bits of an address before its sign extension. The bits above them have room for a frame's index.
const ADDRESS_BITS: u32 = 48;

const _: () = assert!(abi::SLOTS_MAX / SLOTS_PER_FRAME <= 1 << (u64::BITS - ADDRESS_BITS));

impl Holder {
    /// [`Holder::Bookmark`] as a number.
    pub const BOOKMARK: u64 = 7;

    /// The holder as a number.
    pub fn pack(self) -> u64 {
        match self {
            Holder::Origin => 0,
            Holder::Table { domain, frame } => {
                let address = domain.address() & ((1 << ADDRESS_BITS) - 1);
                u64::from(frame) << ADDRESS_BITS | address | 1
            }
            Holder::Pager(memory) => memory.address() | 2,
            Holder::FaultEndpoint(thread) => thread.address() | 3,
            Holder::BoundNotification(thread) => thread.address() | 4,
            Holder::InterruptNotification(interrupt) => interrupt.address() | 5,
            Holder::Mapping(mapping) => mapping.address() | 6,
            Holder::Bookmark => Holder::BOOKMARK,
        }
    }

    /// The holder that [`Holder::pack`] packed into this number.
    ///
    /// # Panics
    /// For any other number.
    #[inline(always)]
    pub fn unpack(number: u64) -> Holder {
        match number & TAG_MASK {
            0 => Holder::Origin,
            1 => Holder::Table {
                domain: reference(without_frame(number)),
                frame: (number >> ADDRESS_BITS) as u32,
            },
            2 => Holder::Pager(reference(number)),
            3 => Holder::FaultEndpoint(reference(number)),
            4 => Holder::BoundNotification(reference(number)),
            5 => Holder::InterruptNotification(reference(number)),
            6 => Holder::Mapping(reference(number)),
            Holder::BOOKMARK => Holder::Bookmark,
            tag => panic!("a slot's holder has the tag {tag}"),
        }
    }
}

/// The number with its address sign-extended again.
fn without_frame(number: u64) -> u64 {
    let shift = u64::BITS - ADDRESS_BITS;
    ((number << shift).cast_signed() >> shift).cast_unsigned()
}

fn reference<T>(number: u64) -> Ref<T> {
    // SAFETY: `pack` took the address from a reference of the type that the tag names, and a slot does not outlive
    // the structure that it is part of. The numbers come only from slots, which only this kernel creates.
    unsafe { Ref::from_address(number & !TAG_MASK) }.expect("a packed reference is not null")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::World;

    #[test]
    fn a_table_slot_knows_its_domain_and_its_frame() {
        let world = World::new();
        let domain = world.domain().domain;
        for frame in [0, 1, 300, abi::SLOTS_MAX / SLOTS_PER_FRAME - 1] {
            let holder = Holder::Table { domain, frame };
            assert_eq!(Holder::unpack(holder.pack()), holder);
        }
    }
}
