//! A SHA-256 digest: [`Digest`].

use core::fmt;

use serde::{Deserialize, Serialize};

/// A SHA-256 digest (FIPS 180-4). Other crates compute it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Digest(pub [u8; 32]);

impl fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, ..] = self.0;
        write!(formatter, "Digest({a:02x}{b:02x}{c:02x}{d:02x}..)")
    }
}
