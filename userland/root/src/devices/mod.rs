//! The machine's devices, functions on the PCI bus: finding them, and handing one to its driver.
//!
//! | file | noun |
//! | --- | --- |
//! | [`configuration`] | access to configuration space |
//! | [`capability`] | the capability list in it |
//! | [`bar`] | base address registers: a function's regions |
//! | [`function`] | a function, enabling and disabling it |
//! | [`bus`] | enumerating all functions |
//! | [`messages`] | message-signalled interrupts |
//! | [`kind`] | the kinds of devices in a manifest |
//! | [`handover`] | a function as capabilities of its driver |

pub mod bar;
pub mod bus;
pub mod capability;
pub mod configuration;
pub mod function;
pub mod handover;
pub mod kind;
pub mod messages;

use alloc::vec::Vec;

use abi::Error;
use manifest::Device;
use runtime::Cap;
use runtime::capability::Pool;

use crate::machine::Machine;
use configuration::ConfigurationPorts;
pub use function::Function;
use function::RESET_NS;
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
        let functions = bus::functions(&configuration);
        Ok(Devices {
            configuration,
            functions,
        })
    }

    /// The number of functions on the bus.
    pub fn count(&self) -> usize {
        self.functions.len()
    }

    /// The function that a manifest names by kind and index.
    pub fn find(&self, device: &Device) -> Option<Function> {
        let functions = self.functions.iter();
        let mut same = functions.filter(|function| kind::matches(function.identity, device.kind));
        same.nth(device.index as usize).copied()
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
        Parts::create(machine, &self.configuration, &function, pool)
    }

    /// Lets a function master the bus and send interrupt messages.
    pub fn enable(&self, function: Function) {
        function.enable(&self.configuration);
    }

    /// Cuts a function off from memory and resets it.
    pub fn disable(&self, machine: &Machine, function: Function) {
        function.disable(&self.configuration, || {
            // The notification is root's own; if the wait failed, the worst result would be a function that is not ready yet.
            let _ = machine.sleep_ns(RESET_NS);
        });
    }
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
