//! Sending and receiving frames.

use nic::{
    Card, DmaMemory, Events, Hardware, InitError, Link, MappedRegisters, Nic, NicFault, Received,
    Registers,
};
use runtime::capability::BusRange;
use runtime::port::Frame;
use runtime::protocol::Mac;
use runtime::shared::SharedMemory;

use crate::registers::*;
use crate::ring::{ReceiveQueue, SendQueue};
use crate::setup;
use crate::shared::{EVENT_LINK, EVENT_STOPPED, SHARED_BYTES, Shared, Way};

/// A running card.
#[derive(Debug)]
pub struct Vmxnet3<R> {
    /// The registers of the rings, and the others.
    rings: R,
    control: R,
    mac: Option<Mac>,
    shared: Shared,
    receive: ReceiveQueue,
    send: SendQueue,
    /// Whether the card has reported that it stopped a queue.
    is_stopped: bool,
}

/// A card that does not run yet, and the zeroed memory for its queues.
pub struct Stopped<R> {
    rings: R,
    control: R,
    memory: DmaMemory,
}

impl Stopped<MappedRegisters> {
    /// Finds the card that root handed over.
    ///
    /// # Errors
    /// The reason it cannot be used.
    pub fn find(hardware: &Hardware) -> Result<Self, InitError> {
        let identity = hardware.identity()?;
        if (identity.vendor, identity.device) != (VENDOR, DEVICE) {
            return Err(InitError::Unknown(identity));
        }
        let rings = hardware.registers(RINGS_REGION, RINGS_REGION_BYTES)?;
        let control = hardware.registers(CONTROL_REGION, CONTROL_REGION_BYTES)?;
        let memory = hardware.dma_memory(SHARED_BYTES, BusRange::ALL)?;
        Ok(Stopped {
            rings,
            control,
            memory,
        })
    }
}

impl<R: Registers> Card for Stopped<R> {
    type Nic = Vmxnet3<R>;
    type Error = InitError;

    fn reset(&mut self) -> Result<(), InitError> {
        setup::reset(&self.control)
    }

    fn start(self) -> Result<Vmxnet3<R>, InitError> {
        let Stopped {
            rings,
            control,
            memory,
        } = self;
        let mac = setup::mac(&control);
        let shared = Shared::new(memory);
        setup::activate(&rings, &control, shared.address())?;
        // The card clears the rings of completions when it is activated.
        let mut nic = Vmxnet3 {
            rings,
            control,
            mac,
            receive: ReceiveQueue::new(shared.queue(Way::Receive)),
            send: SendQueue::new(shared.queue(Way::Send)),
            shared,
            is_stopped: false,
        };
        nic.publish();
        Ok(nic)
    }
}

impl<R: Registers> Vmxnet3<R> {
    fn check(&self) -> Result<(), NicFault> {
        if self.is_stopped {
            return Err(NicFault("has stopped a queue"));
        }
        Ok(())
    }
}

impl<R: Registers> Nic for Vmxnet3<R> {
    fn mac(&self) -> Option<Mac> {
        self.mac
    }

    fn link(&mut self) -> Option<Link> {
        Some(setup::link(&self.control))
    }

    fn acknowledge(&mut self) -> Events {
        let events = self.shared.events();
        if events != 0 {
            self.control.write(EVENTS, events);
        }
        self.is_stopped |= events & EVENT_STOPPED != 0;
        Events {
            link: events & EVENT_LINK != 0,
            lost: 0,
            ..Events::default()
        }
    }

    fn has_frame(&self) -> bool {
        self.receive.has_frame()
    }

    fn receive(&mut self, into: SharedMemory<'_>) -> Result<Option<Received>, NicFault> {
        self.check()?;
        self.receive.receive(into)
    }

    fn has_space(&mut self) -> Result<bool, NicFault> {
        self.check()?;
        self.send.has_space()
    }

    fn send(&mut self, frame: &Frame<'_>) {
        self.send.send(frame);
    }

    /// The card's one interrupt is for both directions.
    fn set_space_interrupt(&mut self, _: bool) {}

    fn publish(&mut self) {
        if let Some(tail) = self.receive.publish() {
            self.rings.write(RECEIVE_TAIL, u32::from(tail));
        }
        if let Some(tail) = self.send.publish() {
            self.rings.write(SEND_TAIL, u32::from(tail));
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::fake::{FakeNic, Fault};
    use nic::DmaAddress;
    use nic::host::contract::{self, BUFFERS, NicModel};
    use nic::host::{receive_all, send};
    use runtime::host::shared_memory;
    use runtime::port::FRAME_BYTES_MAX;
    use std::vec;

    fn memory() -> DmaMemory {
        let memory = shared_memory(SHARED_BYTES);
        DmaMemory::new(memory, DmaAddress::new(0x7_5000_0000))
    }

    fn stopped(fake: &FakeNic, memory: DmaMemory) -> Stopped<FakeNic> {
        Stopped {
            rings: fake.rings(),
            control: fake.control(),
            memory,
        }
    }

    fn start(fake: &FakeNic, memory: DmaMemory) -> Result<Vmxnet3<FakeNic>, InitError> {
        nic::host::start(stopped(fake, memory), fake)
    }

    fn started() -> (Vmxnet3<FakeNic>, FakeNic) {
        let memory = memory();
        let fake = FakeNic::new(memory);
        let nic = start(&fake, memory).expect("a card that works");
        (nic, fake)
    }

    #[test]
    fn is_reset_whatever_state_it_was_in_and_has_its_address() {
        let memory = memory();
        let fake = FakeNic::new(memory);
        let card = || stopped(&fake, memory);
        let mut nic = contract::is_reset_before_it_masters_the_bus(card, &fake);
        contract::is_ready(&mut nic, &fake, 10_000);
    }

    #[test]
    fn frames_are_received_and_sent_over_many_rounds_of_the_rings() {
        let (mut nic, fake) = started();
        contract::carries_frames_both_ways(&mut nic, &fake);
    }

    #[test]
    fn a_short_frame_is_padded() {
        let (mut nic, fake) = started();
        contract::fills_short_frames_up(&mut nic, &fake);
    }

    #[test]
    fn frames_beyond_the_buffers_are_lost() {
        let (mut nic, fake) = started();
        contract::loses_frames_beyond(&mut nic, &fake, BUFFERS);
    }

    #[test]
    fn a_full_ring_has_space_when_its_frames_are_sent() {
        let (mut nic, fake) = started();
        fake.hold_sending(true);
        for _ in 0..BUFFERS {
            assert!(send(&mut nic, &[3; 60]));
        }
        assert!(!send(&mut nic, &[4; 60]));
        fake.hold_sending(false);
        assert!(fake.takes_interrupt() && nic.has_space().unwrap());
        assert_eq!(fake.sent().len(), BUFFERS);
    }

    #[test]
    fn skipped_buffers_are_lent_again() {
        let (mut nic, fake) = started();
        for _ in 0..100 {
            fake.skip_buffers(40);
            assert!(fake.deliver(&[7; 64]));
            assert_eq!(receive_all(&mut nic), [Some(vec![7; 64])]);
        }
    }

    #[test]
    fn a_change_of_the_link_is_an_event() {
        let (mut nic, fake) = started();
        contract::reports_each_change_of_the_link(&mut nic, &fake);
        contract::reports_a_change_of_the_link_beside_a_frame(&mut nic, &fake);
    }

    #[test]
    fn a_card_that_violates_its_contract_loses_only_its_own_frames() {
        for fault in [
            Fault::Length(0),
            Fault::Length(1515),
            Fault::Length(2048),
            Fault::Error,
            Fault::Unended,
        ] {
            let (mut nic, fake) = started();
            fake.fault(fault);
            contract::drops_invalid_frames(&mut nic, &fake);
        }
    }

    #[test]
    fn an_impossible_completion_ends_the_driver() {
        for fault in [
            Fault::Length(0x3fff),
            Fault::Index(127),
            Fault::Index(0xfff),
        ] {
            let (mut nic, fake) = started();
            fake.fault(fault);
            assert!(fake.deliver(&[5; 100]));
            assert!(
                nic.receive(shared_memory(FRAME_BYTES_MAX)).is_err(),
                "{fault:?}"
            );
            let (mut nic, fake) = started();
            fake.fault(Fault::Index(5));
            send(&mut nic, &[5; 100]);
            assert!(nic.has_space().is_err());
        }
        let (mut nic, fake) = started();
        fake.fault(Fault::Everywhere);
        let into = shared_memory(FRAME_BYTES_MAX);
        assert!((0..1000).any(|_| nic.receive(into).is_err()));
    }

    #[test]
    fn a_stopped_queue_ends_the_driver() {
        let (mut nic, fake) = started();
        fake.stop_queue();
        nic.acknowledge();
        assert!(nic.has_space().is_err());
        assert!(nic.receive(shared_memory(FRAME_BYTES_MAX)).is_err());
    }

    #[test]
    fn a_card_of_another_version_or_that_cannot_be_activated_is_not_used() {
        for (fault, error) in [
            (Fault::NoVersion, InitError::Version),
            (Fault::NoActivation, InitError::Rings),
        ] {
            let memory = memory();
            let fake = FakeNic::new(memory);
            fake.fault(fault);
            assert_eq!(start(&fake, memory).err(), Some(error));
        }
    }
}
