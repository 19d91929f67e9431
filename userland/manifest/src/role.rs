//! The role of a domain: the part that it plays on its machine, beyond having capabilities.

use core::fmt;

use serde::{Deserialize, Serialize};

use crate::Capability;

/// A role. Only a domain with the role may have the capabilities that belong to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// It connects the machine's ports: without it, no port carries frames.
    Switch,
    /// It operates a device, for which it may create memory for DMA.
    Driver,
    /// It shows the machine's log on the serial port and the screen, and root wakes it for new lines.
    Console,
    /// It moves the machine's domains. Before root starts a domain that may be elsewhere, it finds out whether another machine
    /// has that domain.
    MigrationServer,
}

impl Role {
    /// The capabilities that a domain with this role must have.
    pub fn needs(self) -> &'static [Capability] {
        use Capability::{Device, Pool, Port, Ports, Records, Root, Serial, Tunnel};
        match self {
            Role::Switch => const { &[Ports] },
            Role::Driver => const { &[Device, Pool] },
            Role::Console => const { &[Serial] },
            Role::MigrationServer => const { &[Pool, Root, Port, Tunnel, Records] },
        }
    }

    /// The role to which a capability belongs; `None` if every domain may have it.
    pub fn owner(capability: &Capability) -> Option<Role> {
        match capability {
            Capability::Ports => Some(Role::Switch),
            Capability::Device => Some(Role::Driver),
            Capability::Serial
            | Capability::Screen
            | Capability::Keyboard
            | Capability::Domains => Some(Role::Console),
            Capability::Tunnel | Capability::Root => Some(Role::MigrationServer),
            _ => None,
        }
    }

    /// Whether a machine has at most one domain with this role.
    pub fn is_unique(self) -> bool {
        self != Role::Driver
    }
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Role::Switch => "switch",
            Role::Driver => "driver",
            Role::Console => "console",
            Role::MigrationServer => "migration-server",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLES: [Role; 4] = [
        Role::Switch,
        Role::Driver,
        Role::Console,
        Role::MigrationServer,
    ];

    #[test]
    fn every_role_is_read_as_it_is_displayed() {
        #[derive(Deserialize)]
        struct Line {
            role: Role,
        }
        for role in ROLES {
            let line: Line = toml::from_str(&alloc::format!("role = \"{role}\"")).unwrap();
            assert_eq!(line.role, role);
        }
    }

    #[test]
    fn a_role_needs_a_capability_that_belongs_to_it() {
        for role in ROLES {
            let own = |capability| Role::owner(capability) == Some(role);
            assert!(role.needs().iter().any(own), "{role}");
        }
    }
}
