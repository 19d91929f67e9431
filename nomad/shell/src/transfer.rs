//! The transfer of a package from an operator to root: [`Transfer`].

use nomad_client::RequestId;
use nomad_protocol::Instant;

/// How long the operator may be silent during a transfer.
const SILENCE_LIMIT_US: u64 = 30_000_000;

/// The progress of a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Transfer {
    request: RequestId,
    received: u32,
    size: u32,
    /// When its last piece arrived.
    last: Instant,
}

impl Transfer {
    /// The progress of a package of this many bytes, none of which has arrived.
    pub fn new(now: Instant, request: RequestId, size: u32) -> Transfer {
        Transfer {
            request,
            received: 0,
            size,
            last: now,
        }
    }

    /// The operator's request that it belongs to.
    pub fn request(&self) -> RequestId {
        self.request
    }

    /// The bytes that have arrived.
    pub fn received(&self) -> u32 {
        self.received
    }

    /// When the package is dropped, if no piece arrives until then.
    pub fn deadline(&self) -> Instant {
        self.last.after_us(SILENCE_LIMIT_US)
    }

    /// Counts a piece; returns whether the package is complete.
    pub fn advance(&mut self, now: Instant, bytes: usize) -> bool {
        self.last = now;
        self.received += bytes as u32;
        self.received == self.size
    }
}
