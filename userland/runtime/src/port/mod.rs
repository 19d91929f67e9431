//! A domain's link to the switch: one Memory that both map, and two doorbells.
//!
//! ```text
//! page 0     0  to the domain:  produced        64  consumed
//!          128  to the switch:  produced       192  consumed
//!          256  the domain's wake flags        320  the switch's wake flags
//!          384  the number of slots per direction   388  the size of a slot   392  the MTU
//! page 1     the slots towards the domain: by default 128 of 2 KiB
//! then       the slots towards the switch
//!
//! slot       0  length: u32     4  unused      8  the frame
//! ```
//!
//! Root chooses a port's [`Layout`] by its MTU. The owner of the port reads it from the header once, checks it against the size
//! of the Memory, and keeps it. The switch gets it from root and does not read the header. Zeros state the standard layout.
//!
//! While the direction towards the domain is full, the switch queues frames until there is space again
//! ([`layout::BUFFERED_FRAMES`]).
//!
//! | file | content |
//! | --- | --- |
//! | [`layout`] | the numbers above, for every MTU |
//! | [`ring`] | one direction: frames between a producer and a consumer |
//! | [`doorbell`] | wakes the switch |
//! | [`frame`] | a queued frame in its slot, and one whose head was checked |
//! | [`wake_flags`] | the events for which a side requests a wake-up, so that doorbells rarely ring |
//! | [`device`] | the domain's end as a network device |
//! | `connections` | what the stack has received of each connection, for the device |
//! | `guard` | drops received frames that the stack does not survive, for the device |
//! | `merge` | merges received TCP segments, for the device |
//! | `tcp_checksum` | the checksums of TCP segments, for the device |
//! | [`mapped`] | an end with the mapping of its memory |
//! | [`tunnel`] | the migration server's end of the port for frames to domains that are leaving or have left |
//!
//! The whole state of the two sides lies in the Memory, so a copy of it keeps every queued frame. Neither side trusts any
//! value there, not even its own counters, since the other side can write them: an invalid value causes a [`RingError`] and
//! nothing worse.

mod connections;
pub mod device;
pub mod doorbell;
pub mod frame;
mod guard;
pub mod layout;
pub mod mapped;
mod merge;
pub mod ring;
#[cfg(test)]
mod samples;
mod tcp_checksum;
pub mod tunnel;
pub mod wake_flags;

pub use device::Device;
pub use doorbell::Doorbell;
pub use frame::{Frame, HEAD_BYTES, HeldFrame};
pub use layout::{
    BUFFERED_FRAMES, FRAME_BYTES_LIMIT, FRAME_BYTES_MAX, FRAME_BYTES_MIN, Layout, PORT_PAGES,
    SLOT_COUNT,
};
pub use mapped::MappedPort;
pub use merge::MERGED_DATA_BYTES_MAX;
pub use ring::{Ring, RingError, SendError, Vacancy};
pub use tunnel::Tunnel;
pub use wake_flags::WakeFlag;

use crate::shared::SharedMemory;
use wake_flags::WakeFlags;

/// An end of the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The domain: a network stack, or the driver of a NIC.
    Domain,
    /// The switch.
    Switch,
}

/// One end of a port.
#[derive(Clone, Copy, Debug)]
pub struct Port<'a> {
    layout: Layout,
    incoming: Ring<'a>,
    outgoing: Ring<'a>,
    own_wake_flags: WakeFlags<'a>,
    other_wake_flags: WakeFlags<'a>,
}

impl<'a> Port<'a> {
    /// The port's end for this side, with the layout in the header; `None` if that is invalid or the memory is too small for it.
    pub fn try_new(memory: SharedMemory<'a>, side: Side) -> Option<Port<'a>> {
        Port::with_layout(memory, side, Layout::read(memory)?)
    }

    /// The port's end for this side, with a known layout; `None` if the memory is too small.
    #[inline]
    pub fn with_layout(memory: SharedMemory<'a>, side: Side, layout: Layout) -> Option<Port<'a>> {
        if memory.bytes() < layout.bytes() {
            return None;
        }
        let to_domain = Ring::new(memory, layout, &layout.to_domain());
        let to_switch = Ring::new(memory, layout, &layout.to_switch());
        let domain_flags = WakeFlags::new(memory.word32(layout::DOMAIN_WAKE_FLAGS));
        let switch_flags = WakeFlags::new(memory.word32(layout::SWITCH_WAKE_FLAGS));
        Some(match side {
            Side::Domain => Port {
                layout,
                incoming: to_domain,
                outgoing: to_switch,
                own_wake_flags: domain_flags,
                other_wake_flags: switch_flags,
            },
            Side::Switch => Port {
                layout,
                incoming: to_switch,
                outgoing: to_domain,
                own_wake_flags: switch_flags,
                other_wake_flags: domain_flags,
            },
        })
    }

    /// The sizes of its parts.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// The ring of frames to this side.
    pub fn incoming(&self) -> Ring<'a> {
        self.incoming
    }

    /// The ring of frames from this side.
    pub fn outgoing(&self) -> Ring<'a> {
        self.outgoing
    }

    /// Requests a wake-up for an event. The event may have happened just before, so check once more before sleeping.
    pub fn request_wake(&self, flag: WakeFlag) {
        self.own_wake_flags.add(flag);
    }

    /// Takes the other side's wake-up request for this event. If it returns `true`, ring the doorbell.
    ///
    /// Call it with [`WakeFlag::FRAMES`] after sending frames, with [`WakeFlag::SPACE`] after taking some.
    #[must_use]
    pub fn take_wake_request(&self, event: WakeFlag) -> bool {
        self.other_wake_flags.take(event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::shared_memory;

    fn link() -> (Port<'static>, Port<'static>) {
        let memory = shared_memory(layout::PORT_BYTES);
        (
            Port::try_new(memory, Side::Domain).unwrap(),
            Port::try_new(memory, Side::Switch).unwrap(),
        )
    }

    #[test]
    fn each_side_receives_the_other_sides_frames() {
        let (domain, switch) = link();
        domain.outgoing().send(&[1; 60]).unwrap();
        switch.outgoing().send(&[2; 61]).unwrap();
        let mut frame = [0; FRAME_BYTES_MAX];
        assert_eq!(switch.incoming().receive(&mut frame), Ok(Some(60)));
        assert_eq!(frame[..60], [1; 60]);
        assert_eq!(domain.incoming().receive(&mut frame), Ok(Some(61)));
        assert_eq!(domain.incoming().receive(&mut frame), Ok(None));
    }

    #[test]
    fn a_wake_request_is_taken_once() {
        let (domain, switch) = link();
        assert!(!domain.take_wake_request(WakeFlag::FRAMES));
        switch.request_wake(WakeFlag::FRAMES);
        assert!(!domain.take_wake_request(WakeFlag::SPACE));
        assert!(domain.take_wake_request(WakeFlag::FRAMES));
        assert!(!domain.take_wake_request(WakeFlag::FRAMES));
    }

    #[test]
    fn a_copy_of_the_memory_keeps_every_frame() {
        let (first, second) = (
            shared_memory(layout::PORT_BYTES),
            shared_memory(layout::PORT_BYTES),
        );
        let switch = Port::try_new(first, Side::Switch).unwrap();
        for length in 60..160 {
            switch.outgoing().send(&std::vec![7; length]).unwrap();
        }
        second.copy_from(first, layout::PORT_BYTES);
        let domain = Port::try_new(second, Side::Domain).unwrap();
        let mut frame = [0; FRAME_BYTES_MAX];
        for length in 60..160 {
            assert_eq!(domain.incoming().receive(&mut frame), Ok(Some(length)));
        }
    }

    #[test]
    fn rejects_memory_that_is_too_small() {
        let memory = shared_memory(layout::PORT_BYTES - 8);
        assert!(Port::try_new(memory, Side::Domain).is_none());
        assert!(Port::with_layout(memory, Side::Switch, Layout::STANDARD).is_none());
    }

    #[test]
    fn a_header_that_changes_later_has_no_effect() {
        let layout = Layout::of(crate::protocol::Mtu::MAX);
        let memory = shared_memory(layout.bytes());
        layout.write(memory);
        let domain = Port::try_new(memory, Side::Domain).unwrap();
        let switch = Port::with_layout(memory, Side::Switch, layout).unwrap();
        let numbers = memory.part(384, 16);
        numbers.write(0, &[0xff; 12]);
        let frame = std::vec![3; FRAME_BYTES_LIMIT];
        switch.outgoing().send(&frame).unwrap();
        let mut received = std::vec![0; FRAME_BYTES_LIMIT];
        let length = domain.incoming().receive(&mut received);
        assert_eq!(length, Ok(Some(FRAME_BYTES_LIMIT)));
        assert_eq!(received, frame);
        assert!(Port::try_new(memory, Side::Domain).is_none());
    }
}
