//! Frames removed from page tables before the TLB flush: [`Unmapped`].

use heapless::Vec;

use super::OwnedFrame;
use crate::arch;

/// Frames that no table refers to any more, but that a TLB may. Only [`Unmapped::flush`] returns them.
#[derive(Debug, Default)]
#[must_use = "frames that are dropped are lost"]
pub struct Unmapped {
    frames: Vec<OwnedFrame, { Unmapped::MAX }>,
    /// Whether an entry was cleared, even one that owned no frame.
    stale: bool,
}

impl Unmapped {
    /// The maximum number of frames: as many as one step of a walk removes.
    pub const MAX: usize = 64;

    /// No frames.
    pub fn none() -> Unmapped {
        Unmapped::default()
    }

    /// A table's frame.
    pub(super) fn one(frame: OwnedFrame) -> Unmapped {
        let mut unmapped = Unmapped::none();
        unmapped.add(Some(frame));
        unmapped
    }

    /// Adds the frame of a cleared entry, if it owned one.
    ///
    /// # Panics
    /// If there are [`Unmapped::MAX`] already.
    #[inline]
    pub(super) fn add(&mut self, frame: Option<OwnedFrame>) {
        self.stale = true;
        if let Some(frame) = frame {
            self.frames
                .push(frame)
                .expect("a step removes no more frames than fit");
        }
    }

    /// Whether it has no room for another frame.
    pub fn is_full(&self) -> bool {
        self.frames.is_full()
    }

    /// Flushes the TLB if an entry was cleared, and returns the frames for another use.
    pub fn flush(self) -> impl Iterator<Item = OwnedFrame> {
        if self.stale {
            arch::flush_all();
        }
        self.frames.into_iter()
    }
}
