//! Physical memory: the owner of each frame, and the few ways to access its bytes.
//!
//! This module may use `unsafe`: frames become typed here, so that the rest of the kernel is safe code.
//!
//! | file | content |
//! | --- | --- |
//! | `frame` | [`Frame`]: one page of RAM, and its bytes |
//! | `owned` | [`OwnedFrame`]: the right to use a frame, or to release it |
//! | `unmapped` | [`Unmapped`]: frames that a TLB may still refer to |
//! | `run` | [`OwnedRun`], [`ForeignRun`]: contiguous pages |
//! | `allocator` | [`FrameAllocator`]: the free frames |
//! | `bit_tree` | a set of numbers, here of the free frames |
//! | `reference` | [`Ref`]: a kernel object that lives in a frame |
//! | `table` | a frame of 512 page-table entries |
//! | `page_tables` | [`PageTables`]: the tables of a Memory; [`LeafTable`]: one of them |
//! | `address_space` | [`AddressSpace`]: a domain's upper tables, into which Memories' leaf tables are linked |
//! | `slots` | the storage of capability slots |
//! | `holder` | [`Holder`]: the owner of a slot |
//! | `lock` | the kernel lock |
//!
//! Invariant: a frame has one owner at a time, enforced by the types (see `owned`). Code that ends a frame's use first removes
//! every [`Ref`], table entry and slot that refers to it. Objects refer to each other only through capabilities, queue links and
//! their owner's lists, all of which destruction empties.

#![allow(unsafe_code)]

mod address_space;
mod allocator;
mod bit_tree;
mod frame;
mod holder;
mod lock;
mod owned;
mod page_tables;
mod reference;
mod run;
mod slots;
mod table;
mod unmapped;

pub use address_space::{AddressSpace, LinkRights, Translation};
pub use allocator::{ALIGNMENT_MAX, FrameAllocator, RunRequest, RunSearch};
pub use frame::Frame;
pub use holder::Holder;
pub(crate) use lock::KernelLock;
pub use owned::{Occupied, OwnedFrame};
pub use page_tables::{LeafTable, PageTables};
pub use reference::Ref;
pub use run::{ForeignRun, OwnedRun, archive_bytes};
pub use slots::{SLOTS_PER_FRAME, SlotDirectory, SlotFrame, SlotStorage, place_of};
use table::Table;
pub use table::{Entry, TABLE_ENTRIES};
pub use unmapped::Unmapped;

/// Bytes in a frame.
pub const FRAME_BYTES: u64 = abi::PAGE_BYTES;
