//! Identifies a domain and orders its copies by age: [`DomainId`], [`Incarnation`].

use serde::{Deserialize, Serialize};

/// Identifies a domain, wherever it runs. The id is drawn at random when the domain is created, and never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DomainId(pub u128);

crate::long_number!(DomainId(u128));

impl DomainId {
    /// The id in two words, low word first.
    pub fn from_words([low, high]: [u64; 2]) -> DomainId {
        DomainId(u128::from(high) << 64 | u128::from(low))
    }
}

/// An incarnation of a domain: 1 when the domain starts, and one more after each move. Of two copies the one with the
/// higher incarnation is the younger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Incarnation(pub u64);

impl Incarnation {
    /// The incarnation of the next activation.
    #[must_use]
    pub fn next(self) -> Self {
        Incarnation(self.0.saturating_add(1))
    }

    /// Whether a copy of this incarnation must be frozen and reported if a copy of incarnation `other` exists elsewhere.
    pub fn is_outlived_by(self, other: Incarnation) -> bool {
        other > self
    }
}

impl core::fmt::Display for Incarnation {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: DomainId = DomainId(0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10);

    #[test]
    fn an_id_is_fixed_bytes_in_a_binary_format_and_digits_in_text() {
        let mut bytes = [0; 20];
        let bytes = postcard::to_slice(&ID, &mut bytes).expect("room");
        assert_eq!(bytes, ID.0.to_le_bytes());
        assert_eq!(postcard::from_bytes::<DomainId>(bytes).expect("an id"), ID);
        let json = serde_json::to_string(&ID).expect("JSON");
        assert_eq!(json, "\"0102030405060708090a0b0c0d0e0f10\"");
        assert_eq!(serde_json::from_str::<DomainId>(&json).expect("an id"), ID);
        let words = [0x090a_0b0c_0d0e_0f10, 0x0102_0304_0506_0708];
        assert_eq!(DomainId::from_words(words), ID);
        assert!(serde_json::from_str::<DomainId>("\"xyz\"").is_err());
    }

    #[test]
    fn the_higher_incarnation_outlives_the_other() {
        let first = Incarnation(1);
        assert!(first.is_outlived_by(first.next()));
        assert!(!first.next().is_outlived_by(first) && !first.is_outlived_by(first));
        assert_eq!(Incarnation(u64::MAX).next(), Incarnation(u64::MAX));
    }
}
