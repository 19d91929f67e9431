//! The machine's devices, functions on the PCI bus: finding them, and handing one to its driver.
//!
//! | file | content |
//! | --- | --- |
//! | [`configuration`] | access to configuration space |
//! | [`capability`] | the capability list in it |
//! | [`bar`] | base address registers: a function's regions |
//! | [`function`] | a function, enabling and disabling it |
//! | [`reset`], [`power`] | the reset of a function, and its power state |
//! | [`path`] | the bridges above a function |
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
pub mod path;
pub mod power;
pub mod record;
pub mod reset;
pub mod station;

use alloc::vec::Vec;

use abi::Error;
use manifest::{Device, DeviceKind, Driver};
use runtime::Cap;
use runtime::capability::Pool;
use runtime::protocol::Mac;
use runtime::protocol::inventory::FunctionRecord;

use crate::machine::Machine;
use bar::BAR_COUNT;
use bus::Found;
use configuration::{Address, ConfigurationPorts};
pub use function::Function;
use function::{COMMAND_BUS_MASTER, COMMAND_MEMORY, Identity};
use handover::{HandoverError, Parts};
use path::Bridges;
use reset::RESET_NS;

/// The functions on the bus, and the access to their configuration space.
#[derive(Debug)]
pub struct Devices {
    configuration: ConfigurationPorts,
    functions: Vec<Function>,
    bridges: Bridges,
    /// Where firmware placed the regions of the functions that have a driver: their base address registers.
    placed: Vec<(Address, [u32; BAR_COUNT])>,
}

impl Devices {
    /// Finds the machine's devices.
    ///
    /// # Errors
    /// The kernel's refusal.
    pub fn scan(machine: &Machine) -> Result<Devices, Error> {
        let configuration = ConfigurationPorts::new(machine.hardware, machine.pool)?;
        let Found { functions, bridges } = bus::search(&configuration);
        let is_driven = |function: &&Function| driver(function, DeviceKind::Nic).is_some();
        let driven = functions.iter().filter(is_driven);
        let placed = driven
            .map(|function| function.address)
            .map(|address| (address, bar::save(&configuration, address)));
        let devices = Devices {
            placed: placed.collect(),
            functions,
            bridges,
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
            self.make_reachable(machine, *nic);
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
        self.make_reachable(machine, function);
        let (configuration, functions) = (&self.configuration, &self.functions);
        Parts::create(machine, configuration, functions, &function, pool)
    }

    /// Makes a function, whose objects these are, send its interrupts as messages, once it masters the bus.
    pub fn enable_messages(&self, function: Function, parts: &Parts) {
        if parts.sends_messages() {
            function.enable_messages(&self.configuration);
        }
    }

    /// Lets accesses reach the registers of a function, as soon as it decodes them: opens the bridges above it, wakes it, and places its
    /// regions where firmware did.
    fn make_reachable(&self, machine: &Machine, function: Function) {
        let (configuration, address) = (&self.configuration, function.address);
        self.bridges.open(configuration, address, COMMAND_MEMORY);
        if power::wake(configuration, address) {
            log::info!("the device {} at {address} was asleep", function.identity);
            // As for a reset, the wait cannot fail.
            let _ = machine.sleep_ns(power::WAKE_NS);
        }
        if !function.place(configuration, self.placed(function)) {
            self.warn_of_place(function);
        }
    }

    /// The base address registers of a function, as firmware left them.
    fn placed(&self, function: Function) -> [u32; BAR_COUNT] {
        let mut placed = self.placed.iter();
        let placed = placed.find(|(address, _)| *address == function.address);
        placed.map_or([0; BAR_COUNT], |(_, placed)| *placed)
    }

    fn warn_of_place(&self, Function { address, identity }: Function) {
        log::error!(
            "the device {identity} at {address} does not keep the addresses of its regions"
        );
    }

    /// Lets a function master the bus, and opens the bridges above it for that. Its driver has reset it.
    pub fn let_master(&self, function: Function) {
        let bits = COMMAND_MEMORY | COMMAND_BUS_MASTER;
        self.bridges
            .open(&self.configuration, function.address, bits);
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
        let is_placed = function.disable(&self.configuration, self.placed(function), || {
            // The wait cannot fail, since the notification is root's own. If it did, the function might not be ready yet.
            let _ = machine.sleep_ns(RESET_NS);
        });
        if !is_placed {
            self.warn_of_place(function);
        }
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
            bridges: Bridges::default(),
            placed: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests;
