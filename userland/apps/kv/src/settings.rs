//! How much it may keep and where it listens: from the domain's arguments.

use runtime::Start;

const MIB: usize = 1 << 20;

/// The settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// What keys and values may cost: argument `maxmemory_mib`.
    pub store_bytes_max: usize,
    /// What large requests and replies on their way may cost: argument `buffers_mib`.
    pub buffer_bytes_max: usize,
    /// The TCP port: argument `port`.
    pub port: u16,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            store_bytes_max: 16 * MIB,
            buffer_bytes_max: 8 * MIB,
            port: 6379,
        }
    }
}

impl Settings {
    /// What the arguments say. A heap that serves the defaults has 40 MiB: beside both limits, connections take 6
    /// MiB, and the rest is for pieces that nothing fits.
    ///
    /// # Panics
    /// If an argument is no number.
    pub fn from_arguments(start: Start) -> Settings {
        let default = Settings::default();
        let mib = |key, default: usize| start.argument_or(key, default / MIB).saturating_mul(MIB);
        Settings {
            store_bytes_max: mib("maxmemory_mib", default.store_bytes_max),
            buffer_bytes_max: mib("buffers_mib", default.buffer_bytes_max),
            port: start.argument_or("port", default.port),
        }
    }
}
