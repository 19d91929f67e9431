//! Configuration space, through the two I/O ports of every PC (PCI Local Bus 3.0, 3.2.2.3.2).

use core::fmt;

use abi::Error;
use abi::register::Width;
use runtime::Cap;
use runtime::capability::{Hardware, IoPorts, Pool};

const ADDRESS: u16 = 0xcf8;
const DATA: u16 = 0xcfc;
const ENABLE: u32 = 1 << 31;

/// The address of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    pub bus: u8,
    /// 0 to 31.
    pub device: u8,
    /// 0 to 7.
    pub function: u8,
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Address {
            bus,
            device,
            function,
        } = self;
        write!(formatter, "{bus:02x}:{device:02x}.{function}")
    }
}

/// Reads and writes the configuration space of functions, 32 bits at offsets that are multiples of four.
pub trait Configuration {
    /// Reads a register; all ones without a function.
    fn read(&self, address: Address, offset: u8) -> u32;
    fn write(&self, address: Address, offset: u8, value: u32);
}

/// The 16-bit half of a register at `offset`.
pub fn read_half(configuration: &impl Configuration, address: Address, offset: u8) -> u16 {
    let value = configuration.read(address, offset & !3);
    (value >> (8 * (offset & 2))) as u16
}

/// Writes one half of a register, and `other` to its other half: zero for a status register, in which ones clear bits.
pub fn write_half(
    configuration: &impl Configuration,
    address: Address,
    offset: u8,
    other: u16,
    value: u16,
) {
    let (value, other) = (u32::from(value), u32::from(other));
    let value = match offset & 2 {
        0 => value | other << 16,
        _ => value << 16 | other,
    };
    configuration.write(address, offset & !3, value);
}

/// The address and data ports.
#[derive(Clone, Copy, Debug)]
pub struct ConfigurationPorts(Cap<IoPorts>);

impl ConfigurationPorts {
    /// Creates the capability to the ports.
    ///
    /// # Errors
    /// The kernel's refusal.
    pub fn new(hardware: Cap<Hardware>, pool: Cap<Pool>) -> Result<ConfigurationPorts, Error> {
        hardware
            .create_ports(pool, ADDRESS, 8)
            .map(ConfigurationPorts)
    }

    fn select(self, address: Address, offset: u8) {
        let place = u32::from(address.bus) << 16
            | u32::from(address.device) << 11
            | u32::from(address.function) << 8;
        let value = ENABLE | place | u32::from(offset & !3);
        // The ports are ours, so this cannot fail; if it did, reads would find no function.
        let _ = self.0.write(ADDRESS, Width::Long, value);
    }
}

impl Configuration for ConfigurationPorts {
    fn read(&self, address: Address, offset: u8) -> u32 {
        self.select(address, offset);
        self.0.read(DATA, Width::Long).unwrap_or(u32::MAX)
    }

    fn write(&self, address: Address, offset: u8, value: u32) {
        self.select(address, offset);
        let _ = self.0.write(DATA, Width::Long, value);
    }
}

#[cfg(test)]
pub(crate) mod fake {
    extern crate std;
    use super::*;
    use abi::Request;
    use abi::calls::IoOut;
    use runtime::host::{CallResult, DONE};
    use std::cell::RefCell;
    use std::collections::BTreeMap;
    use std::vec::Vec;

    /// A bus of functions that store written values, within masks.
    #[derive(Default)]
    pub struct FakeBus {
        functions: RefCell<BTreeMap<(u8, u8, u8), [u32; 64]>>,
        masks: BTreeMap<(u8, u8, u8, u8), u32>,
        deaf: RefCell<Vec<(u8, u8, u8)>>,
        pub writes: RefCell<Vec<(Address, u8, u32)>>,
    }

    fn key(address: Address) -> (u8, u8, u8) {
        (address.bus, address.device, address.function)
    }

    impl FakeBus {
        /// Adds a function with these registers; all others are zero.
        pub fn add(&mut self, address: Address, registers: &[(u8, u32)]) {
            let mut space = [0; 64];
            for (offset, value) in registers {
                space[usize::from(*offset) / 4] = *value;
            }
            self.functions.get_mut().insert(key(address), space);
        }

        /// Sets a register, whatever the driver may write.
        pub fn set(&self, address: Address, offset: u8, value: u32) {
            let mut functions = self.functions.borrow_mut();
            let space = functions.get_mut(&key(address)).expect("a function");
            space[usize::from(offset) / 4] = value;
        }

        /// Makes a function ignore writes from now on, or stop ignoring them.
        pub fn ignore_writes(&self, address: Address, ignores: bool) {
            let mut deaf = self.deaf.borrow_mut();
            deaf.retain(|other| *other != key(address));
            if ignores {
                deaf.push(key(address));
            }
        }

        /// Restricts the writable bits of a register.
        pub fn mask(&mut self, address: Address, offset: u8, mask: u32) {
            let (bus, device, function) = key(address);
            self.masks.insert((bus, device, function, offset), mask);
        }
    }

    std::thread_local! {
        /// The bus behind the two ports, for a test's kernel, and the register that the address port selects.
        static PORTS: RefCell<(FakeBus, u32)> = RefCell::default();
    }

    /// Puts a bus behind the two ports.
    pub fn connect(bus: FakeBus) {
        PORTS.set((bus, 0));
    }

    /// What `look` finds on the bus behind the ports.
    pub fn on_bus<T>(look: impl FnOnce(&FakeBus) -> T) -> T {
        PORTS.with_borrow(|(bus, _)| look(bus))
    }

    /// The result of a system call if it reads or writes one of the ports.
    pub fn access(request: &Request) -> Option<CallResult> {
        PORTS.with_borrow_mut(|(bus, selected)| {
            let [offset, place, number, _] = selected.to_le_bytes();
            let address = Address {
                bus: number,
                device: place >> 3,
                function: place & 7,
            };
            match request {
                Request::IoOut(IoOut { port, value, .. }) => {
                    match *port {
                        ADDRESS => *selected = *value,
                        _ => bus.write(address, offset, *value),
                    }
                    Some(DONE)
                }
                Request::IoIn(_) => {
                    let value = bus.read(address, offset);
                    Some(Ok([u64::from(value), 0, 0, 0, 0, 0, 0, 0]))
                }
                _ => None,
            }
        })
    }

    impl Configuration for FakeBus {
        fn read(&self, address: Address, offset: u8) -> u32 {
            let functions = self.functions.borrow();
            let space = functions.get(&key(address));
            space.map_or(u32::MAX, |space| space[usize::from(offset) / 4])
        }

        fn write(&self, address: Address, offset: u8, value: u32) {
            self.writes.borrow_mut().push((address, offset, value));
            if self.deaf.borrow().contains(&key(address)) {
                return;
            }
            let (bus, device, function) = key(address);
            let mask = self.masks.get(&(bus, device, function, offset));
            let mask = mask.copied().unwrap_or(u32::MAX);
            if let Some(space) = self.functions.borrow_mut().get_mut(&key(address)) {
                let register = &mut space[usize::from(offset) / 4];
                *register = *register & !mask | value & mask;
            }
        }
    }
}
