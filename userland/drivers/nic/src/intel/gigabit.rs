//! Sending and receiving frames: [`Gigabit`].

use runtime::port::Frame;
use runtime::protocol::Mac;
use runtime::shared::SharedMemory;

use super::registers::*;
use crate::{
    Events, Layout, Link, Nic, NicFault, ReceiveRing, Received, Registers, SendRing, intel,
};

/// The differences between cards: offsets of registers, and a bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offsets {
    /// The first register of the receive ring.
    pub receive_ring: usize,
    /// The first register of the send ring.
    pub send_ring: usize,
    /// The causes of an interrupt. Reading the register clears them.
    pub causes: usize,
    /// The register that sets bits of the interrupt mask.
    pub mask_set: usize,
    /// The register that clears bits of the interrupt mask.
    pub mask_clear: usize,
    /// The bit of the status for a link of 2500 Mb/s, whose speed is otherwise shown as 1000 Mb/s; 0 on a card without such
    /// links.
    pub status_2500: u32,
}

/// A running card.
#[derive(Debug)]
pub struct Gigabit<R, L> {
    registers: R,
    offsets: Offsets,
    mac: Option<Mac>,
    receive: ReceiveRing<L>,
    send: SendRing<L>,
    has_space_interrupt: bool,
}

impl<R: Registers, L: Layout> Gigabit<R, L> {
    /// A card that already has the addresses of these rings. Publishes their first buffers to the card.
    pub fn new(
        registers: R,
        offsets: Offsets,
        receive: ReceiveRing<L>,
        send: SendRing<L>,
    ) -> Gigabit<R, L> {
        let mut nic = Gigabit {
            mac: intel::mac(&registers),
            registers,
            offsets,
            receive,
            send,
            has_space_interrupt: false,
        };
        nic.publish();
        nic
    }
}

impl<R: Registers, L: Layout> Nic for Gigabit<R, L> {
    fn mac(&self) -> Option<Mac> {
        self.mac
    }

    fn link(&mut self) -> Option<Link> {
        Some(intel::link(&self.registers, self.offsets.status_2500))
    }

    fn acknowledge(&mut self) -> Events {
        // Reading either register clears it.
        let causes = self.registers.read(self.offsets.causes);
        let has_lost = causes & CAUSE_OVERRUN != 0;
        Events {
            link: causes & CAUSE_LINK != 0,
            lost: if has_lost {
                self.registers.read(MISSED)
            } else {
                0
            },
            ..Events::default()
        }
    }

    fn has_frame(&self) -> bool {
        self.receive.has_frame()
    }

    fn receive(&mut self, into: SharedMemory<'_>) -> Result<Option<Received>, NicFault> {
        self.receive.receive(into)
    }

    fn has_space(&mut self) -> Result<bool, NicFault> {
        Ok(self.send.has_space())
    }

    fn send(&mut self, frame: &Frame<'_>) {
        self.send.send(frame);
    }

    fn set_space_interrupt(&mut self, wanted: bool) {
        if self.has_space_interrupt != wanted {
            self.has_space_interrupt = wanted;
            let Offsets {
                mask_set,
                mask_clear,
                ..
            } = self.offsets;
            let register = if wanted { mask_set } else { mask_clear };
            self.registers.write(register, CAUSE_SENT);
        }
    }

    fn publish(&mut self) {
        let Offsets {
            receive_ring,
            send_ring,
            ..
        } = self.offsets;
        if let Some(tail) = self.receive.publish() {
            self.registers
                .write(receive_ring + RING_TAIL, u32::from(tail));
        }
        if let Some(tail) = self.send.publish() {
            self.registers.write(send_ring + RING_TAIL, u32::from(tail));
        }
    }
}
