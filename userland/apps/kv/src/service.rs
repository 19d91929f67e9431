//! What all connections share: the store, the memory that their buffers grow on, and what is counted.

use crate::account::Account;
use crate::settings::Settings;
use crate::store::Store;

/// What the machine says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The time, in seconds since some moment.
    pub now_s: u64,
    /// How often the domain was activated on a machine.
    pub incarnation: u64,
}

/// What is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Connections that are open.
    pub clients: u64,
    /// Connections that ever were.
    pub connections: u64,
    /// Commands that were executed or refused.
    pub commands: u64,
    /// Keys that were read and there.
    pub hits: u64,
    /// Keys that were read and not there.
    pub misses: u64,
}

/// The service.
#[derive(Debug)]
pub struct Service {
    /// The keys.
    pub store: Store,
    /// What is counted.
    pub statistics: Statistics,
    /// What it was started with.
    pub settings: Settings,
    /// What buffers of connections grow on.
    pub buffers: Account,
    facts: fn() -> Facts,
    started_s: u64,
}

impl Service {
    /// A service without keys. `facts` is asked again and again.
    pub fn new(settings: Settings, facts: fn() -> Facts) -> Service {
        Service {
            store: Store::new(settings.store_bytes_max),
            statistics: Statistics::default(),
            settings,
            buffers: Account::new(settings.buffer_bytes_max),
            facts,
            started_s: facts().now_s,
        }
    }

    /// Seconds since it began.
    pub fn uptime_s(&self) -> u64 {
        (self.facts)().now_s.saturating_sub(self.started_s)
    }

    /// How often the domain was activated on a machine.
    pub fn incarnation(&self) -> u64 {
        (self.facts)().incarnation
    }
}
