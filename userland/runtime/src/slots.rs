//! The free slots of this domain's capability table.
//!
//! [`SlotMap`] is pure bookkeeping; the functions of this module apply it to the domain's own table, and grow
//! the table through the capability `domain` if that has the right.

use abi::calls::{CapabilityInspect, DomainGrow};
use abi::register::Slot;
use abi::{Error, SLOTS_MAX};
use spin::Mutex;

use crate::system_call::invoke;

const WORDS: usize = SLOTS_MAX as usize / 64;

/// A bitmap of all slots that a table may have.
pub struct SlotMap {
    free: [u64; WORDS],
    /// No slot below is free.
    lowest: u32,
    /// Every slot below is known to exist in the table.
    known: u32,
}

impl SlotMap {
    /// A map without free slots, until [`SlotMap::open`] frees some.
    pub const fn new() -> SlotMap {
        SlotMap {
            free: [0; WORDS],
            lowest: SLOTS_MAX,
            known: 0,
        }
    }

    /// Frees this slot and all above it.
    pub fn open(&mut self, first_free: Slot) {
        for slot in first_free.0..SLOTS_MAX {
            self.free[slot as usize / 64] |= 1 << (slot % 64);
        }
        self.lowest = first_free.0;
        self.known = first_free.0;
    }

    /// Takes the lowest free slot. If the slot is not known to exist, `reach` is called first, to make sure that the table has
    /// it.
    ///
    /// # Errors
    /// [`Error::TableFull`] if none is free, or the error of `reach`.
    pub fn take(&mut self, reach: impl FnOnce(Slot) -> Result<(), Error>) -> Result<Slot, Error> {
        let first_word = self.lowest as usize / 64;
        let word = (first_word..WORDS)
            .find(|word| self.free[*word] != 0)
            .ok_or(Error::TableFull)?;
        let slot = word as u32 * 64 + self.free[word].trailing_zeros();
        if slot >= self.known {
            reach(Slot(slot))?;
            self.known = slot + 1;
        }
        self.free[word] &= !(1 << (slot % 64));
        self.lowest = slot + 1;
        Ok(Slot(slot))
    }

    /// Frees a slot. Has no effect on a slot that is free already, or beyond the largest table.
    pub fn give_back(&mut self, slot: Slot) {
        if slot.0 < SLOTS_MAX {
            self.free[slot.0 as usize / 64] |= 1 << (slot.0 % 64);
            self.lowest = self.lowest.min(slot.0);
        }
    }
}

impl Default for SlotMap {
    fn default() -> SlotMap {
        SlotMap::new()
    }
}

struct Table {
    map: SlotMap,
    domain: Slot,
}

static TABLE: Mutex<Table> = Mutex::new(Table {
    map: SlotMap::new(),
    domain: Slot::NONE,
});

/// Sets the first free slot, and the slot of the capability to this domain itself.
pub(crate) fn open(first_free: Slot, domain: Slot) {
    let mut table = TABLE.lock();
    table.map.open(first_free);
    table.domain = domain;
}

/// Takes a free slot of this domain's table, which grows if necessary.
///
/// # Errors
/// [`Error::TableFull`], or the reason the table could not grow.
pub fn take() -> Result<Slot, Error> {
    let table = &mut *TABLE.lock();
    let domain = table.domain;
    table.map.take(|slot| reach(domain, slot))
}

/// Frees a slot that is empty now.
pub fn give_back(slot: Slot) {
    TABLE.lock().map.give_back(slot);
}

/// Takes a slot for `fill` to fill, and frees it if that fails.
///
/// # Errors
/// The error of [`take`] or of `fill`.
pub fn fill<T>(fill: impl FnOnce(Slot) -> Result<T, Error>) -> Result<(Slot, T), Error> {
    let slot = take()?;
    match fill(slot) {
        Ok(result) => Ok((slot, result)),
        Err(error) => {
            give_back(slot);
            Err(error)
        }
    }
}

/// Doubles the table if it does not have this slot.
fn reach(domain: Slot, slot: Slot) -> Result<(), Error> {
    match invoke(CapabilityInspect { slot }) {
        Err(Error::NoSuchSlot) if domain == Slot::NONE => Err(Error::TableFull),
        Err(Error::NoSuchSlot) => invoke(DomainGrow {
            domain,
            slots: (slot.0 * 2).clamp(slot.0 + 1, SLOTS_MAX),
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(first_free: u32) -> SlotMap {
        let mut map = SlotMap::new();
        map.open(Slot(first_free));
        map
    }

    #[test]
    fn hands_out_each_slot_once_and_the_lowest_first() {
        let mut map = opened(8);
        let taken: [Slot; 3] = core::array::from_fn(|_| map.take(|_| Ok(())).unwrap());
        assert_eq!(taken, [Slot(8), Slot(9), Slot(10)]);
        map.give_back(Slot(9));
        assert_eq!(map.take(|_| Ok(())), Ok(Slot(9)));
        assert_eq!(map.take(|_| Ok(())), Ok(Slot(11)));
    }

    #[test]
    fn checks_each_new_slot_only_once() {
        let mut map = opened(62);
        let mut reached = std::vec::Vec::new();
        for _ in 0..3 {
            let slot = map.take(|slot| {
                reached.push(slot.0);
                Ok(())
            });
            map.give_back(slot.unwrap());
        }
        map.take(|_| Ok(())).unwrap();
        map.take(|slot| {
            reached.push(slot.0);
            Ok(())
        })
        .unwrap();
        assert_eq!(reached, [62, 63]);
    }

    #[test]
    fn a_table_that_cannot_grow_keeps_the_slot_free() {
        let mut map = opened(64);
        assert_eq!(map.take(|_| Err(Error::PoolEmpty)), Err(Error::PoolEmpty));
        assert_eq!(map.take(|_| Ok(())), Ok(Slot(64)));
    }

    #[test]
    fn ends_with_table_full() {
        let mut map = opened(SLOTS_MAX - 1);
        assert_eq!(map.take(|_| Ok(())), Ok(Slot(SLOTS_MAX - 1)));
        assert_eq!(map.take(|_| Ok(())), Err(Error::TableFull));
        map.give_back(Slot::NONE);
        assert_eq!(map.take(|_| Ok(())), Err(Error::TableFull));
    }

    #[test]
    fn nothing_is_free_before_the_table_is_opened() {
        assert_eq!(SlotMap::new().take(|_| Ok(())), Err(Error::TableFull));
    }
}
