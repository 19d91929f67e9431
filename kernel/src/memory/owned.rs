//! The right to use a frame or to release it: [`OwnedFrame`], and [`Occupied`] while a value lies in the frame.
//!
//! ```text
//!                    Ref::place               Occupied::vacate
//!   FrameAllocator ------------> a kernel object ------------> FrameAllocator
//!        allocate |  adopted by an entry             Unmapped::flush ^ release
//!                 +------------> a page table, a page -------------->+
//! ```
//!
//! A granted page goes from [`super::Unmapped::flush`] to an entry of another Memory's table at once.
//!
//! Neither type can be copied, and only the allocator and code that ends a frame's use create them. So code outside of
//! this module cannot release a frame twice, place an object in a frame in use, or release a frame that a processor may
//! still access:
//!
//! ```
//! # use kernel::memory::{FrameAllocator, OwnedFrame, Ref, Unmapped};
//! fn release(frames: &FrameAllocator, frame: OwnedFrame, unmapped: Unmapped) {
//!     frames.release(frame);
//!     unmapped.flush().for_each(|frame| frames.release(frame));
//! }
//! ```
//!
//! A frame is released once:
//!
//! ```compile_fail,E0382
//! # use kernel::memory::{FrameAllocator, OwnedFrame};
//! fn release(frames: &FrameAllocator, frame: OwnedFrame) {
//!     frames.release(frame);
//!     frames.release(frame);
//! }
//! ```
//!
//! A frame in which an object was placed cannot be released:
//!
//! ```compile_fail,E0382
//! # use kernel::memory::{FrameAllocator, OwnedFrame, Ref};
//! fn place(frames: &FrameAllocator, frame: OwnedFrame) -> Ref<u64> {
//!     let number = Ref::place(frame, |_, _| 7_u64);
//!     frames.release(frame);
//!     number
//! }
//! ```
//!
//! A page that was read out of a table cannot be released, since the table's entry owns it:
//!
//! ```compile_fail,E0308
//! # use kernel::memory::{FrameAllocator, LeafTable};
//! fn release(frames: &FrameAllocator, leaf: LeafTable) {
//!     frames.release(leaf.frame(0).unwrap());
//! }
//! ```
//!
//! A frame that was unmapped cannot be released before the flush:
//!
//! ```compile_fail,E0308
//! # use kernel::memory::{FrameAllocator, Unmapped};
//! fn release(frames: &FrameAllocator, unmapped: Unmapped) {
//!     frames.release(unmapped);
//! }
//! ```
//!
//! An address cannot be converted into a frame:
//!
//! ```compile_fail,E0624
//! # use kernel::{arch::PhysAddr, memory::Frame};
//! fn make(address: PhysAddr) -> Frame {
//!     Frame::containing(address)
//! }
//! ```

use super::Frame;
use crate::arch::PhysAddr;

/// A frame not in use, and the right to use it or to release it.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a frame that is dropped is lost"]
pub struct OwnedFrame(Frame);

impl OwnedFrame {
    /// Creates the right. Only the allocator and code that ends a use of the frame may call this.
    pub(super) fn new(frame: Frame) -> OwnedFrame {
        OwnedFrame(frame)
    }

    /// Its bytes, to be filled before the frame is used.
    pub fn view(&self) -> Frame {
        self.0
    }

    /// Its physical address.
    pub fn address(&self) -> PhysAddr {
        self.0.address()
    }
}

/// The frame of a value that [`super::Ref`] placed. It is stored in the value, which must not be used once the frame is taken
/// back.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a frame that is dropped is lost"]
pub struct Occupied(OwnedFrame);

impl Occupied {
    pub(super) fn new(frame: OwnedFrame) -> Occupied {
        Occupied(frame)
    }

    /// The frame, for another use. By the module's invariant, every reference to its content has been removed.
    pub fn vacate(self) -> OwnedFrame {
        self.0
    }
}
