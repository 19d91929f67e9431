//! How much it may keep and where it listens: from the domain's arguments.

use core::fmt;

use runtime::Start;

use crate::account::RESERVE_BYTES;
use crate::tasks::CONNECTIONS;

const MIB: usize = 1 << 20;

/// What a connection takes of the heap even if it does nothing: 32 KiB of a socket's buffers, 8 KiB of its session's, and 4
/// KiB for what it read, its task and its socket's state around it.
const CONNECTION_BYTES: usize = 48 << 10;

/// The heap is smaller than what the domain may be asked to keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeapTooSmall {
    /// Bytes of the heap.
    pub heap: usize,
    /// Bytes that it should have.
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
    /// What the arguments say.
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

    /// Bytes of heap that serve these settings: both limits, a quarter more for what cells and pieces of the heap leave unused,
    /// what connections take, and the reserve.
    pub fn heap_bytes(&self) -> usize {
        let limits = self.store_bytes_max.saturating_add(self.buffer_bytes_max);
        let rounded = limits.saturating_add(limits / 4);
        rounded.saturating_add(CONNECTIONS * CONNECTION_BYTES + RESERVE_BYTES)
    }

    /// Whether a heap with so many bytes free serves these settings.
    ///
    /// # Errors
    /// [`HeapTooSmall`]: sooner or later a client would fill it, and with it end the domain.
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
    fn a_heap_serves_both_limits_and_every_connection() {
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
    fn no_heap_serves_limits_beyond_all_memory() {
        let settings = Settings {
            store_bytes_max: usize::MAX,
            ..Settings::default()
        };
        assert!(settings.check_heap(usize::MAX - 1).is_err());
    }
}
