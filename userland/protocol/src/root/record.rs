//! Root's records of domains and memory.

use identity::{DomainId, Incarnation, Name};
use serde::{Deserialize, Serialize};

use crate::log::Text;

/// The state of a domain on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum DomainState {
    /// It runs, as far as root knows.
    #[error("running")]
    Running,
    /// It has ended or could not be started.
    #[error("stopped")]
    Stopped,
    /// It is moving to this machine.
    #[error("incoming")]
    Incoming,
    /// It is moving to another machine.
    #[error("exported")]
    Exported,
    /// It is complete and frozen; the source has not yet decided whether it runs here.
    #[error("prepared")]
    Prepared,
    /// It is at home here but absent: it is started once no other machine has it.
    #[error("waiting")]
    Waiting,
    /// It is at home here but has left, and is not started again unless an operator requests it.
    #[error("away")]
    Away,
    /// It is stopped for good, since a younger copy runs on another machine.
    #[error("outlived")]
    Outlived,
}

/// Root's record of a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DomainRecord {
    /// Its name.
    pub name: Name,
    /// Its id.
    pub id: DomainId,
    /// Its incarnation.
    pub incarnation: Incarnation,
    /// Its state on this machine.
    pub state: DomainState,
    /// Whether it may move.
    pub movable: bool,
    /// Whether it is part of the machine: its switch, a driver, its console or its migration server.
    pub is_part_of_machine: bool,
    /// The one machine that starts it; `None` if every machine does.
    pub home: Option<Name>,
    /// Whether this machine keeps the package that it came in.
    pub has_package: bool,
    /// The guest that may have it or another copy of it, if this machine is its home: it was sent there, or the guest has reported it.
    /// `None` once it has come back from there, or was started after a roll call.
    pub guest: Option<Name>,
    /// The size of its pool.
    pub pool_pages: u64,
    /// The spent part of its pool.
    pub spent_pages: u64,
}

impl DomainRecord {
    /// Whether this machine has a copy of it, or a part of one. A domain that has faulted is stopped and keeps its memory, for
    /// whoever looks into it.
    pub fn is_here(&self) -> bool {
        match self.state {
            DomainState::Running
            | DomainState::Incoming
            | DomainState::Prepared
            | DomainState::Exported
            | DomainState::Outlived => true,
            DomainState::Stopped => self.pool_pages > 0,
            DomainState::Waiting | DomainState::Away => false,
        }
    }
}

/// The result of installing a package.
#[expect(
    clippy::large_enum_variant,
    reason = "it is decoded on the stack and destructured at once"
)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Installation {
    /// Its domain is at home here now.
    Installed(DomainRecord),
    /// The package or its domain is not acceptable.
    Rejected {
        /// The field of the domain's manifest entry that is the reason, if one is.
        field: Option<Name>,
        /// The reason, without the field's name.
        reason: Text,
    },
}

/// The state of the machine's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MemoryRecord {
    /// The size of root's pool, from which all other pools are split.
    pub pool_pages: u64,
    /// The spent part of root's pool, other pools included. The pools of domains that have left or ended do not count: root destroys them
    /// when it needs the memory.
    pub spent_pages: u64,
    /// The pages of the pools that are being destroyed in the background.
    pub pages_being_freed: u64,
    /// The part of `spent_pages` that is reserved for the growth of root's own heap, and not populated yet.
    pub heap_growth_pages: u64,
    /// Free bytes of root's own heap.
    pub heap_free: u64,
    /// Free bytes of the switch's heap at its last call to root, with those of its buffer for frames.
    pub switch_heap_free: u64,
}

impl MemoryRecord {
    /// The free pages of root's pool.
    pub fn free_pages(&self) -> u64 {
        self.pool_pages.saturating_sub(self.spent_pages)
    }
}

impl core::fmt::Display for DomainRecord {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let (name, state, incarnation) = (self.name, self.state, self.incarnation);
        let (spent, pool) = (self.spent_pages, self.pool_pages);
        write!(
            f,
            "domain {name} {state}, incarnation {incarnation}, {spent} of {pool} pages"
        )?;
        match self.home {
            Some(home) => write!(f, ", home {home}"),
            None => Ok(()),
        }
    }
}

impl core::fmt::Display for MemoryRecord {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(
            f,
            "memory {} of {} pages",
            self.spent_pages, self.pool_pages
        )?;
        match self.heap_growth_pages {
            0 => {}
            pages => write!(
                f,
                ", {pages} of the {} for the growth of root's heap",
                self.spent_pages
            )?,
        }
        match self.pages_being_freed {
            0 => Ok(()),
            pages => write!(f, ", {pages} others are being freed"),
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::root::{decode_reply, granted};

    fn name(text: &str) -> Name {
        Name::try_new(text).unwrap()
    }

    #[test]
    fn a_domain_record_survives_a_message_and_is_displayed_on_one_line() {
        let record = DomainRecord {
            name: name("kv"),
            id: DomainId(7),
            incarnation: Incarnation(3),
            state: DomainState::Exported,
            movable: true,
            is_part_of_machine: false,
            home: Some(name("a")),
            has_package: true,
            guest: Some(name("guest-525400123456")),
            pool_pages: 100,
            spent_pages: 99,
        };
        assert_eq!(decode_reply(granted(&record).as_slice()), Ok(record));
        let text = "domain kv exported, incarnation 3, 99 of 100 pages, home a";
        assert_eq!(std::format!("{record}"), text);
    }

    #[test]
    fn the_memory_record_survives_a_message_and_is_displayed_on_one_line() {
        let record = MemoryRecord {
            pool_pages: 130_000,
            spent_pages: 42,
            pages_being_freed: 0,
            heap_growth_pages: 0,
            heap_free: 7,
            switch_heap_free: 9,
        };
        assert_eq!(decode_reply(granted(&record).as_slice()), Ok(record));
        assert_eq!(std::format!("{record}"), "memory 42 of 130000 pages");
        let young = MemoryRecord {
            heap_growth_pages: 9,
            ..record
        };
        assert_eq!(
            std::format!("{young}"),
            "memory 42 of 130000 pages, 9 of the 42 for the growth of root's heap"
        );
        let busy = MemoryRecord {
            pages_being_freed: 5,
            ..record
        };
        assert_eq!(
            std::format!("{busy}"),
            "memory 42 of 130000 pages, 5 others are being freed"
        );
    }
}
