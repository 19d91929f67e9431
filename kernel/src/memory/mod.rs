//! Physical memory: who owns each frame, and the few ways to look inside one.
//!
//! This is a room for `unsafe`: frames become typed here, so that the rest of the kernel is safe code.
//!
//! | file | noun |
//! | --- | --- |
//! | `frame` | [`Frame`]: one page of RAM, and its bytes |
//! | `allocator` | [`FrameAllocator`]: the frames that no pool has |
//! | `reference` | [`Ref`]: a kernel object that lives in a frame |
//! | `table` | [`Table`]: a frame of 512 page-table entries |
//! | `address_space` | [`AddressSpace`]: a domain's upper tables, into which Memories' leaf tables are linked |
//! | `slots` | the storage of capability slots |
//! | `holder` | [`Holder`]: whose slot a slot is |
//! | `lock` | the kernel lock |
//!
//! Invariant: a frame has one use at a time, and whoever ends that use first removes every [`Ref`], table entry
//! and slot that names it. Objects hold references to each other only as capabilities, queue links and the lists
//! of their owner, all of which destruction empties.

mod address_space;
mod allocator;
mod frame;
mod holder;
mod lock;
mod reference;
mod slots;
mod table;

pub use address_space::{AddressSpace, LinkRights, Translation};
pub use allocator::FrameAllocator;
pub use frame::{Frame, PhysRun};
pub use holder::Holder;
pub use lock::KernelLock;
pub use reference::Ref;
pub use slots::{SLOTS_PER_FRAME, SlotDirectory, SlotFrame, SlotStorage, place_of};
pub use table::{Entry, TABLE_ENTRIES, Table};

/// Bytes in a frame.
pub const FRAME_BYTES: u64 = abi::PAGE_BYTES;
