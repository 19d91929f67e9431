//! Encoding of the system-call interface's types: as their numbers.

use abi::register::{Access, Register};
use abi::{ObjectKind, Rights};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serializer};

pub mod kind {
    //! An [`ObjectKind`].
    use super::*;

    pub fn serialize<S: Serializer>(kind: &ObjectKind, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(*kind as u8)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<ObjectKind, D::Error> {
        let number = u8::deserialize(from)?;
        ObjectKind::from_number(number).ok_or_else(|| D::Error::custom("no such kind"))
    }
}

pub mod kind_if_known {
    //! An [`ObjectKind`], or zero for a kind that this version does not know.
    use super::*;

    pub fn serialize<S: Serializer>(
        kind: &Option<ObjectKind>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(kind.map_or(0, |kind| kind as u8))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<ObjectKind>, D::Error> {
        u8::deserialize(from).map(ObjectKind::from_number)
    }
}

pub mod rights {
    //! A [`Rights`].
    use super::*;

    pub fn serialize<S: Serializer>(rights: &Rights, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u16(rights.0)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Rights, D::Error> {
        u16::deserialize(from).map(Rights)
    }
}

pub mod access {
    //! An [`Access`].
    use super::*;

    pub fn serialize<S: Serializer>(access: &Access, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(*access as u8)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Access, D::Error> {
        let number = u64::from(u8::deserialize(from)?);
        Access::from_register(number).map_err(|_| D::Error::custom("no such access"))
    }
}
