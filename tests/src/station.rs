//! One of a fleet's machines: [`Station`].

use crate::MacAddress;

/// One of a fleet's machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Station {
    /// Where the domains start.
    A,
    /// Where they go.
    B,
    /// A third one, of the fleets that have one.
    C,
}

impl Station {
    /// Its name in the manifests.
    pub fn name(self) -> &'static str {
        match self {
            Station::A => "a",
            Station::B => "b",
            Station::C => "c",
        }
    }

    /// The address of its migration server.
    pub fn address(self) -> &'static str {
        match self {
            Station::A => "10.77.0.1",
            Station::B => "10.77.0.2",
            Station::C => "10.77.0.3",
        }
    }

    /// The other one of A and B.
    ///
    /// # Panics
    ///
    /// For C, which has two others.
    pub fn other(self) -> Station {
        match self {
            Station::A => Station::B,
            Station::B => Station::A,
            Station::C => panic!("c has two others"),
        }
    }

    /// The address of its card.
    pub fn card(self) -> MacAddress {
        MacAddress::local(self as u8 + 1)
    }

    /// The first ones, as many as this.
    pub fn first(count: usize) -> impl Iterator<Item = Station> {
        [Station::A, Station::B, Station::C].into_iter().take(count)
    }
}
