//! The operations on Interrupt, IoPorts, and the Hardware that they are created from.

use abi::Error;
use abi::calls::{
    DeviceMemoryCreate, InterruptAcknowledge, InterruptBind, InterruptCreateLine,
    InterruptCreateMessage, IoIn, IoOut, IoPortsCreate, Random, Reboot,
};
use abi::register::{PageCount, Width};

use super::{Cap, Hardware, Interrupt, IoPorts, Memory, Notification, Pool, created};
use crate::slots;
use crate::system_call::invoke;

/// The bus of a device that interrupts by a line. It determines the line's polarity and trigger mode if the firmware does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Bus {
    /// ISA: the line has an ISA interrupt's number, below 16.
    Isa = 0,
    /// PCI: the line has a global system interrupt's number, and may be shared.
    Pci = 1,
}

/// The cache mode of a device's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Cache {
    /// Each access is performed as written.
    Uncached = 0,
    /// Writes may be combined: for a frame buffer.
    WriteCombining = 1,
}

/// The address and the data of a message-signalled interrupt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InterruptMessage {
    /// The bus address.
    pub address: u64,
    /// The data.
    pub data: u32,
}

impl Cap<Hardware> {
    /// Creates an interrupt for a line.
    ///
    /// # Errors
    /// The error of `InterruptCreateLine`, or the lack of a free slot.
    pub fn create_line_interrupt(
        self,
        pool: Cap<Pool>,
        line: u32,
        bus: Bus,
    ) -> Result<Cap<Interrupt>, Error> {
        created(|into| {
            invoke(InterruptCreateLine {
                pool: pool.slot(),
                hardware: self.slot(),
                line,
                bus: bus as u8,
                into,
            })
        })
    }

    /// Creates a message-signalled interrupt.
    ///
    /// # Errors
    /// The error of `InterruptCreateMessage`, or the lack of a free slot.
    pub fn create_message_interrupt(
        self,
        pool: Cap<Pool>,
    ) -> Result<(Cap<Interrupt>, InterruptMessage), Error> {
        let (slot, (address, data)) = slots::fill(|into| {
            invoke(InterruptCreateMessage {
                pool: pool.slot(),
                hardware: self.slot(),
                into,
            })
        })?;
        let message = InterruptMessage {
            address,
            data: data as u32,
        };
        Ok((Cap::from_slot(slot), message))
    }

    /// Creates a range of ports.
    ///
    /// # Errors
    /// The error of `IoPortsCreate`, or the lack of a free slot.
    pub fn create_ports(
        self,
        pool: Cap<Pool>,
        first: u16,
        count: u32,
    ) -> Result<Cap<IoPorts>, Error> {
        created(|into| {
            invoke(IoPortsCreate {
                pool: pool.slot(),
                hardware: self.slot(),
                first,
                count,
                into,
            })
        })
    }

    /// Creates a Memory of a device's registers or memory.
    ///
    /// # Errors
    /// The error of `DeviceMemoryCreate`, or the lack of a free slot.
    pub fn create_device_memory(
        self,
        pool: Cap<Pool>,
        bus_address: u64,
        pages: PageCount,
        cache: Cache,
    ) -> Result<Cap<Memory>, Error> {
        created(|into| {
            invoke(DeviceMemoryCreate {
                pool: pool.slot(),
                hardware: self.slot(),
                bus_address,
                pages,
                into,
                cache: cache as u8,
                made: PageCount(0),
            })
        })
    }

    /// Restarts the machine; returns only if the kernel refuses.
    ///
    /// # Errors
    /// The error of `Reboot`.
    pub fn reboot(self) -> Result<(), Error> {
        invoke(Reboot {
            hardware: self.slot(),
        })
    }

    /// Draws a random word.
    ///
    /// # Errors
    /// The error of `Random`.
    pub fn random(self) -> Result<u64, Error> {
        invoke(Random {
            hardware: self.slot(),
        })
    }
}

impl Cap<Interrupt> {
    /// Sets or clears the notification that the interrupt signals; `flags` are raised there.
    ///
    /// # Errors
    /// The error of `InterruptBind`.
    pub fn bind(self, notification: Option<Cap<Notification>>, flags: u64) -> Result<(), Error> {
        invoke(InterruptBind {
            interrupt: self.slot(),
            notification: notification.map(Cap::slot),
            flags,
        })
    }

    /// Acknowledges the interrupt, so that the next one can be delivered.
    ///
    /// # Errors
    /// The error of `InterruptAcknowledge`.
    pub fn acknowledge(self) -> Result<(), Error> {
        invoke(InterruptAcknowledge {
            interrupt: self.slot(),
        })
    }
}

impl Cap<IoPorts> {
    /// Reads a port.
    ///
    /// # Errors
    /// The error of `IoIn`.
    pub fn read(self, port: u16, width: Width) -> Result<u32, Error> {
        invoke(IoIn {
            ports: self.slot(),
            port,
            width,
        })
        .map(|value| value as u32)
    }

    /// Writes a port.
    ///
    /// # Errors
    /// The error of `IoOut`.
    pub fn write(self, port: u16, width: Width, value: u32) -> Result<(), Error> {
        invoke(IoOut {
            ports: self.slot(),
            port,
            width,
            value,
        })
    }
}
