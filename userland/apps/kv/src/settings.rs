//! The domain's arguments: memory limits and port.

use core::fmt;

use runtime::Start;

use crate::account::RESERVE_BYTES;

const MIB: usize = 1 << 20;

/// The maximum number of connections. With this many, a client that closes fifty connections can open fifty others at once, even
/// if the sockets of the first ones are not closed yet.
pub const CONNECTIONS: usize = 128;

/// The heap that an idle connection uses: 32 KiB of socket buffers, 8 KiB of session buffers, and the states of its task and its
/// socket.
const CONNECTION_BYTES: usize = 48 << 10;

/// The heap is too small for the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeapTooSmall {
    /// The free bytes of the heap.
    pub heap: usize,
    /// The needed bytes.
    pub needed: usize,
}

impl fmt::Display for HeapTooSmall {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let HeapTooSmall { heap, needed } = self;
        write!(
            formatter,
            "the heap has {heap} bytes free, but maxmemory_mib, buffers_mib, {CONNECTIONS} connections and a reserve take {needed}"
        )
    }
}

/// The settings, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The limit of keys and values: argument `maxmemory_mib`.
    pub store_bytes_max: usize,
    /// The limit of large requests and replies in flight: argument `buffers_mib`.
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
    /// Reads the arguments.
    ///
    /// # Panics
    /// If an argument is not a number.
    pub fn from_arguments(start: Start) -> Settings {
        let default = Settings::default();
        let mib = |key, default: usize| start.argument_or(key, default / MIB).saturating_mul(MIB);
        Settings {
            store_bytes_max: mib("maxmemory_mib", default.store_bytes_max),
            buffer_bytes_max: mib("buffers_mib", default.buffer_bytes_max),
            port: start.argument_or("port", default.port),
        }
    }

    /// The heap needed for these settings: both limits and a quarter more for fragmentation, the connections, and the reserve.
    pub fn heap_bytes(&self) -> usize {
        let limits = self.store_bytes_max.saturating_add(self.buffer_bytes_max);
        let rounded = limits.saturating_add(limits / 4);
        rounded.saturating_add(CONNECTIONS * CONNECTION_BYTES + RESERVE_BYTES)
    }

    /// Checks that a heap with this many free bytes is large enough for these settings.
    ///
    /// # Errors
    /// [`HeapTooSmall`], since a client could exhaust such a heap and thereby end the domain.
    pub fn check_heap(&self, free: usize) -> Result<(), HeapTooSmall> {
        let needed = self.heap_bytes();
        if free < needed {
            return Err(HeapTooSmall { heap: free, needed });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_needed_heap_covers_both_limits_and_every_connection() {
        let settings = Settings::default();
        let needed = settings.heap_bytes();
        assert_eq!(needed, (30 + 6 + 2) * MIB);
        assert_eq!(settings.check_heap(needed), Ok(()));
        let heap = needed - 1;
        assert_eq!(
            settings.check_heap(heap),
            Err(HeapTooSmall { heap, needed })
        );
        let more = Settings {
            buffer_bytes_max: settings.buffer_bytes_max + 4,
            ..settings
        };
        assert_eq!(more.heap_bytes(), needed + 5);
    }

    #[test]
    fn no_heap_is_large_enough_for_limits_that_overflow() {
        let settings = Settings {
            store_bytes_max: usize::MAX,
            ..Settings::default()
        };
        assert!(settings.check_heap(usize::MAX - 1).is_err());
    }
}
