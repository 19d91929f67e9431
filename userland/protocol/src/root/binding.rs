//! The machine-independent form of an outside object: [`Binding`].

use identity::{Ipv4, Mac, Name};
use serde::{Deserialize, Serialize};

/// An outside object in machine-independent form: its name, and the state that its service needs to serve the same client
/// on another machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    /// `log`, `port`, `doorbell`, `clock`, `faults`, or a service.
    pub name: Name,
    /// The state of a port; `None` for everything else.
    pub port: Option<PortState>,
}

/// The part of a port's state that moves with its domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortState {
    /// Its Ethernet address.
    pub mac: Mac,
    /// Its IPv4 address, if it has one.
    pub ip: Option<Ipv4>,
}
