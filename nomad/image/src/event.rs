//! The parts of an image as a reader returns them: [`Event`].

use alloc::boxed::Box;

use crate::{
    Announcement, Chunk, Description, MemoryKey, Outline, PAGE_BYTES, PageMap, Preamble, Round,
    Seal,
};

/// A decoded part of an image.
#[derive(Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// The preamble of an image that this machine can read.
    Begun(Preamble),
    /// The outline of a domain.
    Outline(u8, Outline),
    /// Chunks of this Memory may follow.
    Memory(u8, Announcement),
    /// The changes of these pages; those with data follow as [`Event::Page`].
    Chunk(u8, Chunk, PageMap),
    /// A page of a Memory.
    Page(u8, MemoryKey, u64, &'a [u8; PAGE_BYTES]),
    /// A round ended.
    Round(u8, Round),
    /// A state that has passed all checks. If it comes before the end of a round, the domain still runs.
    State(u8, Box<Description>),
    /// The checksum matches; each domain is complete.
    Sealed(Seal),
}
