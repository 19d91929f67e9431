//! Serialization of a long number: fixed little-endian bytes in a binary format, hexadecimal digits in text.
//!
//! A number drawn at random gains nothing from a variable-length encoding, and JSON readers round long numbers.

/// Implements `Serialize`, `Deserialize` and `Display` for a one-field struct around an unsigned integer.
#[macro_export]
macro_rules! long_number {
    ($($name:ident($number:ty)),* $(,)?) => { $(
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    serializer.collect_str(self)
                } else {
                    serde::Serialize::serialize(&self.0.to_le_bytes(), serializer)
                }
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                if deserializer.is_human_readable() {
                    let number = $crate::text::hexadecimal(deserializer)?;
                    <$number>::try_from(number).map(Self).map_err(serde::de::Error::custom)
                } else {
                    let bytes = <[u8; size_of::<$number>()] as serde::Deserialize>::deserialize(deserializer)?;
                    Ok(Self(<$number>::from_le_bytes(bytes)))
                }
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                write!(formatter, "{:0digits$x}", self.0, digits = 2 * size_of::<$number>())
            }
        }
    )* };
}
