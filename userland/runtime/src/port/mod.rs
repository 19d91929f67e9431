//! A domain's cable to the switch: one Memory that both map, and two doorbells.
//!
//! ```text
//! page 0     0  to the domain:  produced        64  consumed
//!          128  to the switch:  produced       192  consumed
//!          256  the domain's wishes            320  the switch's wishes
//! page 1     128 slots of 2 KiB towards the domain
//! page 65    128 slots of 2 KiB towards the switch
//!
//! slot       0  length: u32     4  unused      8  the frame
//! ```
//!
//! Where the direction towards the domain is full, the switch keeps frames until there is space again
//! ([`layout::BUFFERED_FRAMES`]).
//!
//! | file | noun |
//! | --- | --- |
//! | [`layout`] | the numbers above |
//! | [`ring`] | one direction: frames between a producer and a consumer |
//! | [`wishes`] | who wants to be woken for what, so that bells ring seldom |
//! | [`device`] | the domain's end as a network device |
//! | [`tunnel`] | the migration server's end of the port for late frames |
//!
//! Everything that the two sides know lies in the Memory, so that a copy of it keeps every queued frame. Each
//! side takes what it reads there for an allegation, its own counters included, since the other side can write
//! them: a lie is a [`Lie`] and never more.

pub mod bell;
pub mod device;
pub mod layout;
pub mod ring;
pub mod tunnel;
pub mod wishes;

pub use bell::Doorbell;
pub use device::Device;
pub use layout::{BUFFERED_FRAMES, FRAME_BYTES_MAX, FRAME_BYTES_MIN, PORT_PAGES, SLOT_COUNT};
pub use ring::{Frame, Lie, Ring, SendError};
pub use tunnel::Tunnel;
pub use wishes::Wish;

use crate::shared::SharedMemory;
use wishes::Wishes;

/// Which end of the cable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The domain: a stack, or a driver, for which the wire is behind it.
    Domain,
    /// The switch.
    Switch,
}

/// One end of a port.
#[derive(Clone, Copy, Debug)]
pub struct Port<'a> {
    incoming: Ring<'a>,
    outgoing: Ring<'a>,
    own_wishes: Wishes<'a>,
    other_wishes: Wishes<'a>,
}

impl<'a> Port<'a> {
    /// The end `side` of the port in this memory; `None` if it is too small for one.
    pub fn try_new(memory: SharedMemory<'a>, side: Side) -> Option<Port<'a>> {
        if memory.bytes() < layout::PORT_BYTES {
            return None;
        }
        let to_domain = Ring::new(memory, &layout::TO_DOMAIN);
        let to_switch = Ring::new(memory, &layout::TO_SWITCH);
        let of_domain = Wishes::new(memory.word32(layout::DOMAIN_WISHES));
        let of_switch = Wishes::new(memory.word32(layout::SWITCH_WISHES));
        Some(match side {
            Side::Domain => Port {
                incoming: to_domain,
                outgoing: to_switch,
                own_wishes: of_domain,
                other_wishes: of_switch,
            },
            Side::Switch => Port {
                incoming: to_switch,
                outgoing: to_domain,
                own_wishes: of_switch,
                other_wishes: of_domain,
            },
        })
    }

    /// The frames that come to this side.
    pub fn incoming(&self) -> Ring<'a> {
        self.incoming
    }

    /// The frames that this side sends.
    pub fn outgoing(&self) -> Ring<'a> {
        self.outgoing
    }

    /// Wishes to be woken. What is wished for may have happened just before: look once more, then sleep.
    pub fn wish(&self, wish: Wish) {
        self.own_wishes.add(wish);
    }

    /// Whether the other side wished to be woken for what was done here last; asked once, the wish is gone, and
    /// the bell is to be rung.
    ///
    /// After frames were sent ask with [`Wish::FRAMES`], after some were taken with [`Wish::SPACE`].
    #[must_use]
    pub fn owes_bell(&self, done: Wish) -> bool {
        self.other_wishes.take(done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::shared_memory;

    fn cable() -> (Port<'static>, Port<'static>) {
        let memory = shared_memory(layout::PORT_BYTES);
        (
            Port::try_new(memory, Side::Domain).unwrap(),
            Port::try_new(memory, Side::Switch).unwrap(),
        )
    }

    #[test]
    fn what_one_side_sends_the_other_receives() {
        let (domain, switch) = cable();
        domain.outgoing().send(&[1; 60]).unwrap();
        switch.outgoing().send(&[2; 61]).unwrap();
        let mut frame = [0; FRAME_BYTES_MAX];
        assert_eq!(switch.incoming().receive(&mut frame), Ok(Some(60)));
        assert_eq!(frame[..60], [1; 60]);
        assert_eq!(domain.incoming().receive(&mut frame), Ok(Some(61)));
        assert_eq!(domain.incoming().receive(&mut frame), Ok(None));
    }

    #[test]
    fn a_bell_is_owed_once_for_each_wish() {
        let (domain, switch) = cable();
        assert!(!domain.owes_bell(Wish::FRAMES));
        switch.wish(Wish::FRAMES);
        assert!(!domain.owes_bell(Wish::SPACE));
        assert!(domain.owes_bell(Wish::FRAMES));
        assert!(!domain.owes_bell(Wish::FRAMES));
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
    fn refuses_memory_that_is_too_small() {
        assert!(Port::try_new(shared_memory(layout::PORT_BYTES - 8), Side::Domain).is_none());
    }
}
