//! Bytes that only a service interprets: an export or a binding.

use alloc::vec::Vec;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Opaque bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Blob(pub Vec<u8>);

impl Serialize for Blob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Blob, D::Error> {
        // Decoded as a borrowed slice first, so that only bytes that are present are copied, whatever length the image
        // claims.
        <&[u8]>::deserialize(deserializer).map(|bytes| Blob(bytes.to_vec()))
    }
}
