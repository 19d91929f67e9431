//! Tables for tests: each has its own directory, and all have their slots in one forest.

use core::cell::{Cell, RefCell};
use std::vec::Vec;

use crate::testing::forest::{Forest, Thing, at};
use crate::{Directory, Error, Place, Slot, SlotNumber, Storage, Table};

/// A table and the number of the first slot of each of its frames.
pub(crate) struct TestTable<'a> {
    pub(crate) table: Table,
    forest: &'a Forest,
    frames: RefCell<Vec<Option<usize>>>,
    /// The first slot of the forest that is not in a table yet, shared by all tables.
    unused: &'a Cell<usize>,
}

impl Storage for TestTable<'_> {
    type Object = Thing;

    fn slot(&self, place: Place) -> &Slot<Thing> {
        self.forest.slot(place)
    }
}

impl Directory for TestTable<'_> {
    type Frame = usize;
    const SLOTS_PER_FRAME: u32 = 4;
    const FRAME_COUNT_MAX: u32 = 3;

    fn attach(&self, index: u32, frame: usize) {
        assert_eq!(self.frames.borrow().len(), index as usize);
        self.frames.borrow_mut().push(Some(frame));
    }

    fn place(&self, index: u32, offset: u32) -> Option<Place> {
        assert!(offset < Self::SLOTS_PER_FRAME);
        let first = self.frames.borrow()[index as usize]?;
        Some(at(first + offset as usize))
    }
}

impl<'a> TestTable<'a> {
    pub(crate) fn new(forest: &'a Forest, unused: &'a Cell<usize>) -> Self {
        Self {
            table: Table::new(),
            forest,
            frames: RefCell::default(),
            unused,
        }
    }

    /// Grows by a frame of unused slots.
    pub(crate) fn grow(&self) -> crate::Result<SlotNumber, Self> {
        self.table.grow(self, || {
            let first = self.unused.get();
            self.unused.set(first + Self::SLOTS_PER_FRAME as usize);
            first
        })
    }

    pub(crate) fn detach(&self, index: usize) {
        self.frames.borrow_mut()[index] = None;
    }

    pub(crate) fn locate(&self, slot: u32) -> Result<Place, Error<crate::testing::forest::Bits>> {
        self.table.locate(self, SlotNumber::new(slot))
    }
}
