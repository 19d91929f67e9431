//! Lines of the kernel's log that wait for the console: [`LogRing`].

use core::fmt;
use core::sync::atomic::{AtomicU8, AtomicUsize, Ordering::Relaxed};

/// The ring's capacity in bytes. Writing all of them takes a third of a second at 115,200 baud.
pub const LOG_BYTES: usize = 4096;

/// A queue of bytes that accepts whole lines: one that does not fit is dropped and counted.
///
/// The kernel lock orders all uses. Only a panic may read the ring in any state, and at worst finds a truncated line.
pub struct LogRing {
    bytes: [AtomicU8; LOG_BYTES],
    /// The number of bytes ever removed.
    taken: AtomicUsize,
    /// The number of bytes ever added.
    put: AtomicUsize,
    /// The number of lines dropped since the last one that fitted.
    dropped: AtomicUsize,
}

impl LogRing {
    /// An empty ring.
    pub const fn new() -> LogRing {
        LogRing {
            bytes: [const { AtomicU8::new(0) }; LOG_BYTES],
            taken: AtomicUsize::new(0),
            put: AtomicUsize::new(0),
            dropped: AtomicUsize::new(0),
        }
    }

    /// Whether no byte waits.
    pub fn is_empty(&self) -> bool {
        self.taken.load(Relaxed) == self.put.load(Relaxed)
    }

    /// Adds a line, with the carriage return that a terminal needs. If lines were dropped before it, a line that reports their
    /// number comes first. A line that does not fit is dropped.
    pub fn put_line(&self, line: fmt::Arguments<'_>) {
        let dropped = self.dropped.load(Relaxed);
        let mut draft = Draft {
            ring: self,
            end: self.put.load(Relaxed),
        };
        let written = match dropped {
            0 => fmt::write(&mut draft, format_args!("{line}\r\n")),
            _ => fmt::write(
                &mut draft,
                format_args!("caravan: {dropped} lines were dropped here\r\n{line}\r\n"),
            ),
        };
        match written {
            Ok(()) => {
                self.put.store(draft.end, Relaxed);
                self.dropped.store(0, Relaxed);
            }
            Err(fmt::Error) => self.dropped.store(dropped + 1, Relaxed),
        }
    }

    /// Removes the oldest byte.
    pub fn take(&self) -> Option<u8> {
        if self.is_empty() {
            return None;
        }
        let index = self.taken.load(Relaxed);
        self.taken.store(index.wrapping_add(1), Relaxed);
        Some(self.bytes[index % LOG_BYTES].load(Relaxed))
    }

    /// Drops all waiting bytes, which count as one dropped line.
    pub fn discard(&self) {
        self.taken.store(self.put.load(Relaxed), Relaxed);
        self.dropped.store(self.dropped.load(Relaxed) + 1, Relaxed);
    }
}

/// A line that is being added and is not yet visible to readers.
struct Draft<'r> {
    ring: &'r LogRing,
    end: usize,
}

impl fmt::Write for Draft<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            let used = self.end.wrapping_sub(self.ring.taken.load(Relaxed));
            if used == LOG_BYTES {
                return Err(fmt::Error);
            }
            self.ring.bytes[self.end % LOG_BYTES].store(byte, Relaxed);
            self.end = self.end.wrapping_add(1);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(ring: &LogRing) -> String {
        let bytes = core::iter::from_fn(|| ring.take()).collect();
        String::from_utf8(bytes).expect("text")
    }

    #[test]
    fn lines_come_out_whole_and_in_order() {
        let ring = LogRing::new();
        for round in 0..500 {
            ring.put_line(format_args!("round {round}"));
            ring.put_line(format_args!("{}", "x".repeat(round)));
            let expected = format!("round {round}\r\n{}\r\n", "x".repeat(round));
            assert_eq!(text(&ring), expected);
            assert!(ring.is_empty());
        }
    }

    #[test]
    fn a_line_that_does_not_fit_is_dropped_whole_and_counted() {
        let ring = LogRing::new();
        let long = "y".repeat(LOG_BYTES / 2);
        ring.put_line(format_args!("{long}"));
        ring.put_line(format_args!("{long}"));
        ring.put_line(format_args!("{long}"));
        ring.put_line(format_args!("short"));
        // The short line fits behind the first one and the report of the two dropped between them.
        let expected = "caravan: 2 lines were dropped here\r\nshort\r\n";
        assert_eq!(text(&ring), format!("{long}\r\n{expected}"));
        ring.put_line(format_args!("last"));
        assert_eq!(text(&ring), "last\r\n");
    }

    #[test]
    fn a_line_that_exactly_fills_the_ring_is_kept() {
        let ring = LogRing::new();
        let whole = "z".repeat(LOG_BYTES - 2);
        ring.put_line(format_args!("{whole}"));
        ring.put_line(format_args!(""));
        assert_eq!(text(&ring), format!("{whole}\r\n"));
    }
}
