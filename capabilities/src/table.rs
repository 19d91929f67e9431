//! A domain's table: flat, maps slot numbers to places, grows by frames and never moves a slot.
//!
//! The table counts its frames; a [`Directory`] records where they are. Nothing here allocates: the caller that grows
//! the table supplies the frame, with empty slots.

use core::cell::Cell;

use crate::{Error, Place, Result, Storage};

/// A domain's handle for one of its slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SlotNumber(u32);

impl SlotNumber {
    /// The handle with this value. The table checks whether it has such a slot.
    #[must_use]
    pub const fn new(value: u32) -> Self {
        Self(value)
    }

    /// The value.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

/// The locations of one table's frames, in the storage that its slots are part of.
pub trait Directory: Storage {
    /// The implementation's handle for a frame of slots.
    type Frame;

    /// The number of slots in a frame.
    const SLOTS_PER_FRAME: u32;

    /// The largest number of frames.
    const FRAME_COUNT_MAX: u32;

    /// Records `frame` under `index`. Called once for each index, in order.
    fn attach(&self, index: u32, frame: Self::Frame);

    /// The place of slot `offset` in frame number `index`, which was attached; `None` if it was detached since.
    fn place(&self, index: u32, offset: u32) -> Option<Place>;
}

/// The size of a table. Operations on its slots take its [`Directory`], which must be the same one every time.
#[derive(Debug, Default)]
pub struct Table {
    frame_count: Cell<u32>,
}

/// The result of a bounded search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scan {
    /// The first match.
    Found {
        /// Its number.
        slot: SlotNumber,
        /// Its place.
        place: Place,
    },
    /// No match among the slots that were examined.
    Unfinished {
        /// The first slot that was not examined, from which a search continues.
        next: SlotNumber,
    },
    /// No match up to the end of the table.
    End,
}

impl Table {
    /// A table without slots.
    #[must_use]
    pub const fn new() -> Self {
        let frame_count = Cell::new(0);
        Self { frame_count }
    }

    /// The number of frames.
    #[must_use]
    pub fn frame_count(&self) -> u32 {
        self.frame_count.get()
    }

    /// The number of slots.
    #[must_use]
    pub fn slot_count<D: Directory>(&self) -> u32 {
        self.frame_count.get() * D::SLOTS_PER_FRAME
    }

    /// Appends a frame of empty slots and returns the number of its first slot.
    ///
    /// The frame is made only if there is room for it.
    ///
    /// # Errors
    /// [`Error::TableFull`].
    pub fn grow<D: Directory>(
        &self,
        directory: &D,
        frame: impl FnOnce() -> D::Frame,
    ) -> Result<SlotNumber, D> {
        let frame_count = self.frame_count.get();
        if frame_count == D::FRAME_COUNT_MAX {
            return Err(Error::TableFull { frame_count });
        }
        let first = SlotNumber(self.slot_count::<D>());
        directory.attach(frame_count, frame());
        self.frame_count.set(frame_count + 1);
        Ok(first)
    }

    /// The place of `slot`.
    ///
    /// # Errors
    /// [`Error::NoSuchSlot`].
    pub fn locate<D: Directory>(&self, directory: &D, slot: SlotNumber) -> Result<Place, D> {
        let slot_count = self.slot_count::<D>();
        if slot.0 >= slot_count {
            return Err(Error::NoSuchSlot { slot, slot_count });
        }
        let (index, offset) = (slot.0 / D::SLOTS_PER_FRAME, slot.0 % D::SLOTS_PER_FRAME);
        let place = directory.place(index, offset);
        place.ok_or(Error::NoSuchSlot { slot, slot_count })
    }

    /// The first occupied slot at or after `from`, among at most `slot_count_max` slots.
    pub fn next_occupied<D: Directory>(
        &self,
        directory: &D,
        from: SlotNumber,
        slot_count_max: u32,
    ) -> Scan {
        self.scan(directory, from, slot_count_max, |place| {
            !directory.slot(place).is_empty()
        })
    }

    /// The first free slot at or after `from`, among at most `slot_count_max` slots.
    pub fn next_free<D: Directory>(
        &self,
        directory: &D,
        from: SlotNumber,
        slot_count_max: u32,
    ) -> Scan {
        self.scan(directory, from, slot_count_max, |place| {
            directory.slot(place).is_empty()
        })
    }

    fn scan<D: Directory>(
        &self,
        directory: &D,
        from: SlotNumber,
        slot_count_max: u32,
        matches: impl Fn(Place) -> bool,
    ) -> Scan {
        let stop = from.0.saturating_add(slot_count_max);
        for slot in (from.0..stop).map(SlotNumber) {
            match self.locate(directory, slot) {
                Err(_) => return Scan::End,
                Ok(place) if matches(place) => return Scan::Found { slot, place },
                Ok(_) => {}
            }
        }
        if stop < self.slot_count::<D>() {
            let next = SlotNumber(stop);
            Scan::Unfinished { next }
        } else {
            Scan::End
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::forest::{Forest, at, full, index_of};
    use crate::testing::tables::TestTable;
    use crate::{move_to, plant};

    /// Runs `test` with a forest and two tables in it. The first has two frames, and the only frame of the second lies
    /// between them.
    fn with_tables(test: impl FnOnce(&Forest, &TestTable, &TestTable)) {
        let (forest, unused) = (Forest::new(20), Cell::new(0));
        let tables = [(); 2].map(|()| TestTable::new(&forest, &unused));
        for table in [0, 1, 0] {
            tables[table].grow().unwrap();
        }
        test(&forest, &tables[0], &tables[1]);
    }

    #[test]
    fn a_table_without_frames_has_no_slots() {
        let (forest, unused) = (Forest::new(0), Cell::new(0));
        let table = TestTable::new(&forest, &unused);
        let slot = SlotNumber::new(0);
        let refusal = Error::NoSuchSlot {
            slot,
            slot_count: 0,
        };
        assert_eq!(table.locate(0), Err(refusal));
        assert_eq!(table.table.next_free(&table, slot, 1), Scan::End);
    }

    #[test]
    fn numbers_continue_through_the_frames_in_order() {
        with_tables(|_, first, second| {
            let places = |table: &TestTable, count| {
                let places = (0..count).map(|slot| index_of(table.locate(slot).unwrap()));
                places.collect::<std::vec::Vec<_>>()
            };
            assert_eq!(places(first, 8), [0, 1, 2, 3, 8, 9, 10, 11]);
            assert_eq!(places(second, 4), [4, 5, 6, 7]);
        });
    }

    #[test]
    fn refuses_a_number_past_the_end() {
        with_tables(|_, table, _| {
            for number in [8, 9, u32::MAX] {
                let slot = SlotNumber::new(number);
                let refusal = Error::NoSuchSlot {
                    slot,
                    slot_count: 8,
                };
                assert_eq!(table.locate(number), Err(refusal));
                assert_eq!(table.table.next_free(table, slot, u32::MAX), Scan::End);
            }
        });
    }

    #[test]
    fn refuses_a_number_in_a_detached_frame() {
        with_tables(|_, table, _| {
            table.detach(0);
            let refusal = |number| Error::NoSuchSlot {
                slot: SlotNumber::new(number),
                slot_count: 8,
            };
            for number in 0..4 {
                assert_eq!(table.locate(number), Err(refusal(number)));
            }
            assert_eq!(table.locate(4), Ok(at(8)));
        });
    }

    #[test]
    fn growing_moves_no_slot_and_returns_the_first_new_number() {
        with_tables(|_, table, _| {
            let before = table.locate(7);
            assert_eq!(table.table.frame_count(), 2);
            assert_eq!(table.grow(), Ok(SlotNumber::new(8)));
            assert_eq!(table.locate(7), before);
            assert_eq!(table.table.frame_count(), 3);
        });
    }

    #[test]
    fn a_full_table_makes_no_frame() {
        with_tables(|_, table, _| {
            table.grow().unwrap();
            let mut is_made = false;
            let grown = table.table.grow(table, || {
                is_made = true;
                0
            });
            assert_eq!(grown, Err(Error::TableFull { frame_count: 3 }));
            assert!(!is_made);
        });
    }

    #[test]
    fn a_search_stops_at_its_limit_and_continues_from_there() {
        with_tables(|forest, table, _| {
            plant(forest, table.locate(5).unwrap(), full(0)).unwrap();
            let search = |from, count| {
                table
                    .table
                    .next_occupied(table, SlotNumber::new(from), count)
            };
            let next = SlotNumber::new(5);
            assert_eq!(search(0, 5), Scan::Unfinished { next });
            let (slot, place) = (next, at(9));
            assert_eq!(search(5, 1), Scan::Found { slot, place });
            assert_eq!(search(6, 2), Scan::End);
            let next = SlotNumber::new(6);
            assert_eq!(search(6, 0), Scan::Unfinished { next });
        });
    }

    #[test]
    fn a_capability_moves_between_tables() {
        with_tables(|forest, first, second| {
            let (from, to) = (first.locate(6).unwrap(), second.locate(2).unwrap());
            plant(forest, from, full(7)).unwrap();
            move_to(forest, from, to).unwrap();
            let (slot, place) = (SlotNumber::new(2), to);
            let found = second.table.next_occupied(second, SlotNumber::new(0), 4);
            assert_eq!(found, Scan::Found { slot, place });
            let found = first.table.next_occupied(first, SlotNumber::new(0), 8);
            assert_eq!(found, Scan::End);
        });
    }
}
