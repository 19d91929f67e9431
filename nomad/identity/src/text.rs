//! Deserializing a short text without an allocator: [`parse`], [`hexadecimal`].

use core::fmt::{self, Display};
use core::marker::PhantomData;
use core::num::ParseIntError;
use core::str::FromStr;

use serde::Deserializer;
use serde::de::{Error, Visitor};

/// Deserializes a string and parses it. The string is only borrowed, so its length costs no memory.
pub(crate) fn parse<'de, T, D>(deserializer: D, expected: &'static str) -> Result<T, D::Error>
where
    T: FromStr<Err: Display>,
    D: Deserializer<'de>,
{
    deserializer.deserialize_str(TextVisitor {
        expected,
        value: PhantomData,
    })
}

/// Deserializes a number from its hexadecimal digits.
///
/// # Errors
/// The deserializer's error: the text is not hexadecimal, or the number is longer than 128 bits.
pub fn hexadecimal<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u128, D::Error> {
    parse(deserializer, "hexadecimal digits").map(|Hexadecimal(number)| number)
}

struct Hexadecimal(u128);

impl FromStr for Hexadecimal {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Hexadecimal, ParseIntError> {
        u128::from_str_radix(text, 16).map(Hexadecimal)
    }
}

struct TextVisitor<T> {
    expected: &'static str,
    value: PhantomData<T>,
}

impl<T: FromStr<Err: Display>> Visitor<'_> for TextVisitor<T> {
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.expected)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(|error| {
            E::custom(format_args!(
                "`{text}`: {error}, expected {}",
                self.expected
            ))
        })
    }
}
