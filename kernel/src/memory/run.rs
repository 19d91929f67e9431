//! Pages in a row: those of one owner, [`OwnedRun`], and those that no pool has, [`ForeignRun`].

use super::{FRAME_BYTES, Frame, OwnedFrame};
use crate::arch::{BootInformation, PhysAddr, PhysRange};

/// Frames in a row, with the rights of an [`OwnedFrame`] each. They are taken from the front.
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

    /// The physical address of its first byte.
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

/// Pages in a row that can be mapped and are never released: a device's registers, or the boot archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForeignRun {
    first: PhysAddr,
    count: u64,
    is_ram: bool,
}

impl ForeignRun {
    /// A device's pages; `None` if there is RAM among them.
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

    /// How many pages.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Whether the kernel may look at the pages.
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

/// The bytes of the boot archive, where the kernel sees them.
pub fn archive_bytes(boot: &BootInformation) -> &'static [u8] {
    let count = boot.archive.byte_count();
    if count == 0 {
        return &[];
    }
    let first = Frame::containing(boot.archive.start).pointer();
    // SAFETY: boot code loaded the archive there, in one run of RAM that no pool has, and it is mapped read-only
    // everywhere but in the direct map, through which only frames of pools are written.
    unsafe { core::slice::from_raw_parts(first, count as usize) }
}
