//! The PCI bus: finding functions, and handing one to its driver.
//!
//! | file | noun |
//! | --- | --- |
//! | [`configuration`] | access to configuration space |
//! | [`capability`] | the capability list in it |
//! | [`bar`] | base address registers: a function's regions |
//! | [`function`] | a function, enabling and disabling it |
//! | [`bus`] | enumerating all functions |
//! | [`kind`] | the kinds of devices in a manifest |
//! | [`handover`] | a function as capabilities of its driver |

pub mod bar;
pub mod bus;
pub mod capability;
pub mod configuration;
pub mod function;
pub mod handover;
pub mod kind;

pub use bus::functions;
pub use configuration::ConfigurationPorts;
pub use function::Function;
