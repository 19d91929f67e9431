//! Serialization of a kernel object's [`ObjectId`], for fields with `#[serde(with = "identity::object_id")]`: a number in a
//! binary format, hexadecimal digits in text, since JSON readers round long numbers.

use abi::register::ObjectId;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serializer};

use crate::text;

/// Serializes an id.
///
/// # Errors
/// The serializer's error.
pub fn serialize<S: Serializer>(id: &ObjectId, serializer: S) -> Result<S::Ok, S::Error> {
    if serializer.is_human_readable() {
        serializer.collect_str(&format_args!("{:016x}", id.0))
    } else {
        serializer.serialize_u64(id.0)
    }
}

/// Deserializes an id.
///
/// # Errors
/// The deserializer's error, also for a text that is not a hexadecimal number of 64 bits.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ObjectId, D::Error> {
    if deserializer.is_human_readable() {
        let number = text::hexadecimal(deserializer)?;
        return u64::try_from(number)
            .map(ObjectId)
            .map_err(D::Error::custom);
    }
    u64::deserialize(deserializer).map(ObjectId)
}
