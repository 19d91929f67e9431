//! Opens a card. The running card is a [`Gigabit`].

use nic::intel::gigabit::Gigabit;
use nic::ring::RING_BYTES;
use nic::{
    Card, DmaMemory, Hardware, Identity, InitError, MappedRegisters, ReceiveRing, Registers,
    SendRing,
};
use runtime::capability::BusRange;

use crate::chipset;
use crate::descriptor::Legacy;
use crate::model::Model;
use crate::registers::{OFFSETS, REGISTERS_BYTES};
use crate::setup;

/// One ring per direction.
const RINGS_BYTES: usize = 2 * RING_BYTES;

/// A running card.
type E1000<R> = Gigabit<R, Legacy>;

/// A card that does not run yet, and the zeroed memory for its rings.
pub struct Stopped<R> {
    registers: R,
    model: Model,
    memory: DmaMemory,
    /// Whether it is an I219 whose rings must be emptied before its reset. For that, it has to reach memory.
    has_pending_rings: bool,
}

/// Finds the card that root handed over.
///
/// # Errors
/// The reason it cannot be used.
pub fn find(hardware: &Hardware) -> Result<Stopped<MappedRegisters>, InitError> {
    let configuration = hardware.configuration().ok_or(InitError::NotProvided)?;
    let model = Model::of(Identity::of(&configuration))?;
    Ok(Stopped {
        registers: hardware.registers(0, REGISTERS_BYTES)?,
        model,
        memory: hardware.dma_memory(RINGS_BYTES, BusRange::ALL)?,
        has_pending_rings: chipset::has_pending_rings(model, &configuration),
    })
}

/// The parts of this memory for the receive and the send ring.
fn rings(memory: DmaMemory) -> [DmaMemory; 2] {
    [0, RING_BYTES].map(|at| memory.part(at, RING_BYTES))
}

impl<R: Registers> Card for Stopped<R> {
    type Nic = E1000<R>;
    type Error = InitError;

    /// An I219 on whose rings a reset would hang gets new rings in place of a reset, and is reset when those are empty.
    fn reset(&mut self) -> Result<(), InitError> {
        if self.has_pending_rings {
            let [receive, send] = rings(self.memory);
            chipset::replace_rings(&self.registers, [&receive, &send]);
            return Ok(());
        }
        setup::reset(&self.registers, self.model)
    }

    fn start(self) -> Result<E1000<R>, InitError> {
        let Stopped {
            registers, model, ..
        } = self;
        let [receive, send] = rings(self.memory);
        if self.has_pending_rings {
            chipset::empty_rings(&registers, &send);
            setup::reset(&registers, model)?;
        }
        let (receive, send) = (ReceiveRing::new(receive), SendRing::new(send));
        setup::start(&registers, model, receive.address(), send.address());
        Ok(Gigabit::new(registers, OFFSETS, receive, send))
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::fake::{Condition, FakeChipset, Power};
    use crate::phy;
    use crate::registers::{FEXTNVM, FEXTNVM_BY_SOFTWARE, PHY_CTRL, PHY_CTRL_NO_GIGABIT};
    use nic::host::contract::{self, BUFFERS, NicModel};
    use nic::host::{receive_all, send};
    use nic::identity::CONFIGURATION_BYTES;
    use nic::intel::fake::{Ending, FakeNic, Fault};
    use nic::{DmaAddress, Nic};
    use runtime::host::shared_memory;
    use runtime::port::FRAME_BYTES_MAX;

    const MODELS: [Model; 6] = [
        Model::I82540em,
        Model::I82574l,
        Model::I217,
        Model::I218,
        Model::I219Early,
        Model::I219Late,
    ];
    const CHIPSETS: [Model; 4] = [Model::I217, Model::I218, Model::I219Early, Model::I219Late];

    fn memory() -> DmaMemory {
        DmaMemory::new(shared_memory(RINGS_BYTES), DmaAddress::new(0x7_5000_0000))
    }

    fn fake_chipset(model: Model, condition: Condition) -> (FakeChipset, DmaMemory) {
        let memory = memory();
        (FakeChipset::new(model, condition, memory), memory)
    }

    fn stopped(fake: &FakeChipset, model: Model, memory: DmaMemory) -> Stopped<FakeChipset> {
        Stopped {
            registers: fake.clone(),
            model,
            memory,
            has_pending_rings: false,
        }
    }

    fn start(
        fake: FakeChipset,
        model: Model,
        memory: DmaMemory,
    ) -> Result<E1000<FakeChipset>, InitError> {
        nic::host::start(stopped(&fake, model, memory), &fake.nic)
    }

    fn started(model: Model) -> (E1000<FakeChipset>, FakeNic) {
        let (fake, memory) = fake_chipset(model, Condition::GOOD);
        let nic = start(fake.clone(), model, memory).expect("a card that works");
        (nic, fake.nic)
    }

    #[test]
    fn is_reset_whatever_state_it_was_in_and_has_its_address() {
        for model in MODELS {
            let (fake, memory) = fake_chipset(model, Condition::GOOD);
            let card = || stopped(&fake, model, memory);
            let mut nic = contract::is_reset_before_it_masters_the_bus(card, &fake.nic);
            contract::is_ready(&mut nic, &fake.nic, 1000);
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
        let (mut nic, fake) = started(Model::I82540em);
        contract::fills_short_frames_up(&mut nic, &fake);
    }

    #[test]
    fn frames_beyond_the_buffers_are_lost_and_counted() {
        let (mut nic, fake) = started(Model::I82574l);
        assert_eq!(contract::loses_frames_beyond(&mut nic, &fake, BUFFERS), 73);
    }

    #[test]
    fn the_interrupt_for_space_is_masked_until_it_is_wanted() {
        let (mut nic, fake) = started(Model::I82540em);
        contract::interrupts_for_space_if_wanted(&mut nic, &fake);
    }

    #[test]
    fn a_change_of_the_link_is_an_event() {
        let (mut nic, fake) = started(Model::I82574l);
        contract::reports_each_change_of_the_link(&mut nic, &fake);
        contract::reports_a_change_of_the_link_beside_a_frame(&mut nic, &fake);
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
            let (mut nic, fake) = started(Model::I82574l);
            fake.fault(fault);
            contract::drops_invalid_frames(&mut nic, &fake);
        }
        // Registers have impossible values, and descriptors that were never given to the card are marked as completed.
        let (mut nic, fake) = started(Model::I82540em);
        fake.fault(Fault::Everywhere);
        assert_eq!(receive_all(&mut nic).len(), BUFFERS);
        for _ in 0..300 {
            send(&mut nic, &[6; 60]);
        }
    }

    #[test]
    fn a_frame_larger_than_its_buffer_ends_the_driver() {
        let (mut nic, fake) = started(Model::I82574l);
        fake.fault(Fault::Length(u16::MAX));
        assert!(fake.deliver(&[5; 100]));
        assert!(nic.receive(shared_memory(FRAME_BYTES_MAX)).is_err());
    }

    #[test]
    fn a_card_that_never_resets_is_not_used() {
        for model in MODELS {
            let (fake, memory) = fake_chipset(model, Condition::GOOD);
            fake.nic.fault(Fault::NoReset);
            let result = start(fake, model, memory);
            assert_eq!(result.err(), Some(InitError::Reset));
        }
    }

    #[test]
    fn a_phy_is_reached_whatever_state_it_was_in_and_reset_if_firmware_allows_that() {
        for model in CHIPSETS {
            for power in [Power::Awake, Power::BySmbus, Power::Stuck] {
                for has_firmware in [true, false] {
                    let (fake, memory) = fake_chipset(
                        model,
                        Condition {
                            power,
                            has_firmware,
                            ..Condition::GOOD
                        },
                    );
                    let mut nic = start(fake.clone(), model, memory).expect("a card that works");
                    contract::is_ready(&mut nic, &fake.nic, 1000);
                    assert_eq!(fake.phy_resets(), 1);
                }
            }
            let (fake, memory) = fake_chipset(
                model,
                Condition {
                    may_reset: false,
                    ..Condition::GOOD
                },
            );
            start(fake.clone(), model, memory).expect("a card that works");
            assert_eq!(fake.phy_resets(), 0);
        }
    }

    #[test]
    fn a_phy_in_ultra_low_power_is_woken_by_firmware_or_kept_awake_without_firmware() {
        let asleep = Condition {
            power: Power::Asleep,
            may_reset: false,
            ..Condition::GOOD
        };
        let (fake, memory) = fake_chipset(Model::I219Early, asleep);
        start(fake, Model::I219Early, memory).expect("a card that works");
        let without = Condition {
            has_firmware: false,
            ..Condition::GOOD
        };
        let (fake, memory) = fake_chipset(Model::I218, without);
        start(fake.clone(), Model::I218, memory).expect("a card that works");
        assert_eq!(fake.page(phy::LOW_POWER), !0x1d74);
        assert_eq!(fake.page(phy::SMBUS), 0);
    }

    #[test]
    fn a_phy_that_cannot_be_used_is_an_error() {
        for model in CHIPSETS {
            let dead = Condition {
                power: Power::Dead,
                ..Condition::GOOD
            };
            let held = Condition {
                held_reads: u64::MAX,
                ..Condition::GOOD
            };
            for (condition, error) in [(dead, InitError::Phy), (held, InitError::Held)] {
                let (fake, memory) = fake_chipset(model, condition);
                assert_eq!(start(fake, model, memory).err(), Some(error));
            }
        }
    }

    #[test]
    fn the_board_makers_settings_of_the_link_are_applied_where_software_has_to() {
        let (fake, memory) = fake_chipset(Model::I217, Condition::GOOD);
        fake.write(FEXTNVM, FEXTNVM_BY_SOFTWARE);
        fake.write(PHY_CTRL, PHY_CTRL_NO_GIGABIT);
        start(fake.clone(), Model::I217, memory).expect("a card that works");
        assert_eq!(fake.page(phy::OEM), 1 << 10 | 1 << 6);
    }

    #[test]
    fn rings_that_would_make_a_reset_hang_are_emptied() {
        let pending = Condition {
            is_pending: true,
            ..Condition::GOOD
        };
        for model in [Model::I219Early, Model::I219Late] {
            let (fake, memory) = fake_chipset(model, pending);
            let result = start(fake, model, memory);
            assert_eq!(result.err(), Some(InitError::Reset));
            let (fake, memory) = fake_chipset(model, pending);
            let card = || Stopped {
                has_pending_rings: true,
                ..stopped(&fake, model, memory)
            };
            let mut nic = contract::is_reset_before_it_masters_the_bus(card, &fake.nic);
            contract::fills_short_frames_up(&mut nic, &fake.nic);
        }
        let mut configuration = [0; CONFIGURATION_BYTES];
        configuration[0xe5] = 1;
        let pending = MODELS.map(|model| chipset::has_pending_rings(model, &configuration));
        assert_eq!(pending, [false, false, false, false, true, true]);
        configuration[0xe5] = 0;
        let has_pending = chipset::has_pending_rings(Model::I219Early, &configuration);
        assert!(!has_pending);
    }
}
