//! Sending and receiving frames.

use nic::ring::RING_BYTES;
use nic::{
    Card, CardFault, DmaMemory, Events, Hardware, Link, MappedRegisters, ReceiveRing, Received,
    Registers, SendRing,
};
use runtime::capability::BusRange;
use runtime::port::{FRAME_BYTES_MAX, Frame};
use runtime::protocol::Mac;

use crate::descriptor::Legacy;
use crate::model::Model;
use crate::registers::{
    CAUSE_LINK, CAUSE_OVERRUN, CAUSE_SENT, ICR, IMC, IMS, MISSED, RECEIVE_RING, REGISTERS_BYTES,
    RING_TAIL, SEND_RING,
};
use crate::setup::{self, InitError};

/// A ring for each way.
const RINGS_BYTES: usize = 2 * RING_BYTES;

/// A running card.
#[derive(Debug)]
pub struct E1000<R> {
    registers: R,
    mac: Option<Mac>,
    receive: ReceiveRing<Legacy>,
    send: SendRing<Legacy>,
    has_space_interrupt: bool,
}

impl E1000<MappedRegisters> {
    /// Initialises the card that root handed over.
    ///
    /// # Errors
    /// The reason it cannot be used.
    pub fn open(hardware: &Hardware) -> Result<Self, InitError> {
        let configuration = hardware.configuration().ok_or(InitError::NotProvided)?;
        let model = Model::of(&configuration).map_err(InitError::Unknown)?;
        let region = hardware.region(0);
        let region = region.filter(|region| region.bytes() >= REGISTERS_BYTES);
        let registers = MappedRegisters::new(region.ok_or(InitError::NoRegisters)?);
        let memory = hardware.dma_memory(RINGS_BYTES, BusRange::ALL);
        E1000::start(registers, model, memory.map_err(InitError::Memory)?)
    }
}

impl<R: Registers> E1000<R> {
    /// Resets and starts a card, with its rings in this zeroed memory.
    fn start(registers: R, model: Model, memory: DmaMemory) -> Result<E1000<R>, InitError> {
        setup::reset(&registers, model)?;
        let receive = ReceiveRing::new(memory.part(0, RING_BYTES));
        let send = SendRing::new(memory.part(RING_BYTES, RING_BYTES));
        let mac = setup::mac(&registers);
        setup::start(&registers, model, receive.address(), send.address());
        let mut card = E1000 {
            registers,
            mac,
            receive,
            send,
            has_space_interrupt: false,
        };
        card.publish();
        Ok(card)
    }
}

impl<R: Registers> Card for E1000<R> {
    fn mac(&self) -> Option<Mac> {
        self.mac
    }

    fn link(&mut self) -> Option<Link> {
        Some(setup::link(&self.registers))
    }

    fn acknowledge(&mut self) -> Events {
        let causes = self.registers.read(ICR);
        let has_lost = causes & CAUSE_OVERRUN != 0;
        Events {
            link: causes & CAUSE_LINK != 0,
            lost: if has_lost {
                self.registers.read(MISSED)
            } else {
                0
            },
        }
    }

    fn has_frame(&self) -> bool {
        self.receive.has_frame()
    }

    fn receive(&mut self, into: &mut [u8; FRAME_BYTES_MAX]) -> Result<Option<Received>, CardFault> {
        self.receive.receive(into)
    }

    fn has_space(&mut self) -> Result<bool, CardFault> {
        Ok(self.send.has_space())
    }

    fn send(&mut self, frame: &Frame<'_>) {
        self.send.send(frame);
    }

    fn set_space_interrupt(&mut self, wanted: bool) {
        if self.has_space_interrupt != wanted {
            self.has_space_interrupt = wanted;
            let register = if wanted { IMS } else { IMC };
            self.registers.write(register, CAUSE_SENT);
        }
    }

    fn publish(&mut self) {
        if let Some(tail) = self.receive.publish() {
            self.registers
                .write(RECEIVE_RING + RING_TAIL, u32::from(tail));
        }
        if let Some(tail) = self.send.publish() {
            self.registers.write(SEND_RING + RING_TAIL, u32::from(tail));
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::fake::{FakeCard, Lie};
    use nic::DmaAddress;
    use runtime::host::shared_memory;
    use runtime::port::layout::PORT_BYTES;
    use runtime::port::{Port, Side};
    use std::vec;
    use std::vec::Vec;

    const MODELS: [Model; 2] = [Model::I82540em, Model::I82574l];

    fn start(model: Model) -> (E1000<FakeCard>, FakeCard) {
        let memory = DmaMemory::new(shared_memory(RINGS_BYTES), DmaAddress::new(0x7_5000_0000));
        let fake = FakeCard::new(memory);
        let card = E1000::start(fake.clone(), model, memory).expect("a card that works");
        (card, fake)
    }

    fn receive_all(card: &mut E1000<FakeCard>) -> Vec<Option<Vec<u8>>> {
        let mut into = [0; FRAME_BYTES_MAX];
        let mut received = Vec::new();
        while let Some(frame) = card.receive(&mut into).unwrap() {
            received.push(match frame {
                Received::Frame(bytes) => Some(into[..bytes].to_vec()),
                Received::Invalid => None,
            });
            assert!(received.len() <= 1000, "endless");
        }
        card.publish();
        received
    }

    /// Sends a frame as the bridge does; returns whether there was space.
    fn send(card: &mut E1000<FakeCard>, bytes: &[u8]) -> bool {
        let link = shared_memory(PORT_BYTES);
        let near = Port::try_new(link, Side::Switch).unwrap();
        near.outgoing().send(bytes).unwrap();
        let far = Port::try_new(link, Side::Domain).unwrap();
        let has_space = card.has_space().unwrap();
        card.send(&far.incoming().peek().unwrap().unwrap());
        card.publish();
        has_space
    }

    #[test]
    fn is_reset_whatever_state_it_was_in_and_has_its_address() {
        for model in MODELS {
            let memory = DmaMemory::new(shared_memory(RINGS_BYTES), DmaAddress::new(0x1000));
            let fake = FakeCard::new(memory);
            fake.leave_running();
            let mut card = E1000::start(fake.clone(), model, memory).unwrap();
            assert_eq!(card.mac(), Some(Mac([0x52, 0x54, 0, 0xca, 0x7a, 1])));
            let up = Link::Up {
                megabits_per_second: 1000,
            };
            assert_eq!(card.link(), Some(up));
            assert!(fake.is_promiscuous());
        }
    }

    #[test]
    fn frames_come_and_go_over_many_rounds_of_the_rings() {
        for model in MODELS {
            let (mut card, fake) = start(model);
            for round in 0..500_usize {
                let frame = vec![round as u8; 60 + round];
                assert!(fake.deliver(&frame));
                assert!(card.has_frame() && fake.takes_interrupt());
                assert_eq!(card.acknowledge(), Events::default());
                assert_eq!(receive_all(&mut card), [Some(frame.clone())]);
                assert!(send(&mut card, &frame));
                assert_eq!(fake.sent(), [frame]);
            }
        }
    }

    #[test]
    fn a_short_frame_is_filled_up() {
        let (mut card, fake) = start(Model::I82540em);
        send(&mut card, &[9; 42]);
        let expected = [[9; 42].as_slice(), &[0; 18]].concat();
        assert_eq!(fake.sent(), [expected]);
    }

    #[test]
    fn what_has_no_buffer_is_lost_and_counted() {
        let (mut card, fake) = start(Model::I82574l);
        let delivered = (0..200).filter(|_| fake.deliver(&[1; 60])).count();
        assert_eq!(delivered, 127);
        let events = card.acknowledge();
        assert_eq!(events.lost, 73);
        assert_eq!(receive_all(&mut card).len(), 127);
        assert!(fake.deliver(&[2; 60]));
        assert_eq!(card.acknowledge().lost, 0);
    }

    #[test]
    fn the_interrupt_for_space_is_masked_until_it_is_wanted() {
        let (mut card, fake) = start(Model::I82540em);
        fake.hold_sending(true);
        while card.has_space().unwrap() {
            send(&mut card, &[3; 60]);
        }
        card.acknowledge();
        card.set_space_interrupt(true);
        assert!(!fake.takes_interrupt());
        fake.hold_sending(false);
        assert!(fake.takes_interrupt() && card.has_space().unwrap());
        card.set_space_interrupt(false);
        send(&mut card, &[3; 60]);
        assert!(!fake.takes_interrupt());
    }

    #[test]
    fn a_change_of_the_link_is_an_event() {
        let (mut card, fake) = start(Model::I82574l);
        fake.unplug();
        assert!(fake.takes_interrupt() && card.acknowledge().link);
        assert_eq!(card.link(), Some(Link::Down));
    }

    #[test]
    fn a_card_that_lies_costs_no_more_than_its_frames() {
        for lie in [
            Lie::Length(0),
            Lie::Length(1515),
            Lie::Length(2048),
            Lie::Error,
            Lie::Unended,
        ] {
            let (mut card, fake) = start(Model::I82574l);
            fake.lie(lie);
            for _ in 0..300 {
                assert!(fake.deliver(&[5; 100]));
                assert_eq!(receive_all(&mut card), [None], "{lie:?}");
            }
        }
        // Heads and tails anywhere, and descriptors that it was never lent.
        let (mut card, fake) = start(Model::I82540em);
        fake.lie(Lie::Everywhere);
        assert_eq!(receive_all(&mut card).len(), 127);
        for _ in 0..300 {
            send(&mut card, &[6; 60]);
        }
    }

    #[test]
    fn a_frame_that_cannot_be_in_its_buffer_ends_the_driver() {
        let (mut card, fake) = start(Model::I82574l);
        fake.lie(Lie::Length(u16::MAX));
        assert!(fake.deliver(&[5; 100]));
        assert!(card.receive(&mut [0; FRAME_BYTES_MAX]).is_err());
    }

    #[test]
    fn a_card_that_never_resets_is_not_used() {
        let memory = DmaMemory::new(shared_memory(RINGS_BYTES), DmaAddress::new(0x1000));
        let fake = FakeCard::new(memory);
        fake.lie(Lie::NoReset);
        let result = E1000::start(fake, Model::I82540em, memory);
        assert_eq!(result.err(), Some(InitError::Reset));
    }
}
