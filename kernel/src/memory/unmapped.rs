//! Frames on their way out of page tables: [`Unmapped`].

use heapless::Vec;

use super::OwnedFrame;
use crate::arch;

/// Frames that no table refers to any more, while a TLB still may. The flush is the only way to have them back.
#[derive(Debug, Default)]
#[must_use = "frames that are dropped are lost"]
pub struct Unmapped {
    frames: Vec<OwnedFrame, { Unmapped::MAX }>,
    /// Whether an entry was cleared, of an owned frame or not.
    stale: bool,
}

impl Unmapped {
    /// How many frames it can hold: as many as one step of a walk takes.
    pub const MAX: usize = 64;

    /// No frame.
    pub fn none() -> Unmapped {
        Unmapped::default()
    }

    /// One frame, of a table.
    pub(super) fn one(frame: OwnedFrame) -> Unmapped {
        let mut unmapped = Unmapped::none();
        unmapped.add(Some(frame));
        unmapped
    }

    /// An entry was cleared; `frame` is the one that it owned.
    ///
    /// # Panics
    /// If there are [`Unmapped::MAX`] already.
    #[inline]
    pub(super) fn add(&mut self, frame: Option<OwnedFrame>) {
        self.stale = true;
        if let Some(frame) = frame {
            self.frames
                .push(frame)
                .expect("a step takes no more than there is room for");
        }
    }

    /// Whether it can hold no more.
    pub fn is_full(&self) -> bool {
        self.frames.is_full()
    }

    /// Makes every core forget where these frames were mapped (there is one core), and gives them back for another use.
    pub fn flush(self) -> impl Iterator<Item = OwnedFrame> {
        if self.stale {
            arch::flush_all();
        }
        self.frames.into_iter()
    }
}
