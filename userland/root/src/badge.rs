//! The badges of the one endpoint of all of root's interfaces. A badge encodes the interface that a message is for, and the
//! domain that sent it.
//!
//! ```text
//! bits 32..: the interface     bits 0..32: the domain's number
//! ```

use abi::numbered;

numbered! {
    /// One of root's interfaces.
    pub enum Interface: u32 {
        /// Log lines from domains.
        Log = 1,
        /// Listing, starting and moving domains, for the migration server.
        Root = 2,
        /// Commands for the switch.
        Ports = 3,
        /// Faults, sent by the kernel.
        Faults = 4,
        /// Reading the log.
        Journal = 5,
        /// Reading what root knows of the hardware.
        Inventory = 6,
        /// Listing the domains and the machine's memory, for the console.
        Domains = 7,
        /// Letting a domain's device master the bus.
        Device = 8,
    }
}

/// A domain's number, never reused while the machine runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DomainNumber(pub u32);

/// The badge of a domain's capability for an interface.
pub fn badge(interface: Interface, domain: DomainNumber) -> u64 {
    u64::from(interface as u32) << 32 | u64::from(domain.0)
}

/// Decodes a badge. Root mints all of them, so an invalid one cannot arrive.
pub fn decode(badge: u64) -> Option<(Interface, DomainNumber)> {
    let interface = Interface::from_number((badge >> 32) as u32)?;
    Some((interface, DomainNumber(badge as u32)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_badge_encodes_interface_and_domain() {
        let number = DomainNumber(u32::MAX);
        for interface in [Interface::Log, Interface::Faults, Interface::Device] {
            assert_eq!(decode(badge(interface, number)), Some((interface, number)));
        }
        assert_eq!(decode(0), None);
        assert_eq!(decode(99 << 32), None);
    }
}
