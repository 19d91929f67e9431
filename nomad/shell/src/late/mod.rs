//! Late frames, without the switch and the network: frames that reach this machine for a domain that is leaving or has left, and
//! frames that another machine forwards for a domain that came from there. No late frame is put back on the wire, and none is lost
//! unless too many wait, too many domains leave, a migration server is restarted, or the other machine does not reply for ten seconds.
//!
//! | file | content |
//! | --- | --- |
//! | [`table`] | the destinations of late frames |
//! | [`outlet`] | the frames for one leaving domain: held, then sent until they are acknowledged |
//! | [`inlet`] | the frames for one domain that arrived, assembled from pieces |

pub mod inlet;
pub mod outlet;
pub mod table;

/// The length of the longest frame of a port, which the server asserts.
pub const FRAME_BYTES_MAX: usize = 1514;
