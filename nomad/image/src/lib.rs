//! The image of a domain: one format for moving it, suspending it to a file and cloning it.
//!
//! An image is a preamble, then records, each a head and a body, with raw pages between them. It is written and read as
//! a stream, without IO: a [`Writer`] appends to a buffer that the caller sends, a [`Reader`] is fed what arrives and
//! answers with [`Event`]s. `docs/image-format.md` draws the bytes.
//!
//! ```text
//!   preamble  outline  { memory | chunk, raw pages | round }*  state  seal   [ ... state  seal ]*
//!   who am I, how      what the domain's Memories hold, in    all but the    checksum of all
//!   much will it take  rounds while it still runs             pages          before; a later one replaces it
//! ```
//!
//! | module | noun |
//! | --- | --- |
//! | `preamble`, `record` | magic and versions; the head of a record |
//! | `outline` | [`Outline`]: what must be known to admit a domain |
//! | `page_map` | [`PageMap`]: two bits a page say what a chunk brings of it |
//! | `description` | [`Description`]: everything about a frozen domain but its pages |
//! | `codec`, `check` | its bytes; what must hold before anybody acts on it |
//! | `writer`, `reader`, `progress`, `checksum` | the stream |
//! | `listing` | [`Listing`]: what the kernel says about a domain |
//! | `verdict` | [`judge`]: what becomes of each thing that a domain holds |
//! | `describe` | [`describe`]: from a listing to a description |
//! | `agreement` | [`difference`]: whether what was built is what was described |
//!
//! Invariant: nothing is allocated before its size was compared with [`Limits`] and with what is there; whatever the
//! bytes say, reading them ends in an [`Error`] or in a description that [`Description::check`] has passed.

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
mod foreign;
mod limits;
mod listing;
mod name;
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
mod verdict;
mod writer;

pub use agreement::{Built, Difference, difference};
pub use blob::Blob;
pub use check::Fault;
pub use checksum::Checksum;
pub use describe::{Parts, Undescribed, describe};
pub use description::{
    Attribute, Capability, Clock, Description, Export, HeldCapability, Mapping, Object, Outsider,
    Role, Target, ThreadImage,
};
pub use digest::Digest;
pub use error::Error;
pub use limits::Limits;
pub use listing::{Listing, Numbering, OutsideKey};
pub use name::{NAME_BYTES_MAX, Name};
pub use outline::{DomainId, Identity, Outline};
pub use page_map::{PageChange, PageMap};
pub use preamble::{ABI_VERSION, FORMAT_VERSION, MAGIC, PREAMBLE_BYTES, Preamble};
pub use reader::{Event, Reader};
pub use record::{RECORD_HEAD_BYTES, RecordHead, RecordKind};
pub use verdict::{Judgement, Known, Names, Refusal, Subject, Verdict, judge};
pub use writer::{Chunk, MemoryKey, Round, Seal, Writer};

/// Bytes of a page, as a length.
pub const PAGE_BYTES: usize = abi::PAGE_BYTES as usize;

/// Most pages in one chunk: what one leaf table holds.
pub const CHUNK_PAGES_MAX: usize = abi::PAGES_PER_TABLE as usize;
