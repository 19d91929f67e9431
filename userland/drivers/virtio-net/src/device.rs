//! The NIC's common registers: reset, features, queues (virtio 1.2, 3.1 and 4.1.4.3).

use core::hint;

use nic::{DmaAddress, Hardware, Link, MappedRegisters};
use runtime::protocol::{Mac, Mtu};
use runtime::shared::SharedMemory;

use crate::configuration::{Configuration, Kind, Place};
use crate::queue::{QUEUE_SIZE_MAX, Queue};

const DEVICE_FEATURE_SELECT: usize = 0x00;
const DEVICE_FEATURE: usize = 0x04;
const DRIVER_FEATURE_SELECT: usize = 0x08;
const DRIVER_FEATURE: usize = 0x0c;
const CONFIGURATION_VECTOR: usize = 0x10;
const STATUS: usize = 0x14;
const QUEUE_SELECT: usize = 0x16;
const QUEUE_SIZE: usize = 0x18;
const QUEUE_VECTOR: usize = 0x1a;
const QUEUE_ENABLE: usize = 0x1c;
const QUEUE_NOTIFY: usize = 0x1e;
const QUEUE_DESCRIPTORS: usize = 0x20;
const QUEUE_DRIVER: usize = 0x28;
const QUEUE_DEVICE: usize = 0x30;
const COMMON_BYTES: u32 = 0x38;

const STATUS_ACKNOWLEDGE: u8 = 1;
const STATUS_DRIVER: u8 = 2;
const STATUS_RUNNING: u8 = 4;
const STATUS_FEATURES: u8 = 8;
/// The NIC has met an error from which it does not recover by itself.
const STATUS_NEEDS_RESET: u8 = 0x40;

/// The NIC reports its MTU, and receives no longer frames.
const FEATURE_MTU: u64 = 1 << 3;
/// The NIC has an address of its own.
const FEATURE_MAC: u64 = 1 << 5;
/// It reports the state of its link.
const FEATURE_LINK: u64 = 1 << 16;
/// It implements version 1, whose layouts this driver uses.
const FEATURE_VERSION_1: u64 = 1 << 32;
/// Its addresses go through an IOMMU, if there is one.
const FEATURE_PLATFORM: u64 = 1 << 33;

/// The offset of the link's state among the registers of a network device.
const LINK: usize = 6;
const LINK_IS_UP: u16 = 1;
/// The offset of the MTU among them.
const MTU: usize = 10;
/// The smallest MTU that a NIC may report.
const REPORTED_MTU_MIN: u16 = 68;

/// The entry of the MSI-X table that root has set.
const VECTOR: u16 = 0;

/// The number of polls before a reset times out.
const RESET_POLLS_MAX: u32 = 10_000_000;

/// The reason the NIC cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InitError {
    /// Its configuration space was not handed over.
    #[error("its configuration space was not handed over")]
    NotProvided,
    /// It has no registers of this kind in the regions that root mapped.
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
    /// It does not accept an interrupt vector for this queue.
    #[error("it accepts no interrupt vector for queue {0}")]
    Vector(u16),
    /// It does not accept an interrupt vector for changes of its configuration.
    #[error("it accepts no interrupt vector for changes of its configuration")]
    ConfigurationVector,
    /// Its memory could not be allocated.
    #[error("no memory: {0}")]
    Memory(abi::Error),
}

/// The result of the negotiation of features.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Negotiated {
    /// The accepted features.
    pub features: u64,
    /// The MTU of frames in both directions.
    pub mtu: u16,
}

/// The NIC's registers.
#[derive(Clone, Copy, Debug)]
pub struct Device {
    common: MappedRegisters,
    notify: MappedRegisters,
    notify_multiplier: usize,
    specific: MappedRegisters,
}

/// Notifies the NIC of new buffers in a queue.
#[derive(Clone, Copy, Debug)]
pub struct QueueNotifier {
    notify: MappedRegisters,
    offset: usize,
    queue: u16,
}

impl QueueNotifier {
    pub fn notify(&self) {
        self.notify.store(self.offset, self.queue);
    }
}

impl Device {
    /// Finds the NIC that root handed over.
    ///
    /// # Errors
    /// The missing part.
    pub fn find(hardware: &Hardware) -> Result<Device, InitError> {
        let copy = hardware.configuration();
        let configuration = Configuration::new(copy.ok_or(InitError::NotProvided)?);
        let registers = |kind| {
            let place = configuration.place(kind);
            let memory = place.and_then(|place| region(hardware, place));
            memory
                .map(MappedRegisters::new)
                .ok_or(InitError::NoRegisters(kind))
        };
        let common = configuration.place(Kind::Common);
        if common.is_none_or(|common| common.bytes < COMMON_BYTES) {
            return Err(InitError::NoRegisters(Kind::Common));
        }
        Ok(Device {
            common: registers(Kind::Common)?,
            notify: registers(Kind::Notify)?,
            notify_multiplier: configuration.notify_multiplier().unwrap_or(0) as usize,
            specific: registers(Kind::Device)?,
        })
    }

    /// Resets the NIC and negotiates features for a port of this MTU; queues are set up next.
    ///
    /// # Errors
    /// [`InitError::Reset`], [`InitError::Features`] or [`InitError::ConfigurationVector`].
    pub fn begin(&self, port: Mtu) -> Result<Negotiated, InitError> {
        self.common.store(STATUS, 0u8);
        let reset = (0..RESET_POLLS_MAX).any(|_| {
            hint::spin_loop();
            self.common.load::<u8>(STATUS) == 0
        });
        if !reset {
            return Err(InitError::Reset);
        }
        self.add_status(STATUS_ACKNOWLEDGE);
        self.add_status(STATUS_DRIVER);
        let offered = self.offered_features();
        if offered & FEATURE_VERSION_1 == 0 {
            return Err(InitError::Features(offered));
        }
        let negotiated = choose(offered, || self.specific.load(MTU), port);
        self.accept_features(negotiated.features);
        self.add_status(STATUS_FEATURES);
        if self.common.load::<u8>(STATUS) & STATUS_FEATURES == 0 {
            return Err(InitError::Features(offered));
        }
        self.common.store(CONFIGURATION_VECTOR, VECTOR);
        if self.common.load::<u16>(CONFIGURATION_VECTOR) != VECTOR {
            return Err(InitError::ConfigurationVector);
        }
        Ok(negotiated)
    }

    /// The size of a queue: the smaller of the NIC's and the driver's maximum.
    ///
    /// # Errors
    /// [`InitError::Queue`].
    pub fn queue_size(&self, number: u16) -> Result<u16, InitError> {
        self.common.store(QUEUE_SELECT, number);
        size_within(self.common.load(QUEUE_SIZE)).ok_or(InitError::Queue(number))
    }

    /// Sets up a queue of a supported size.
    ///
    /// # Errors
    /// [`InitError::Vector`].
    pub fn set_up(&self, number: u16, queue: &Queue) -> Result<QueueNotifier, InitError> {
        let common = &self.common;
        common.store(QUEUE_SELECT, number);
        common.store(QUEUE_SIZE, queue.size());
        common.store(QUEUE_VECTOR, VECTOR);
        if common.load::<u16>(QUEUE_VECTOR) != VECTOR {
            return Err(InitError::Vector(number));
        }
        let addresses = queue.addresses();
        write_address(common, QUEUE_DESCRIPTORS, addresses.descriptors);
        write_address(common, QUEUE_DRIVER, addresses.available);
        write_address(common, QUEUE_DEVICE, addresses.used);
        common.store(QUEUE_ENABLE, 1u16);
        Ok(QueueNotifier {
            notify: self.notify,
            offset: usize::from(common.load::<u16>(QUEUE_NOTIFY)) * self.notify_multiplier,
            queue: number,
        })
    }

    /// Starts the NIC.
    pub fn run(&self) {
        self.add_status(STATUS_RUNNING);
    }

    /// The NIC's own address, if that feature was negotiated.
    pub fn mac(&self, features: u64) -> Option<Mac> {
        let read = || Mac(core::array::from_fn(|index| self.specific.load(index)));
        (features & FEATURE_MAC != 0).then(read)
    }

    /// Whether the NIC has met an error, and works no longer (virtio 1.2, 2.1.2).
    pub fn needs_reset(&self) -> bool {
        self.common.load::<u8>(STATUS) & STATUS_NEEDS_RESET != 0
    }

    /// The state of the link, if that feature was negotiated (virtio 1.2, 5.1.4).
    pub fn link(&self, features: u64) -> Option<Link> {
        let read = || match self.specific.load::<u16>(LINK) & LINK_IS_UP {
            0 => Link::Down,
            _ => Link::UpWithoutSpeed,
        };
        (features & FEATURE_LINK != 0).then(read)
    }

    fn add_status(&self, status: u8) {
        let before = self.common.load::<u8>(STATUS);
        self.common.store(STATUS, before | status);
    }

    fn offered_features(&self) -> u64 {
        let half = |select: u32| {
            self.common.store(DEVICE_FEATURE_SELECT, select);
            u64::from(self.common.load::<u32>(DEVICE_FEATURE))
        };
        half(0) | half(1) << 32
    }

    fn accept_features(&self, features: u64) {
        for (select, half) in [(0u32, features as u32), (1, (features >> 32) as u32)] {
            self.common.store(DRIVER_FEATURE_SELECT, select);
            self.common.store(DRIVER_FEATURE, half);
        }
    }
}

/// Chooses among the offered features. The MTU is the smaller one of the MTUs of the port and of the NIC. A NIC without the
/// feature of an MTU has 1500. A driver that accepts the feature promises buffers for the NIC's own MTU.
fn choose(offered: u64, reported: impl FnOnce() -> u16, port: Mtu) -> Negotiated {
    let features = offered & (FEATURE_VERSION_1 | FEATURE_MAC | FEATURE_LINK | FEATURE_PLATFORM);
    let port = port.bytes() as u16;
    let reported = (offered & FEATURE_MTU != 0).then(reported);
    match reported.filter(|mtu| *mtu >= REPORTED_MTU_MIN) {
        None => Negotiated {
            features,
            mtu: Mtu::STANDARD.bytes() as u16,
        },
        Some(mtu) if mtu > port => Negotiated {
            features,
            mtu: port,
        },
        Some(mtu) => Negotiated {
            features: features | FEATURE_MTU,
            mtu,
        },
    }
}

/// The size of a queue for which the NIC reports this maximum; `None` if the maximum is not a power of two, as it must be.
fn size_within(most: u16) -> Option<u16> {
    most.is_power_of_two().then_some(most.min(QUEUE_SIZE_MAX))
}

/// Writes an address to two registers of half its width.
fn write_address(registers: &MappedRegisters, offset: usize, address: DmaAddress) {
    registers.store(offset, address.get() as u32);
    registers.store(offset + 4, (address.get() >> 32) as u32);
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
    fn the_mtu_is_the_smaller_one_of_the_ports_and_the_nics() {
        let base = FEATURE_VERSION_1 | FEATURE_MAC;
        let chosen = |offered, reported, port| {
            let port = Mtu::try_from(port).expect("an MTU");
            let Negotiated { features, mtu } = choose(offered, || reported, port);
            assert_eq!(features & !FEATURE_MTU, base);
            (features & FEATURE_MTU != 0, mtu)
        };
        let offered = base | FEATURE_MTU | 1 << 15;
        assert_eq!(chosen(offered, 65_000, 65_000), (true, 65_000));
        assert_eq!(chosen(offered, 9000, 65_000), (true, 9000));
        assert_eq!(chosen(offered, 1400, 1500), (true, 1400));
        assert_eq!(chosen(offered, 65_535, 9000), (false, 9000));
        assert_eq!(chosen(offered, 67, 9000), (false, 1500));
        assert_eq!(chosen(base, 9000, 9000), (false, 1500));
    }

    #[test]
    fn a_queue_is_as_large_as_nic_and_driver_allow() {
        assert_eq!(size_within(1024), Some(QUEUE_SIZE_MAX));
        assert_eq!(size_within(64), Some(64));
        // Zero, and a size whose indices would not wrap around.
        assert_eq!((size_within(0), size_within(96)), (None, None));
    }
}
