//! Opens a card. The running card is a [`Gigabit`].

use nic::intel::gigabit::Gigabit;
use nic::ring::RING_BYTES;
use nic::{
    Card, DmaMemory, Hardware, InitError, MappedRegisters, ReceiveRing, Registers, SendRing,
};
use runtime::capability::BusRange;

use crate::descriptor::Advanced;
use crate::model::Model;
use crate::registers::REGISTERS_BYTES;
use crate::setup;

/// One ring per direction.
const RINGS_BYTES: usize = 2 * RING_BYTES;

/// A running card.
type Igb<R> = Gigabit<R, Advanced>;

/// A card that does not run yet, and the zeroed memory for its rings.
pub struct Stopped<R> {
    registers: R,
    model: Model,
    memory: DmaMemory,
}

/// Finds the card that root handed over.
///
/// # Errors
/// The reason it cannot be used.
pub fn find(hardware: &Hardware) -> Result<Stopped<MappedRegisters>, InitError> {
    Ok(Stopped {
        model: Model::of(hardware.identity()?)?,
        registers: hardware.registers(0, REGISTERS_BYTES)?,
        memory: hardware.dma_memory(RINGS_BYTES, BusRange::ALL)?,
    })
}

impl<R: Registers> Card for Stopped<R> {
    type Nic = Igb<R>;
    type Error = InitError;

    fn reset(&mut self) -> Result<(), InitError> {
        setup::reset(&self.registers, self.model)
    }

    fn start(self) -> Result<Igb<R>, InitError> {
        let Stopped {
            registers,
            model,
            memory,
        } = self;
        let receive = ReceiveRing::new(memory.part(0, RING_BYTES));
        let send = SendRing::new(memory.part(RING_BYTES, RING_BYTES));
        setup::start(&registers, model, receive.address(), send.address())?;
        Ok(Gigabit::new(registers, model.offsets(), receive, send))
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::descriptor::shape;
    use crate::registers::{RECEIVE_BUFFERS, STATUS, STATUS_LINK_UP};
    use nic::host::contract::{self, BUFFERS, NicModel};
    use nic::host::{receive_all, send};
    use nic::intel::fake::{Ending, FakeNic, Fault};
    use nic::{DmaAddress, Link, Nic};
    use runtime::host::shared_memory;
    use runtime::port::FRAME_BYTES_MAX;

    const MODELS: [Model; 5] = [
        Model::I82576,
        Model::I350,
        Model::I210,
        Model::I211,
        Model::I225,
    ];

    fn stopped(fake: &FakeNic, model: Model, memory: DmaMemory) -> Stopped<FakeNic> {
        Stopped {
            registers: fake.clone(),
            model,
            memory,
        }
    }

    fn start(fake: FakeNic, model: Model, memory: DmaMemory) -> Result<Igb<FakeNic>, InitError> {
        nic::host::start(stopped(&fake, model, memory), &fake)
    }

    fn started(model: Model) -> (Igb<FakeNic>, FakeNic) {
        let memory = DmaMemory::new(shared_memory(RINGS_BYTES), DmaAddress::new(0x7_5000_0000));
        let fake = FakeNic::new(shape(model), memory);
        let nic = start(fake.clone(), model, memory).expect("a card that works");
        (nic, fake)
    }

    #[test]
    fn is_reset_whatever_state_it_was_in_and_has_its_address() {
        for model in MODELS {
            let memory = DmaMemory::new(shared_memory(RINGS_BYTES), DmaAddress::new(0x1000));
            let fake = FakeNic::new(shape(model), memory);
            let card = || stopped(&fake, model, memory);
            let mut nic = contract::is_reset_before_it_masters_the_bus(card, &fake);
            let speed = if model == Model::I225 { 2500 } else { 1000 };
            contract::is_ready(&mut nic, &fake, speed);
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
        let (mut nic, fake) = started(Model::I82576);
        contract::fills_short_frames_up(&mut nic, &fake);
    }

    #[test]
    fn frames_beyond_the_buffers_are_lost_and_counted() {
        for model in MODELS {
            let (mut nic, fake) = started(model);
            assert_eq!(contract::loses_frames_beyond(&mut nic, &fake, BUFFERS), 73);
        }
    }

    #[test]
    fn the_interrupt_for_space_is_masked_until_it_is_wanted() {
        for model in MODELS {
            let (mut nic, fake) = started(model);
            contract::interrupts_for_space_if_wanted(&mut nic, &fake);
        }
    }

    #[test]
    fn a_change_of_the_link_is_an_event() {
        for model in MODELS {
            let (mut nic, fake) = started(model);
            contract::reports_each_change_of_the_link(&mut nic, &fake);
            contract::reports_a_change_of_the_link_beside_a_frame(&mut nic, &fake);
        }
    }

    #[test]
    fn a_card_that_violates_its_contract_loses_only_its_own_frames() {
        for fault in [
            Fault::Length(0),
            Fault::Length(1515),
            Fault::Length(2048),
            Fault::Ending(Ending::Damaged),
            Fault::Ending(Ending::Missing),
        ] {
            let (mut nic, fake) = started(Model::I210);
            fake.fault(fault);
            contract::drops_invalid_frames(&mut nic, &fake);
        }
        // Registers have impossible values, and descriptors that were never given to the card are marked as completed.
        let (mut nic, fake) = started(Model::I82576);
        fake.fault(Fault::Everywhere);
        assert_eq!(receive_all(&mut nic).len(), BUFFERS);
        for _ in 0..300 {
            send(&mut nic, &[6; 60]);
        }
    }

    #[test]
    fn a_frame_larger_than_its_buffer_ends_the_driver() {
        let (mut nic, fake) = started(Model::I210);
        fake.fault(Fault::Length(u16::MAX));
        assert!(fake.deliver(&[5; 100]));
        assert!(nic.receive(shared_memory(FRAME_BYTES_MAX)).is_err());
    }

    #[test]
    fn a_card_that_never_resets_is_not_used() {
        let memory = DmaMemory::new(shared_memory(RINGS_BYTES), DmaAddress::new(0x1000));
        let fake = FakeNic::new(shape(Model::I82576), memory);
        fake.fault(Fault::NoReset);
        let result = start(fake, Model::I82576, memory);
        assert_eq!(result.err(), Some(InitError::Reset));
    }

    #[test]
    fn a_phy_without_power_is_woken() {
        for model in [Model::I350, Model::I225] {
            let memory = DmaMemory::new(shared_memory(RINGS_BYTES), DmaAddress::new(0x1000));
            let fake = FakeNic::new(shape(model), memory);
            fake.power_phy_down();
            let mut nic = start(fake, model, memory).expect("a card that works");
            assert_ne!(nic.link(), Some(Link::Down));
        }
    }

    #[test]
    fn a_link_of_a_faster_card_may_have_any_speed() {
        let (mut nic, fake) = started(Model::I225);
        let speeds = [
            (0, 10),
            (1 << 6, 100),
            (2 << 6, 1000),
            (2 << 6 | 1 << 22, 2500),
        ];
        for (bits, megabits_per_second) in speeds {
            fake.write(STATUS, STATUS_LINK_UP | bits);
            let up = Link::Up {
                megabits_per_second,
            };
            assert_eq!(nic.link(), Some(up));
        }
    }

    #[test]
    fn a_card_whose_rings_do_not_start_is_not_used() {
        let memory = DmaMemory::new(shared_memory(RINGS_BYTES), DmaAddress::new(0x1000));
        let fake = FakeNic::new(shape(Model::I350), memory);
        fake.fault(Fault::NoRings);
        let result = start(fake, Model::I350, memory);
        assert_eq!(result.err(), Some(InitError::Rings));
    }

    #[test]
    fn packet_buffers_that_an_earlier_driver_divided_are_reset_to_their_initial_sizes() {
        for (model, bytes) in [
            (Model::I210, 0xa2),
            (Model::I211, 0x7777),
            (Model::I225, 0xa2),
        ] {
            let memory = DmaMemory::new(shared_memory(RINGS_BYTES), DmaAddress::new(0x1000));
            let fake = FakeNic::new(shape(model), memory);
            fake.write(RECEIVE_BUFFERS, 0x7777);
            start(fake.clone(), model, memory).expect("a card that works");
            assert_eq!(fake.register(RECEIVE_BUFFERS), bytes);
        }
    }
}
