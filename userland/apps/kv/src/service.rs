//! The state shared by all connections: the store, the account of their buffers, and the statistics.

use crate::account::Account;
use crate::settings::Settings;
use crate::store::Store;

/// Facts from the runtime.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The time in seconds since an arbitrary moment.
    pub now_s: u64,
    /// The domain's incarnation: 1 when it starts, and one more after each move.
    pub incarnation: u64,
}

/// The statistics of the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Open connections.
    pub clients: u64,
    /// Connections ever accepted.
    pub connections: u64,
    /// Commands executed or rejected.
    pub commands: u64,
    /// Reads of existing keys.
    pub hits: u64,
    /// Reads of absent keys.
    pub misses: u64,
}

/// The shared state.
#[derive(Debug)]
pub struct Service {
    /// The keys.
    pub store: Store,
    /// The statistics.
    pub statistics: Statistics,
    /// The domain's arguments.
    pub settings: Settings,
    /// The account of the connections' buffers.
    pub buffers: Account,
    facts: fn() -> Facts,
    started_s: u64,
}

impl Service {
    /// Creates a service without keys. `facts` is called whenever facts are needed.
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

    /// Seconds since the start.
    pub fn uptime_s(&self) -> u64 {
        (self.facts)().now_s.saturating_sub(self.started_s)
    }

    /// The domain's incarnation.
    pub fn incarnation(&self) -> u64 {
        (self.facts)().incarnation
    }
}
