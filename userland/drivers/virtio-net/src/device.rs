//! The NIC's set-up: reset, features, queues (virtio 1.2, 3.1 and 4.1.4.3), and what its registers report while it runs.

use nic::{Hardware, Link, MappedRegisters, NarrowRegisters};
use runtime::protocol::{Mac, Mtu};
use runtime::shared::SharedMemory;

use crate::configuration::{Configuration, Kind, Place};
use crate::features::{FEATURE_LINK, FEATURE_MAC, FEATURE_MTU, FEATURE_VERSION_1};
use crate::features::{Negotiated, choose};
use crate::queue::{QUEUE_SIZE_MAX, Queue};
use crate::registers::*;

/// The entry of the MSI-X table that root has set.
pub const VECTOR: u16 = 0;

/// The time after which a reset counts as failed. Domains of a lower priority do not run meanwhile.
const RESET_US: u64 = 1_000_000;
const RESET_STEP_US: u64 = 10;

/// The number of times that registers are read again because they have changed meanwhile.
const READS_MAX: u32 = 100;

/// The size of a register that gets a queue's number.
const NOTIFY_BYTES: usize = 2;

/// The reason the NIC cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InitError {
    /// Its configuration space was not handed over.
    #[error("its configuration space was not handed over")]
    NotProvided,
    /// It has no registers of this kind in the regions that root mapped, or too few.
    #[error("it has no registers {0:?}")]
    NoRegisters(Kind),
    /// The reset did not complete.
    #[error("its reset did not complete")]
    Reset,
    /// It lacks features that this driver needs; it offers these.
    #[error("it offers only the features {0:#x}")]
    Features(u64),
    /// It has no queue of this number, or one of invalid size.
    #[error("it has no queue {0}")]
    Queue(u16),
    /// It has no register to notify it of this queue's buffers.
    #[error("it cannot be notified of queue {0}")]
    Notify(u16),
    /// It does not accept an interrupt vector for this queue.
    #[error("it accepts no interrupt vector for queue {0}")]
    Vector(u16),
    /// It does not accept an interrupt vector for changes of its configuration.
    #[error("it accepts no interrupt vector for changes of its configuration")]
    ConfigurationVector,
    /// Its registers change all the time.
    #[error("its configuration never settles")]
    Unsettled,
    /// It may not reach memory.
    #[error(transparent)]
    NoMastering(#[from] nic::NoMastering),
    /// Its memory could not be allocated.
    #[error("no memory: {0}")]
    Memory(abi::Error),
}

/// The NIC's registers.
#[derive(Clone, Copy, Debug)]
pub struct Device<R> {
    common: R,
    notify: Block<R>,
    notify_multiplier: usize,
    specific: Block<R>,
    /// The interrupt vector of all its events; `None` if it is polled.
    vector: Option<u16>,
}

/// Notifies the NIC of new buffers in a queue (4.1.5.2).
#[derive(Clone, Copy, Debug)]
pub struct QueueNotifier<R> {
    notify: R,
    offset: usize,
    queue: u16,
}

impl<R: NarrowRegisters> QueueNotifier<R> {
    pub fn notify(&self) {
        self.notify.write_half(self.offset, self.queue);
    }
}

impl Device<MappedRegisters> {
    /// Finds the NIC that root handed over.
    ///
    /// # Errors
    /// The missing part.
    pub fn find(hardware: &Hardware) -> Result<Self, InitError> {
        let copy = hardware.configuration();
        let configuration = Configuration::new(copy.ok_or(InitError::NotProvided)?);
        let block = |kind| {
            let place = configuration.place(kind);
            let memory = place.and_then(|place| region(hardware, place));
            memory.map(Block::new).ok_or(InitError::NoRegisters(kind))
        };
        let multiplier = configuration.notify_multiplier().unwrap_or(0);
        Device::new(
            block(Kind::Common)?,
            (block(Kind::Notify)?, multiplier as usize),
            block(Kind::Device)?,
            hardware.has_interrupt().then_some(VECTOR),
        )
    }
}

impl<R: NarrowRegisters + Clone> Device<R> {
    /// A NIC with these blocks of registers, the second one with the distance between the queues' notify registers. Without a
    /// vector it does not interrupt.
    ///
    /// # Errors
    /// [`InitError::NoRegisters`] if the common registers are not complete.
    pub fn new(
        common: Block<R>,
        (notify, notify_multiplier): (Block<R>, usize),
        specific: Block<R>,
        vector: Option<u16>,
    ) -> Result<Device<R>, InitError> {
        if common.bytes < COMMON_BYTES {
            return Err(InitError::NoRegisters(Kind::Common));
        }
        Ok(Device {
            common: common.registers,
            notify,
            notify_multiplier,
            specific,
            vector,
        })
    }

    /// Negotiates features with a NIC that was reset, for a port of this MTU; queues are set up next.
    ///
    /// # Errors
    /// [`InitError::Features`], [`InitError::NoRegisters`] or [`InitError::ConfigurationVector`].
    pub fn begin(&self, port: Mtu) -> Result<Negotiated, InitError> {
        self.add_status(STATUS_ACKNOWLEDGE);
        self.add_status(STATUS_DRIVER);
        let offered = self.offered_features();
        if offered & FEATURE_VERSION_1 == 0 {
            return Err(InitError::Features(offered));
        }
        self.check_specific(offered)?;
        let negotiated = choose(offered, || self.specific.registers.read_half(MTU), port);
        self.accept_features(negotiated.features);
        self.add_status(STATUS_FEATURES);
        if self.common.read_byte(STATUS) & STATUS_FEATURES == 0 {
            return Err(InitError::Features(offered));
        }
        if !self.set_vector(CONFIGURATION_VECTOR) {
            return Err(InitError::ConfigurationVector);
        }
        Ok(negotiated)
    }

    /// Resets the NIC, which then has no queues. The driver may write to it again when the status has become zero (4.1.4.3.2).
    ///
    /// # Errors
    /// [`InitError::Reset`].
    pub fn reset(&self) -> Result<(), InitError> {
        self.common.write_byte(STATUS, 0);
        for _ in 0..=RESET_US / RESET_STEP_US {
            if self.common.read_byte(STATUS) == 0 {
                return Ok(());
            }
            self.common.wait_us(RESET_STEP_US);
        }
        Err(InitError::Reset)
    }

    /// Checks that the NIC has the registers of the features that it offers.
    fn check_specific(&self, offered: u64) -> Result<(), InitError> {
        let registers = [
            (FEATURE_MAC, MAC, MAC_BYTES),
            (FEATURE_LINK, LINK, 2),
            (FEATURE_MTU, MTU, 2),
        ];
        let is_missing =
            |(feature, at, bytes)| offered & feature != 0 && !self.specific.has(at, bytes);
        if registers.into_iter().any(is_missing) {
            return Err(InitError::NoRegisters(Kind::Device));
        }
        Ok(())
    }

    /// Sets a register of an interrupt vector, if the NIC interrupts; returns whether it accepts the vector (4.1.5.1.2).
    fn set_vector(&self, register: usize) -> bool {
        self.vector.is_none_or(|vector| {
            self.common.write_half(register, vector);
            self.common.read_half(register) == vector
        })
    }

    /// The size of a queue: the smaller of the NIC's and the driver's maximum.
    ///
    /// # Errors
    /// [`InitError::Queue`].
    pub fn queue_size(&self, number: u16) -> Result<u16, InitError> {
        self.common.write_half(QUEUE_SELECT, number);
        size_within(self.common.read_half(QUEUE_SIZE)).ok_or(InitError::Queue(number))
    }

    /// Sets up a queue of a supported size.
    ///
    /// # Errors
    /// [`InitError::Vector`] or [`InitError::Notify`].
    pub fn set_up(&self, number: u16, queue: &Queue) -> Result<QueueNotifier<R>, InitError> {
        let common = &self.common;
        common.write_half(QUEUE_SELECT, number);
        common.write_half(QUEUE_SIZE, queue.size());
        if !self.set_vector(QUEUE_VECTOR) {
            return Err(InitError::Vector(number));
        }
        let index = usize::from(common.read_half(QUEUE_NOTIFY));
        let offset = index * self.notify_multiplier;
        if !self.notify.has(offset, NOTIFY_BYTES) || !offset.is_multiple_of(NOTIFY_BYTES) {
            return Err(InitError::Notify(number));
        }
        let addresses = queue.addresses();
        write_address(common, QUEUE_DESCRIPTORS, addresses.descriptors);
        write_address(common, QUEUE_DRIVER, addresses.available);
        write_address(common, QUEUE_DEVICE, addresses.used);
        common.write_half(QUEUE_ENABLE, 1);
        Ok(QueueNotifier {
            notify: self.notify.registers.clone(),
            offset,
            queue: number,
        })
    }

    /// Starts the NIC.
    pub fn run(&self) {
        self.add_status(STATUS_RUNNING);
    }

    /// The NIC's own address, if that feature was negotiated.
    ///
    /// # Errors
    /// [`InitError::Unsettled`].
    pub fn mac(&self, features: u64) -> Result<Option<Mac>, InitError> {
        if features & FEATURE_MAC == 0 {
            return Ok(None);
        }
        let read = || {
            Mac(core::array::from_fn(|at| {
                self.specific.registers.read_byte(MAC + at)
            }))
        };
        self.read_settled(read).map(Some)
    }

    /// Reads registers specific to network devices until they have not changed meanwhile (2.5.1).
    fn read_settled<T>(&self, read: impl Fn() -> T) -> Result<T, InitError> {
        for _ in 0..READS_MAX {
            let before = self.common.read_byte(GENERATION);
            let value = read();
            if self.common.read_byte(GENERATION) == before {
                return Ok(value);
            }
        }
        Err(InitError::Unsettled)
    }

    /// Whether the NIC has met an error, and works no longer (2.1.2).
    pub fn needs_reset(&self) -> bool {
        self.common.read_byte(STATUS) & STATUS_NEEDS_RESET != 0
    }

    /// The state of the link, if that feature was negotiated (5.1.4). It is one register, so it is never read half.
    pub fn link(&self, features: u64) -> Option<Link> {
        let read = || match self.specific.registers.read_half(LINK) & LINK_IS_UP {
            0 => Link::Down,
            _ => Link::UpWithoutSpeed,
        };
        (features & FEATURE_LINK != 0).then(read)
    }

    fn add_status(&self, status: u8) {
        let before = self.common.read_byte(STATUS);
        self.common.write_byte(STATUS, before | status);
    }

    fn offered_features(&self) -> u64 {
        let half = |select| {
            self.common.write(DEVICE_FEATURE_SELECT, select);
            u64::from(self.common.read(DEVICE_FEATURE))
        };
        half(0) | half(1) << 32
    }

    fn accept_features(&self, features: u64) {
        for (select, half) in [(0, features as u32), (1, (features >> 32) as u32)] {
            self.common.write(DRIVER_FEATURE_SELECT, select);
            self.common.write(DRIVER_FEATURE, half);
        }
    }
}

/// The size of a queue for which the NIC reports this maximum; `None` if the maximum is not a power of two, as it must be.
fn size_within(most: u16) -> Option<u16> {
    most.is_power_of_two().then_some(most.min(QUEUE_SIZE_MAX))
}

/// The part of a mapped region that holds some registers.
fn region(hardware: &Hardware, place: Place) -> Option<SharedMemory<'static>> {
    let memory = hardware.region(usize::from(place.bar))?;
    let (offset, bytes) = (place.offset as usize, place.bytes as usize);
    let fits = offset.is_multiple_of(8) && offset.checked_add(bytes)? <= memory.bytes();
    fits.then(|| memory.part(offset, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_is_as_large_as_nic_and_driver_allow() {
        assert_eq!(size_within(1024), Some(QUEUE_SIZE_MAX));
        assert_eq!(size_within(64), Some(64));
        // Zero, and a size whose indices would not wrap around.
        assert_eq!((size_within(0), size_within(96)), (None, None));
    }
}
