//! The records that `DomainDescribe` writes about a domain: fixed-size, in the message buffer's data.
//!
//! There are four lists, each read from a cursor: the objects of the domain's pool, the domain's mappings, the capabilities
//! in its table, and the capabilities held *inside* its objects (pagers, fault endpoints, bound notifications). Records name
//! objects by [`ObjectId`](crate::register::ObjectId). An id that is not in the list of objects belongs to another pool.

use crate::numbered;

/// The cursor after a list's last record.
pub const CURSOR_END: u64 = u64::MAX;

numbered! {
    /// One of the lists.
    pub enum List: u8 {
        /// [`ObjectRecord`]s in the order of creation: first the domain's own pool, then everything allocated from it, the
        /// domain itself included.
        Objects = 0,
        /// [`MappingRecord`]s in the order of addresses.
        Mappings = 1,
        /// [`CapabilityRecord`]s of the table, in the order of slots.
        Capabilities = 2,
        /// [`CapabilityRecord`]s of slots inside objects; `slot` is a [`Held`], `holder` the object.
        Held = 3,
    }
}

numbered! {
    /// The role of a capability inside an object.
    pub enum Held: u32 {
        /// A Memory's pager.
        Pager = 1,
        /// A thread's fault endpoint.
        FaultEndpoint = 2,
        /// A thread's bound notification.
        BoundNotification = 3,
    }
}

/// Words in every record.
pub const RECORD_WORDS: usize = 8;

/// The largest number of records that one call writes.
pub const RECORDS_MAX: usize = crate::message::DATA_BYTES / (RECORD_WORDS * 8);

/// One record: eight words.
pub type RecordWords = [u64; RECORD_WORDS];

macro_rules! records {
    ($($(#[$outer:meta])* $name:ident { $($(#[$doc:meta])* $field:ident),* })*) => {$(
        $(#[$outer])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
        pub struct $name {
            $($(#[$doc])* pub $field: u64,)*
        }

        impl $name {
            /// The record as words; unused ones are zero.
            pub fn to_words(&self) -> RecordWords {
                let mut words = [0; RECORD_WORDS];
                for (word, value) in words.iter_mut().zip([$(self.$field),*]) {
                    *word = value;
                }
                words
            }

            /// Decodes a record.
            pub fn from_words(words: &RecordWords) -> $name {
                let mut words = words.iter().copied();
                $name { $($field: words.next().unwrap_or(0)),* }
            }
        }
    )*};
}

records! {
    /// An object of the domain's pool.
    ObjectRecord {
        /// Its [`ObjectId`](crate::register::ObjectId).
        id,
        /// Its [`crate::ObjectKind`].
        kind,
        /// Of a Memory: its pages. Of a Notification: its flags. Of a Domain: its slots. Of a Pool: its pages.
        size,
        /// Of a Memory: 0 ordinary, 1 contiguous, 2 a device's or the boot archive's. Of a Domain: its clock's offset, an
        /// `i64`.
        attribute,
        /// Of a Memory: the number of present pages.
        present,
        /// Of a Memory: the number of capabilities and mappings that let other domains write it.
        writers
    }
    /// A Memory's mapping in the domain.
    MappingRecord {
        /// Its first address in the domain.
        address,
        /// The Memory's [`ObjectId`](crate::register::ObjectId).
        memory,
        /// The first mapped page of the Memory.
        first_page,
        /// The number of pages.
        page_count,
        /// A [`crate::register::Access`].
        access,
        /// One plus the number of a slot in the domain's table: the slot of the capability that the mapping was made through
        /// or, if that is in another table, of its nearest ancestor in this one. Zero if there is neither.
        parent
    }
    /// A capability.
    CapabilityRecord {
        /// The slot's number, or a [`Held`].
        slot,
        /// The kind of object.
        kind,
        /// The object's [`ObjectId`](crate::register::ObjectId); of a reply right, the thread's.
        object,
        /// The rights.
        rights,
        /// The badge.
        badge,
        /// One plus the number of the slot of its nearest ancestor in the domain's table; zero if it has none there.
        parent,
        /// The [`ObjectId`](crate::register::ObjectId) of the object that holds it, in [`List::Held`]; else zero.
        holder
    }
}
