//! Root's one endpoint, told apart by badges: what a message is about, and which domain sent it.
//!
//! ```text
//! bits 32..: the interface     bits 0..32: the domain's number
//! ```

/// What root does for those who call it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Interface {
    /// Keeps what is said.
    Log = 1,
    /// Knows the machine's domains.
    Root = 2,
    /// Tells the switch what to do.
    Ports = 3,
    /// Hears of faults. The kernel sends here.
    Faults = 4,
    /// Tells what was said.
    Journal = 5,
}

/// A domain's number: never used for another while the machine runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DomainNumber(pub u32);

/// The badge of a domain's capability for an interface.
pub fn badge(interface: Interface, domain: DomainNumber) -> u64 {
    u64::from(interface as u32) << 32 | u64::from(domain.0)
}

/// What a badge says. Root made them all, so that a badge without a meaning comes from nobody.
pub fn decode(badge: u64) -> Option<(Interface, DomainNumber)> {
    let interface = [
        Interface::Log,
        Interface::Root,
        Interface::Ports,
        Interface::Faults,
        Interface::Journal,
    ]
    .into_iter()
    .find(|interface| u64::from(*interface as u32) == badge >> 32)?;
    Some((interface, DomainNumber(badge as u32)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_badge_says_what_and_who() {
        let number = DomainNumber(u32::MAX);
        for interface in [Interface::Log, Interface::Faults, Interface::Journal] {
            assert_eq!(decode(badge(interface, number)), Some((interface, number)));
        }
        assert_eq!(decode(0), None);
        assert_eq!(decode(99 << 32), None);
    }
}
