//! Sending and receiving frames.

use nic::ring::RING_BYTES;
use nic::{
    Card, DmaMemory, Events, Hardware, InitError, Link, MappedRegisters, NarrowRegisters, Nic,
    NicFault, ReceiveRing, Received, SendRing,
};
use runtime::capability::BusRange;
use runtime::port::Frame;
use runtime::protocol::Mac;
use runtime::shared::SharedMemory;

use crate::descriptor::Owned;
use crate::interrupts;
use crate::model::Model;
use crate::registers::*;
use crate::setup;

/// One ring per direction.
const RINGS_BYTES: usize = 2 * RING_BYTES;
const SPACE_CAUSES: u16 = CAUSE_SENT | CAUSE_SEND_ERROR;

/// A running card.
#[derive(Debug)]
pub struct Realtek<R> {
    registers: R,
    model: Model,
    mac: Option<Mac>,
    receive: ReceiveRing<Owned>,
    send: SendRing<Owned>,
    has_space_interrupt: bool,
}

/// A card that does not run yet, and the zeroed memory for its rings.
pub struct Stopped<R> {
    registers: R,
    model: Model,
    memory: DmaMemory,
}

impl Stopped<MappedRegisters> {
    /// Finds the card that root handed over.
    ///
    /// # Errors
    /// The reason it cannot be used.
    pub fn find(hardware: &Hardware) -> Result<Self, InitError> {
        let configuration = hardware.configuration().ok_or(InitError::NotProvided)?;
        let model = Model::of(&configuration)?;
        let registers = hardware.registers(model.region(), model.registers_bytes())?;
        // Addresses beyond 4 GiB take a bus cycle that some boards do not forward.
        let memory = hardware.dma_memory(RINGS_BYTES, BusRange::BELOW_4_GIB)?;
        Ok(Stopped {
            registers,
            model,
            memory,
        })
    }
}

impl<R: NarrowRegisters> Card for Stopped<R> {
    type Nic = Realtek<R>;
    type Error = InitError;

    fn reset(&mut self) -> Result<(), InitError> {
        setup::reset(&self.registers, self.model)
    }

    fn start(self) -> Result<Realtek<R>, InitError> {
        let Stopped {
            registers,
            model,
            memory,
        } = self;
        let receive = ReceiveRing::new(memory.part(0, RING_BYTES));
        let send = SendRing::new(memory.part(RING_BYTES, RING_BYTES));
        setup::start(&registers, model, receive.address(), send.address());
        Ok(Realtek {
            mac: setup::mac(&registers),
            registers,
            model,
            receive,
            send,
            has_space_interrupt: false,
        })
    }
}

impl<R: NarrowRegisters> Realtek<R> {
    /// Makes the card look for frames to send.
    fn poll(&self) {
        match self.model {
            Model::Rtl8139Plus => self.registers.write_byte(POLL_8139, POLL_SEND),
            Model::Rtl8168 => self.registers.write_byte(POLL_8168, POLL_SEND),
            Model::Rtl8125 => self.registers.write_half(POLL_8125, POLL_8125_SEND),
        }
    }

    /// The number of frames lost since the last call, after the card has reported a loss. Only an 8139 counts them; on the others
    /// it is one.
    fn take_lost(&self) -> u32 {
        match self.model {
            Model::Rtl8139Plus => {
                let missed = self.registers.read(MISSED) & MISSED_BITS;
                self.registers.write(MISSED, 0);
                missed
            }
            Model::Rtl8168 | Model::Rtl8125 => 1,
        }
    }
}

impl<R: NarrowRegisters> Nic for Realtek<R> {
    fn mac(&self) -> Option<Mac> {
        self.mac
    }

    fn link(&mut self) -> Option<Link> {
        Some(setup::link(&self.registers, self.model))
    }

    fn acknowledge(&mut self) -> Events {
        let causes = interrupts::take_causes(&self.registers, self.model);
        // An 8168 may miss a poll that follows another one closely.
        if causes & CAUSE_SENT != 0 && !self.send.is_empty() {
            self.poll();
        }
        let has_lost = causes & (CAUSE_NO_BUFFER | CAUSE_OVERFLOW) != 0;
        Events {
            link: causes & CAUSE_LINK != 0,
            lost: if has_lost { self.take_lost() } else { 0 },
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
            let space = if wanted { SPACE_CAUSES } else { 0 };
            let causes = interrupts::usual_causes(self.model) | space;
            interrupts::set_mask(&self.registers, self.model, causes);
        }
    }

    /// Free buffers need no register access: the card reads their descriptors.
    fn publish(&mut self) {
        let _ = self.receive.publish();
        if self.send.publish().is_some() {
            self.poll();
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::fake::{FakeNic, Fault};
    use nic::DmaAddress;
    use nic::host::contract::{self, NicModel};
    use nic::host::{receive_all, send};
    use runtime::host::shared_memory;
    use runtime::port::FRAME_BYTES_MAX;

    /// The number of buffers that a ring can lend: one descriptor always stays free.
    const BUFFERS: usize = <Owned as nic::Layout>::SIZE as usize - 1;

    const MODELS: [Model; 3] = [Model::Rtl8139Plus, Model::Rtl8168, Model::Rtl8125];

    fn stopped(fake: &FakeNic, model: Model, memory: DmaMemory) -> Stopped<FakeNic> {
        Stopped {
            registers: fake.clone(),
            model,
            memory,
        }
    }

    fn start(
        fake: FakeNic,
        model: Model,
        memory: DmaMemory,
    ) -> Result<Realtek<FakeNic>, InitError> {
        nic::host::start(stopped(&fake, model, memory), &fake)
    }

    fn started(model: Model) -> (Realtek<FakeNic>, FakeNic) {
        let memory = DmaMemory::new(shared_memory(RINGS_BYTES), DmaAddress::new(0x7500_0000));
        let fake = FakeNic::new(model, memory);
        let nic = start(fake.clone(), model, memory).expect("a card that works");
        (nic, fake)
    }

    #[test]
    fn is_reset_whatever_state_it_was_in_and_has_its_address() {
        for model in MODELS {
            let memory = DmaMemory::new(shared_memory(RINGS_BYTES), DmaAddress::new(0x1000));
            let fake = FakeNic::new(model, memory);
            let card = || stopped(&fake, model, memory);
            let mut nic = contract::is_reset_before_it_masters_the_bus(card, &fake);
            let speed = if model == Model::Rtl8125 { 2500 } else { 100 };
            contract::is_ready(&mut nic, &fake, speed);
            fake.deliver(&[1; 60]);
            assert!(fake.takes_interrupt());
        }
    }

    #[test]
    fn frames_are_received_and_sent_over_many_rounds_of_the_rings() {
        for model in MODELS {
            let (mut nic, fake) = started(model);
            contract::carries_frames_both_ways(&mut nic, &fake);
        }
    }

    #[test]
    fn a_short_frame_is_padded() {
        let (mut nic, fake) = started(Model::Rtl8139Plus);
        contract::fills_short_frames_up(&mut nic, &fake);
    }

    #[test]
    fn frames_beyond_the_buffers_are_lost_and_counted() {
        // Only an 8139 counts lost frames.
        for (model, lost) in MODELS.into_iter().zip([73, 1, 1]) {
            let (mut nic, fake) = started(model);
            let reported = contract::loses_frames_beyond(&mut nic, &fake, BUFFERS);
            assert_eq!(reported, lost);
        }
    }

    #[test]
    fn the_interrupt_for_space_is_masked_until_it_is_wanted() {
        let (mut nic, fake) = started(Model::Rtl8139Plus);
        contract::interrupts_for_space_if_wanted(&mut nic, &fake);
    }

    #[test]
    fn a_missed_poll_is_repeated_when_a_frame_was_sent() {
        for model in [Model::Rtl8168, Model::Rtl8125] {
            let (mut nic, fake) = started(model);
            fake.miss_polls(true);
            send(&mut nic, &[1; 60]);
            send(&mut nic, &[2; 60]);
            fake.send_one();
            assert_eq!(fake.sent().len(), 1);
            fake.miss_polls(false);
            assert!(fake.takes_interrupt());
            nic.acknowledge();
            assert_eq!(fake.sent(), [[2; 60]]);
        }
    }

    #[test]
    fn a_change_of_the_link_is_an_event() {
        for model in [Model::Rtl8168, Model::Rtl8125] {
            let (mut nic, fake) = started(model);
            contract::reports_each_change_of_the_link(&mut nic, &fake);
            contract::reports_a_change_of_the_link_beside_a_frame(&mut nic, &fake);
        }
    }

    #[test]
    fn a_card_that_violates_its_contract_loses_only_its_own_frames() {
        for fault in [
            Fault::Length(0),
            Fault::Length(1519),
            Fault::Length(2048),
            Fault::Error,
            Fault::Unended,
        ] {
            let (mut nic, fake) = started(Model::Rtl8168);
            fake.fault(fault);
            contract::drops_invalid_frames(&mut nic, &fake);
        }
        // Descriptors that were never given to the card are marked as completed.
        let (mut nic, fake) = started(Model::Rtl8139Plus);
        fake.fault(Fault::Everywhere);
        assert_eq!(receive_all(&mut nic).len(), BUFFERS);
        for _ in 0..300 {
            send(&mut nic, &[6; 60]);
        }
    }

    #[test]
    fn a_frame_larger_than_its_buffer_ends_the_driver() {
        let (mut nic, fake) = started(Model::Rtl8168);
        fake.fault(Fault::Length(u16::MAX));
        assert!(fake.deliver(&[5; 100]));
        assert!(nic.receive(shared_memory(FRAME_BYTES_MAX)).is_err());
    }

    #[test]
    fn a_card_that_never_resets_is_not_used() {
        let memory = DmaMemory::new(shared_memory(RINGS_BYTES), DmaAddress::new(0x1000));
        let fake = FakeNic::new(Model::Rtl8139Plus, memory);
        fake.fault(Fault::NoReset);
        let result = start(fake, Model::Rtl8139Plus, memory);
        assert_eq!(result.err(), Some(InitError::Reset));
    }
}
