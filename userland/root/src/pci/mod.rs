//! The PCI bus: which functions there are, and handing one to its driver.
//!
//! | file | noun |
//! | --- | --- |
//! | [`configuration`] | reading and writing configuration space |
//! | [`capability`] | the list of capabilities in it |
//! | [`bar`] | base address registers: where a function's registers are |
//! | [`function`] | a function that was found, switching it on and off |
//! | [`bus`] | finding all functions |
//! | [`kind`] | which functions are devices of a kind that a manifest names |
//! | [`handover`] | the parts of a function as capabilities of its driver |

pub mod bar;
pub mod bus;
pub mod capability;
pub mod configuration;
pub mod function;
pub mod handover;
pub mod kind;

pub use bus::functions;
pub use configuration::{Configuration, ConfigurationPorts};
pub use function::Function;
