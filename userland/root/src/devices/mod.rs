//! The machine's devices, functions on the PCI bus: finding them, and handing one to its driver.
//!
//! | file | content |
//! | --- | --- |
//! | [`configuration`] | access to configuration space |
//! | [`capability`] | the capability list in it |
//! | [`bar`] | base address registers: a function's regions |
//! | [`function`] | a function, enabling and disabling it |
//! | [`bus`] | enumerating all functions |
//! | [`messages`] | message-signalled interrupts |
//! | [`station`] | the Ethernet address of a network card |
//! | [`pages`] | the pages of a region, which no other function may share |
//! | [`handover`] | a function as capabilities of its driver |
//! | [`record`] | a function in a report |

pub mod bar;
pub mod bus;
pub mod capability;
pub mod configuration;
pub mod function;
pub mod handover;
pub mod messages;
pub mod pages;
pub mod record;
pub mod station;

use alloc::vec::Vec;

use abi::Error;
use manifest::{Device, DeviceKind, Driver};
use runtime::Cap;
use runtime::capability::Pool;
use runtime::protocol::Mac;
use runtime::protocol::inventory::FunctionRecord;

use crate::machine::Machine;
use configuration::ConfigurationPorts;
pub use function::Function;
use function::{Identity, RESET_NS};
use handover::{HandoverError, Parts};

/// The functions on the bus, and the access to their configuration space.
#[derive(Debug)]
pub struct Devices {
    configuration: ConfigurationPorts,
    functions: Vec<Function>,
}

impl Devices {
    /// Finds the machine's devices.
    ///
    /// # Errors
    /// The kernel's refusal.
    pub fn scan(machine: &Machine) -> Result<Devices, Error> {
        let configuration = ConfigurationPorts::new(machine.hardware, machine.pool)?;
        let devices = Devices {
            functions: bus::functions(&configuration),
            configuration,
        };
        devices.log_nics();
        Ok(devices)
    }

    /// The number of functions on the bus.
    pub fn count(&self) -> usize {
        self.functions.len()
    }

    /// The function that a manifest names by kind and index, and its driver.
    pub fn find(&self, device: &Device) -> Option<(Function, &'static Driver)> {
        let functions = self.functions.iter();
        let mut driven =
            functions.filter_map(|function| Some((*function, driver(function, device.kind)?)));
        driven.nth(device.index as usize)
    }

    /// The function at this index of the list, and its record, in which no domain has it.
    pub fn record(&self, index: u32) -> Option<(Function, FunctionRecord)> {
        let function = self.functions.get(index as usize)?;
        let image = driver(function, DeviceKind::Nic).map(|driver| driver.image);
        let record = record::record(&self.configuration, function, image);
        Some((*function, record))
    }

    /// The addresses of the network cards that have a driver. An address that cannot be read is logged. No driver may run yet.
    pub fn nic_addresses(&self, machine: &Machine) -> Vec<Mac> {
        let functions = self.functions.iter();
        let nics = functions.filter(|function| driver(function, DeviceKind::Nic).is_some());
        let read = |nic: &Function| {
            let read = station::read(machine, &self.configuration, &self.functions, nic);
            let Function { address, identity } = nic;
            read.inspect_err(|error| {
                log::warn!(
                    "the Ethernet address of the network card {identity} at {address} cannot be read: {error}"
                );
            })
        };
        nics.filter_map(|nic| read(nic).ok()).collect()
    }

    /// Logs the network cards: those with a driver, by their index in [`Devices::find`], and those without one. Then logs what a
    /// driver is trusted with.
    fn log_nics(&self) {
        let mut index = 0;
        for function in &self.functions {
            let Function { address, identity } = function;
            let kind = bus::network_kind(&self.configuration, *address);
            match (driver(function, DeviceKind::Nic), kind) {
                (Some(Driver { image, .. }), _) => {
                    log::info!("network card {index} is {identity} at {address}, for {image}");
                    index += 1;
                }
                (None, Some(kind)) => {
                    log::warn!("the network card {identity} ({kind}) at {address} has no driver");
                }
                (None, None) => {}
            }
        }
        log::info!("no IOMMU is used: the drivers of devices are trusted with all memory");
    }

    /// Creates the objects of a function from its driver's pool.
    ///
    /// # Errors
    /// See [`Parts::create`].
    pub fn hand_over(
        &self,
        machine: &Machine,
        function: Function,
        pool: Cap<Pool>,
    ) -> Result<Parts, HandoverError> {
        let (configuration, functions) = (&self.configuration, &self.functions);
        Parts::create(machine, configuration, functions, &function, pool)
    }

    /// Makes a function, whose objects these are, send its interrupts as messages, once it masters the bus.
    pub fn enable_messages(&self, function: Function, parts: &Parts) {
        if parts.sends_messages() {
            function.enable_messages(&self.configuration);
        }
    }

    /// Lets a function master the bus. Its driver has reset it.
    pub fn let_master(&self, function: Function) {
        function.let_master(&self.configuration);
    }

    /// Stops all functions from mastering the bus, for the restart of the machine: no driver lets one master it again.
    pub fn stop_mastering(&self) {
        for function in &self.functions {
            function.stop_mastering(&self.configuration);
        }
    }

    /// Stops a function from mastering the bus, and resets it.
    pub fn disable(&self, machine: &Machine, function: Function) {
        function.disable(&self.configuration, || {
            // The wait cannot fail, since the notification is root's own. If it did, the function might not be ready yet.
            let _ = machine.sleep_ns(RESET_NS);
        });
    }
}

/// The driver of a function of this kind.
fn driver(function: &Function, kind: DeviceKind) -> Option<&'static Driver> {
    let Identity { vendor, device } = function.identity;
    kind.driver(vendor, device)
}

#[cfg(test)]
impl Devices {
    /// A machine's empty bus.
    pub fn for_tests(machine: &Machine) -> Devices {
        let configuration = ConfigurationPorts::new(machine.hardware, machine.pool);
        Devices {
            configuration: configuration.expect("a kernel that makes them"),
            functions: Vec::new(),
        }
    }
}
