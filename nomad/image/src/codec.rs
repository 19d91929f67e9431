//! The bytes of a description: an identity, a clock, the counts, then item after item.
//!
//! Items are decoded one by one, so that a count is compared with the limits and with the remaining bytes before memory
//! is allocated for it.

use crate::digest;
use alloc::vec::Vec;

use identity::Digest;
use serde::de::Deserialize;
use serde::{Deserialize as DeriveDeserialize, Serialize};

use crate::description::{Clock, Description};
use crate::limits::at_most;
use crate::record::RecordKind;
use crate::{Error, Identity, Limits};

const MALFORMED: Error = Error::Malformed {
    kind: RecordKind::State as u8,
};

/// The number of items in each list.
#[derive(Serialize, DeriveDeserialize)]
struct Counts {
    slots: u32,
    objects: u32,
    outsiders: u32,
    mappings: u32,
    capabilities: u32,
    held: u32,
    exports: u32,
}

impl Description {
    /// The bytes of a state record's body.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        append(&mut out, &self.identity);
        append(&mut out, &self.clock);
        append(&mut out, &self.wake);
        append(&mut out, &self.counts());
        append_all(&mut out, &self.objects);
        append_all(&mut out, &self.outsiders);
        append_all(&mut out, &self.mappings);
        append_all(&mut out, &self.capabilities);
        append_all(&mut out, &self.held);
        append_all(&mut out, &self.exports);
        out
    }

    /// Decodes a state record's body and checks the description.
    ///
    /// # Errors
    /// A count exceeds the limits or the record, bytes are malformed or left over, or the description has a
    /// [`crate::Fault`].
    pub fn from_bytes(bytes: &[u8], limits: &Limits) -> Result<Description, Error> {
        let mut bytes = bytes;
        let identity: Identity = take(&mut bytes)?;
        let clock: Clock = take(&mut bytes)?;
        let wake: Option<u32> = take(&mut bytes)?;
        let counts: Counts = take(&mut bytes)?;
        at_most("slots", counts.slots, abi::SLOTS_MAX)?;
        let capabilities_max = limits.capabilities_max;
        let description = Description {
            identity,
            clock,
            wake,
            slot_count: counts.slots,
            objects: take_all(&mut bytes, "objects", counts.objects, limits.objects_max)?,
            outsiders: take_all(
                &mut bytes,
                "outsiders",
                counts.outsiders,
                limits.outsiders_max,
            )?,
            mappings: take_all(&mut bytes, "mappings", counts.mappings, limits.mappings_max)?,
            capabilities: take_all(
                &mut bytes,
                "capabilities",
                counts.capabilities,
                capabilities_max,
            )?,
            held: take_all(
                &mut bytes,
                "held capabilities",
                counts.held,
                capabilities_max,
            )?,
            exports: take_all(&mut bytes, "exports", counts.exports, limits.exports_max)?,
        };
        no_more(bytes, RecordKind::State)?;
        description.check(limits)?;
        Ok(description)
    }

    /// The digest of its bytes.
    pub fn digest(&self) -> Digest {
        digest(&self.to_bytes())
    }

    fn counts(&self) -> Counts {
        Counts {
            slots: self.slot_count,
            objects: self.objects.len() as u32,
            outsiders: self.outsiders.len() as u32,
            mappings: self.mappings.len() as u32,
            capabilities: self.capabilities.len() as u32,
            held: self.held.len() as u32,
            exports: self.exports.len() as u32,
        }
    }
}

/// Appends an item's bytes.
pub(crate) fn append<T: Serialize>(out: &mut Vec<u8>, item: &T) {
    let mut tail = core::mem::take(out);
    // This cannot fail: a vector grows as needed, and every type here knows the length of its sequences.
    tail = postcard::to_extend(item, tail).unwrap_or_default();
    *out = tail;
}

fn append_all<T: Serialize>(out: &mut Vec<u8>, items: &[T]) {
    for item in items {
        append(out, item);
    }
}

/// Decodes a record's whole body.
pub(crate) fn decode<'a, T: Deserialize<'a>>(
    kind: RecordKind,
    bytes: &'a [u8],
) -> Result<T, Error> {
    let malformed = Error::Malformed { kind: kind as u8 };
    let (item, rest) = postcard::take_from_bytes(bytes).map_err(|_| malformed)?;
    no_more(rest, kind)?;
    Ok(item)
}

/// Checks that no bytes are left over.
fn no_more(bytes: &[u8], kind: RecordKind) -> Result<(), Error> {
    match bytes.len() as u64 {
        0 => Ok(()),
        bytes => Err(Error::TrailingBytes {
            kind: kind as u8,
            bytes,
        }),
    }
}

fn take<'a, T: Deserialize<'a>>(bytes: &mut &'a [u8]) -> Result<T, Error> {
    let (item, rest) = postcard::take_from_bytes(bytes).map_err(|_| MALFORMED)?;
    *bytes = rest;
    Ok(item)
}

fn take_all<'a, T: Deserialize<'a>>(
    bytes: &mut &'a [u8],
    what: &'static str,
    count: u32,
    most: u32,
) -> Result<Vec<T>, Error> {
    at_most(what, count, most)?;
    // No item is shorter than a byte.
    if count as usize > bytes.len() {
        let (count, remaining) = (count.into(), bytes.len() as u64);
        return Err(Error::CountBeyondRecord {
            what,
            count,
            remaining,
        });
    }
    let mut items = Vec::with_capacity(count as usize);
    for _ in 0..count {
        items.push(take(bytes)?);
    }
    Ok(items)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;
    use crate::{Fault, Object};

    #[test]
    fn reads_what_it_writes() {
        let description = samples::description();
        let read = Description::from_bytes(&description.to_bytes(), &Limits::default());
        assert_eq!(read, Ok(description));
    }

    #[test]
    fn refuses_a_count_beyond_the_limit_or_the_record() {
        let description = samples::description();
        let limits = Limits {
            objects_max: 1,
            ..Limits::default()
        };
        let read = Description::from_bytes(&description.to_bytes(), &limits);
        assert!(matches!(
            read,
            Err(Error::TooMany {
                what: "objects",
                most: 1,
                ..
            })
        ));

        let mut bytes = Vec::new();
        append(&mut bytes, &description.identity);
        append(&mut bytes, &description.clock);
        append(&mut bytes, &description.wake);
        let counts = Counts {
            objects: 4000,
            ..samples::minimal().counts()
        };
        append(&mut bytes, &counts);
        let read = Description::from_bytes(&bytes, &Limits::default());
        let (count, remaining) = (4000, 0);
        assert_eq!(
            read,
            Err(Error::CountBeyondRecord {
                what: "objects",
                count,
                remaining
            })
        );
    }

    #[test]
    fn refuses_bytes_left_over_and_bytes_missing() {
        let mut bytes = samples::description().to_bytes();
        bytes.push(0);
        let read = Description::from_bytes(&bytes, &Limits::default());
        assert_eq!(read, Err(Error::TrailingBytes { kind: 5, bytes: 1 }));
        for length in 0..bytes.len() - 1 {
            assert!(Description::from_bytes(&bytes[..length], &Limits::default()).is_err());
        }
    }

    #[test]
    fn checks_the_decoded_description() {
        let mut description = samples::description();
        description.objects[0] = Object::Gone;
        let read = Description::from_bytes(&description.to_bytes(), &Limits::default());
        assert!(
            matches!(read, Err(Error::Description(Fault::NoSuchTarget { .. }))),
            "{read:?}"
        );
    }
}
