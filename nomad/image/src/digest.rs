//! The digest of a domain's state: [`digest`].

use identity::Digest;
use sha2::{Digest as _, Sha256};

/// The SHA-256 digest of these bytes.
pub fn digest(bytes: &[u8]) -> Digest {
    Digest(Sha256::digest(bytes).into())
}
