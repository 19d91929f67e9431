//! The current time, for the protocol: [`now`].

use embassy_time::Instant as Now;
use nomad_protocol::Instant;

/// The current time, as the protocol's type.
pub fn now() -> Instant {
    Instant::from_us(Now::now().as_micros())
}
