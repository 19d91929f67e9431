//! The domain's arguments: the size of its heap, the rate of dirtying, and its port.

use core::fmt;

use runtime::Start;

const PAGES_PER_MIB: usize = 256;

/// The settings, converted to internal units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The number of pages of the heap: argument `heap_mib`.
    pub page_count: usize,
    /// The number of pages at the heap's beginning that are dirtied: argument `working_set_mib`.
    pub working_page_count: usize,
    /// The number of pages dirtied per second: argument `pages_per_second`.
    pub pages_per_second: u64,
    /// The UDP and TCP port: argument `port`.
    pub port: u16,
}

impl Settings {
    /// Reads the arguments. The defaults are the workload with which the published figures were measured.
    ///
    /// # Panics
    /// If an argument is not a number.
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
