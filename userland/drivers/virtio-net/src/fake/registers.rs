//! The NIC's registers, with what the driver must observe when it uses them (virtio 1.2, 4.1.3 to 4.1.5).

use nic::{NarrowRegisters, Registers};

use super::state::State;
use super::{FakeNic, Fault, NO_VECTOR, NOTIFY_MULTIPLIER, NOTIFY_PLACES, QUEUES};
use crate::configuration::Kind;
use crate::features::{FEATURE_LINK, FEATURE_MAC, FEATURE_MTU};
use crate::registers::*;

/// The number of queues, which the driver need not read.
const QUEUE_COUNT: usize = 0x12;

/// The bits of the status that the driver sets, and never clears but by a reset.
const STATUS_OF_DRIVER: u8 =
    STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES | STATUS_RUNNING | 0x80;

impl State {
    /// The status (4.1.4.3.1): zero when a reset is complete.
    fn status(&mut self) -> u8 {
        if self.is_resetting {
            if self.reset_reads == 0 && self.fault != Some(Fault::NoReset) {
                self.complete_reset();
            }
            self.reset_reads = self.reset_reads.saturating_sub(1);
        }
        self.status
    }

    /// Takes a new status (2.1.1 and 3.1.1).
    fn set_status(&mut self, value: u8) {
        if value == 0 {
            self.is_resetting = true;
            // The driver cannot wait for a reset that the status does not show.
            if self.status == 0 {
                self.complete_reset();
            }
            return;
        }
        self.check_reset();
        assert_eq!(
            self.status & STATUS_OF_DRIVER & !value,
            0,
            "clears bits of the status"
        );
        let steps = [
            STATUS_ACKNOWLEDGE,
            STATUS_DRIVER,
            STATUS_FEATURES,
            STATUS_RUNNING,
        ];
        for [before, after] in steps.array_windows() {
            assert!(
                value & after == 0 || value & before != 0,
                "skips a step of 3.1.1"
            );
        }
        let added = value & !self.status;
        self.status = value;
        if added & STATUS_FEATURES != 0 {
            assert_eq!(
                self.accepted & !self.features,
                0,
                "accepts what is not offered (2.2.1)"
            );
            if self.fault == Some(Fault::NoFeatures) {
                self.status &= !STATUS_FEATURES;
            }
        }
        if added & STATUS_RUNNING != 0 {
            assert!(self.queues.iter().all(|queue| queue.ring.is_enabled));
            if self.fault == Some(Fault::LinkFallsAtStart) {
                self.is_up = false;
            }
        }
    }

    /// The driver resets the NIC first, and does not go on before the reset is complete (4.1.4.3.2).
    fn check_reset(&self) {
        assert!(
            !self.is_resetting && !self.is_foreign,
            "used before its reset"
        );
    }

    fn set_feature_half(&mut self, value: u32) {
        assert_eq!(
            self.status & STATUS_FEATURES,
            0,
            "accepts features too late (3.1.1)"
        );
        let shift = 32 * self.driver_select;
        self.accepted = self.accepted & !(0xffff_ffff << shift) | u64::from(value) << shift;
    }

    fn feature_half(&self) -> u32 {
        (self.features >> (32 * self.device_select)) as u32
    }

    /// A vector that the driver asked for, if the NIC has it (4.1.5.1.2).
    fn vector(&self, value: u16, refusal: Fault) -> u16 {
        if value < self.vectors && self.fault != Some(refusal) {
            value
        } else {
            NO_VECTOR
        }
    }

    fn set_common_half(&mut self, offset: usize, value: u16) {
        self.check_reset();
        if offset == CONFIGURATION_VECTOR {
            self.vector = self.vector(value, Fault::NoConfigurationVector);
            return;
        }
        if offset == QUEUE_SELECT {
            self.selected = usize::from(value);
            return;
        }
        let vector = self.vector(value, Fault::NoQueueVector);
        let queue = &mut self.queues[self.selected];
        assert!(
            !queue.ring.is_enabled,
            "changes an enabled queue (4.1.4.3.2)"
        );
        match offset {
            QUEUE_SIZE => queue.ring.size = value,
            QUEUE_VECTOR => queue.vector = vector,
            QUEUE_ENABLE => {
                assert_eq!(value, 1);
                assert!(self.masters, "reads memory");
                queue.ring.check(queue.size_max);
                queue.ring.is_enabled = true;
            }
            _ => panic!("no register of 16 bits at {offset:#x}"),
        }
    }

    fn common_half(&self, offset: usize) -> u16 {
        let queue = self.queues.get(self.selected);
        match offset {
            CONFIGURATION_VECTOR => self.vector,
            QUEUE_COUNT => QUEUES as u16,
            // Zero for a queue that the NIC does not have.
            QUEUE_SIZE => queue.map_or(0, |queue| queue.size_max),
            QUEUE_VECTOR => queue.map_or(NO_VECTOR, |queue| queue.vector),
            QUEUE_NOTIFY => match self.fault {
                Some(Fault::Notify(place)) => place,
                _ => NOTIFY_PLACES[self.selected],
            },
            _ => panic!("no register of 16 bits at {offset:#x}"),
        }
    }

    /// Sets half of an address of the selected queue.
    fn set_address_half(&mut self, offset: usize, value: u32) {
        let ring = &mut self.queues[self.selected].ring;
        assert!(!ring.is_enabled, "moves an enabled queue (4.1.4.3.2)");
        let address = match offset & !7 {
            QUEUE_DESCRIPTORS => &mut ring.descriptors,
            QUEUE_DRIVER => &mut ring.available,
            QUEUE_DEVICE => &mut ring.used,
            _ => panic!("no register of 32 bits at {offset:#x}"),
        };
        let shift = 8 * (offset & 4);
        *address = *address & !(0xffff_ffff << shift) | u64::from(value) << shift;
    }

    /// Checks that the NIC has this register of a network device (5.1.4), and that it means something.
    fn check_specific(&self, feature: u64, end: usize) {
        self.check_reset();
        assert_ne!(self.features & feature, 0, "a register without its feature");
        assert!(end <= self.specific_bytes, "beyond the last register");
    }

    /// A byte of the address. A NIC with [`Fault::Torn`] gets another address while the driver reads this one.
    fn mac_byte(&mut self, index: usize) -> u8 {
        self.check_specific(FEATURE_MAC, index + 1);
        if index == 3
            && let Some(Fault::Torn(times)) = &mut self.fault
            && *times > 0
        {
            *times -= 1;
            self.mac = self.mac.map(|byte| byte.wrapping_add(1));
            self.generation = self.generation.wrapping_add(1);
        }
        self.mac[index]
    }

    /// The generation (4.1.4.3.1).
    fn generation(&mut self) -> u8 {
        if self.fault == Some(Fault::Unsettled) {
            self.generation = self.generation.wrapping_add(1);
        }
        self.generation
    }
}

impl Registers for FakeNic {
    fn read(&self, offset: usize) -> u32 {
        let state = self.state.borrow();
        state.check_reset();
        match (self.block, offset) {
            (Kind::Common, DEVICE_FEATURE) => state.feature_half(),
            (block, _) => panic!("no register of 32 bits at {offset:#x} of {block:?}"),
        }
    }

    fn write(&self, offset: usize, value: u32) {
        assert_eq!(self.block, Kind::Common);
        let mut state = self.state.borrow_mut();
        state.check_reset();
        match offset {
            DEVICE_FEATURE_SELECT => state.device_select = value,
            DRIVER_FEATURE_SELECT => state.driver_select = value,
            DRIVER_FEATURE => state.set_feature_half(value),
            _ => state.set_address_half(offset, value),
        }
    }

    fn wait_us(&self, microseconds: u64) {
        self.state.borrow_mut().waited_us += microseconds;
    }
}

impl NarrowRegisters for FakeNic {
    fn read_byte(&self, offset: usize) -> u8 {
        let mut state = self.state.borrow_mut();
        match (self.block, offset) {
            (Kind::Common, STATUS) => state.status(),
            (Kind::Common, GENERATION) => state.generation(),
            (Kind::Device, index) if index < MAC_BYTES => state.mac_byte(index),
            (block, _) => panic!("no register of 8 bits at {offset:#x} of {block:?}"),
        }
    }

    fn write_byte(&self, offset: usize, value: u8) {
        assert_eq!((self.block, offset), (Kind::Common, STATUS));
        self.state.borrow_mut().set_status(value);
    }

    fn read_half(&self, offset: usize) -> u16 {
        let mut state = self.state.borrow_mut();
        match (self.block, offset) {
            (Kind::Common, _) => state.common_half(offset),
            (Kind::Device, LINK) => {
                state.check_specific(FEATURE_LINK, LINK + 2);
                if state.fault == Some(Fault::LinkFlaps) {
                    state.is_up = !state.is_up;
                }
                u16::from(state.is_up)
            }
            (Kind::Device, MTU) => {
                state.check_specific(FEATURE_MTU, MTU + 2);
                state.mtu
            }
            (block, _) => panic!("no register of 16 bits at {offset:#x} of {block:?}"),
        }
    }

    fn write_half(&self, offset: usize, value: u16) {
        match self.block {
            Kind::Common => self.state.borrow_mut().set_common_half(offset, value),
            Kind::Notify => {
                let place = NOTIFY_PLACES[usize::from(value)];
                assert_eq!(offset, usize::from(place) * NOTIFY_MULTIPLIER);
                self.handle_notification(usize::from(value));
            }
            Kind::Device => panic!("the driver writes no register of a network device"),
        }
    }
}
