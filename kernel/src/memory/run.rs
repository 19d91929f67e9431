//! Contiguous pages: owned frames, [`OwnedRun`], and pages that belong to no pool, [`ForeignRun`].

use super::{FRAME_BYTES, Frame, OwnedFrame};
use crate::arch::{BootInformation, PhysAddr, PhysRange};

/// Contiguous frames, owned. Iterating takes them as [`OwnedFrame`]s, from the first on.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "frames that are dropped are lost"]
pub struct OwnedRun {
    first: Frame,
    count: u64,
}

impl OwnedRun {
    pub(super) fn new(first: Frame, count: u64) -> OwnedRun {
        OwnedRun { first, count }
    }

    /// Its physical address.
    pub fn address(&self) -> PhysAddr {
        self.first.address()
    }
}

impl Iterator for OwnedRun {
    type Item = OwnedFrame;

    fn next(&mut self) -> Option<OwnedFrame> {
        self.count = self.count.checked_sub(1)?;
        let frame = self.first;
        self.first = frame.plus(1);
        Some(OwnedFrame::new(frame))
    }
}

/// Contiguous pages that can be mapped and are never released: a device's registers, or the boot archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForeignRun {
    first: PhysAddr,
    count: u64,
    is_ram: bool,
}

impl ForeignRun {
    /// A device's pages; `None` if any of them is RAM.
    pub fn of_device(range: PhysRange, ram: &[PhysRange]) -> Option<ForeignRun> {
        let is_ram = ram.iter().any(|ram| ram.overlaps(&range));
        (!is_ram).then(|| ForeignRun::containing(range, false))
    }

    /// The pages of the boot archive.
    pub fn of_archive(boot: &BootInformation) -> ForeignRun {
        ForeignRun::containing(boot.archive, true)
    }

    fn containing(range: PhysRange, is_ram: bool) -> ForeignRun {
        ForeignRun {
            first: range.start.align_down(FRAME_BYTES),
            count: range.byte_count().div_ceil(FRAME_BYTES),
            is_ram,
        }
    }

    /// The number of pages.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Whether the kernel may access the pages.
    #[inline]
    pub(super) fn is_ram(&self) -> bool {
        self.is_ram
    }

    /// The physical address of a page.
    #[inline]
    pub(super) fn page(&self, index: u64) -> PhysAddr {
        self.first + index * FRAME_BYTES
    }
}

/// The bytes of the boot archive.
pub fn archive_bytes(boot: &BootInformation) -> &'static [u8] {
    let count = boot.archive.byte_count();
    if count == 0 {
        return &[];
    }
    let first = Frame::containing(boot.archive.start).pointer();
    // SAFETY: the loader put the archive there, in contiguous RAM that belongs to no pool, and the kernel writes only frames of
    // pools. Root has a capability with which it could write the archive, but the bytes are read only before root runs.
    unsafe { core::slice::from_raw_parts(first, count as usize) }
}
