//! The machines of a fleet, by name: [`Node`].

use crate::MacAddress;

/// One of a fleet's machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Node {
    /// The machine on which the domains start.
    A,
    /// The machine to which they move.
    B,
    /// A third machine, in fleets of three.
    C,
}

impl Node {
    /// Its name in the manifests.
    pub fn name(self) -> &'static str {
        match self {
            Node::A => "a",
            Node::B => "b",
            Node::C => "c",
        }
    }

    /// The address of its migration server.
    pub fn address(self) -> &'static str {
        match self {
            Node::A => "10.77.0.1",
            Node::B => "10.77.0.2",
            Node::C => "10.77.0.3",
        }
    }

    /// The other one of A and B.
    ///
    /// # Panics
    ///
    /// For C, which has two others.
    pub fn other(self) -> Node {
        match self {
            Node::A => Node::B,
            Node::B => Node::A,
            Node::C => panic!("c has two others"),
        }
    }

    /// The Ethernet address of its NIC.
    pub fn nic(self) -> MacAddress {
        MacAddress::local(self as u8 + 1)
    }

    /// The Ethernet address of its migration server.
    pub fn server_mac(self) -> MacAddress {
        MacAddress([0x52, 0x54, 0x00, 0x4d, 0x00, self as u8 + 1])
    }

    /// The date and time at which its clock starts, a day later than that of the previous node.
    pub fn wall_clock(self) -> String {
        format!("2026-01-{:02}T03:04:05", self as u8 + 2)
    }

    /// The first `count` nodes.
    pub fn first(count: usize) -> impl Iterator<Item = Node> {
        [Node::A, Node::B, Node::C].into_iter().take(count)
    }
}
