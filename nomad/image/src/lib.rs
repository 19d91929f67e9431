//! The image of a domain: the bytes in which a move sends it.
//!
//! An image is a preamble, then records, each a head and a body, with raw pages between them. It is written and read as
//! a stream, without IO: a [`Writer`] appends to a buffer that the caller sends, a [`Reader`] is fed the received bytes
//! and returns [`Event`]s. `docs/image-format.md` draws the bytes.
//!
//! ```text
//!   preamble  outline  { memory | chunk, raw pages | round }*  state  chunks  seal   [ ... state  chunks  seal ]*
//!   identity and       the pages of the domain's Memories,    all but the pages,    checksum of all
//!   size               in rounds while it still runs          the last pages        before; a later one replaces it
//! ```
//!
//! | module | content |
//! | --- | --- |
//! | `preamble`, `record` | magic and versions; the head of a record |
//! | `outline` | [`Outline`]: the data needed to admit a domain |
//! | `page_map` | [`PageMap`]: the content of a chunk, in two bits per page |
//! | `description` | [`Description`]: everything about a frozen domain but its pages |
//! | `codec`, `check` | the bytes of a description; the rules that it must satisfy before it is used |
//! | `writer`, `reader`, `event`, `progress`, `checksum` | the stream |
//! | `listing` | [`Listing`]: the kernel's lists of a domain |
//! | `verdict` | [`judge`]: whether and how each thing that a domain holds can move |
//! | `describe` | [`describe`]: from a listing to a description |
//! | `agreement` | [`difference`]: compares a rebuilt domain with its description |
//! | `structure` | [`has_same_structure`]: compares two descriptions, except for what changes while a domain runs |
//!
//! Invariant: nothing is allocated before its size was compared with [`Limits`] and with the bytes that remain. Reading
//! any bytes ends in an [`Error`] or in a description that has passed [`Description::check`].

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod agreement;
mod blob;
mod check;
mod checksum;
mod codec;
mod describe;
mod description;
mod digest;
mod error;
mod event;
mod foreign;
mod limits;
mod listing;
mod outline;
mod page_map;
mod preamble;
mod progress;
mod reader;
mod record;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod stream_tests;
mod structure;
mod verdict;
mod writer;

pub use agreement::{Built, Difference, difference};
pub use blob::Blob;
pub use check::Fault;
pub use checksum::Checksum;
pub use describe::{DescribeError, Parts, describe};
pub use description::{
    Attribute, Capability, Clock, Description, Export, HeldCapability, Mapping, Object, Outsider,
    Role, Target, ThreadImage,
};
pub use digest::digest;
pub use error::Error;
pub use event::Event;
pub use limits::Limits;
pub use listing::{Listing, Numbering, OutsideKey};
pub use outline::{Identity, Outline};
pub use page_map::{PageChange, PageMap};
pub use preamble::{ABI_VERSION, FORMAT_VERSION, MAGIC, PREAMBLE_BYTES, Preamble};
pub use reader::Reader;
pub use record::{RECORD_HEAD_BYTES, RecordHead, RecordKind};
pub use structure::has_same_structure;
pub use verdict::{Judgement, NamedObject, Names, Refusal, Subject, Verdict, judge};
pub use writer::{Announcement, Chunk, MemoryKey, Round, Seal, Writer};

/// The size of a page, as a length.
pub const PAGE_BYTES: usize = abi::PAGE_BYTES as usize;

/// The most pages in one chunk: those of one leaf table.
pub const CHUNK_PAGES_MAX: usize = abi::PAGES_PER_TABLE as usize;
