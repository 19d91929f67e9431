//! How much memory, how fast it is dirtied, and where requests arrive: from the domain's arguments.

use core::fmt;

use runtime::Start;

const PAGES_PER_MIB: usize = 256;

/// The settings, in the units of use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Pages of the heap: argument `heap_mib`.
    pub page_count: usize,
    /// Pages of its beginning that are dirtied: argument `working_set_mib`.
    pub working_page_count: usize,
    /// How many of them in a second: argument `pages_per_second`.
    pub pages_per_second: u64,
    /// The UDP and TCP port: argument `port`.
    pub port: u16,
}

impl Settings {
    /// What the arguments say; the defaults are the workload that figures are quoted for.
    ///
    /// # Panics
    /// If an argument is no number.
    pub fn from_arguments(start: Start) -> Settings {
        Settings {
            page_count: start.argument_or("heap_mib", 64) * PAGES_PER_MIB,
            working_page_count: start.argument_or("working_set_mib", 4) * PAGES_PER_MIB,
            pages_per_second: start.argument_or("pages_per_second", 500),
            port: start.argument_or("port", 7000),
        }
    }
}

impl fmt::Display for Settings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "H={} W={} P={} port={}",
            self.page_count / PAGES_PER_MIB,
            self.working_page_count / PAGES_PER_MIB,
            self.pages_per_second,
            self.port
        )
    }
}
