//! The cost of a stream, and the measurements of its path: [`Statistics`].

use core::fmt;

/// The cost of a stream so far, and the measurements of its path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Datagrams that were sent.
    pub datagrams: u64,
    /// Datagrams whose bytes had been sent before. They are included in `datagrams`.
    pub repeats: u64,
    /// The number of times the receiver was asked for an acknowledgement.
    pub probes: u64,
    /// The rate at which datagrams leave, in bytes per second.
    pub rate: u64,
    /// The least round-trip time of the last seconds, in microseconds.
    pub round_trip_us: u64,
    /// The longest datagram that is known to arrive, in bytes.
    pub datagram_bytes: usize,
}

impl fmt::Display for Statistics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Statistics {
            datagrams,
            repeats,
            probes,
            rate: _,
            round_trip_us,
            datagram_bytes,
        } = self;
        write!(
            formatter,
            "{datagrams} datagrams of up to {datagram_bytes} bytes, {repeats} repeated, {probes} probes, \
             round trip {round_trip_us} us"
        )
    }
}
