//! The store: values by key, within a memory limit.
//!
//! An entry costs its key, its value's capacity and the overhead of the tree and the heap. A write beyond the limit is
//! refused and changes nothing. A value replaced by one of about its length is overwritten in place.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::account::{Account, Full};

/// The overhead of an entry: its place in a tree whose nodes may be half empty, and the heap's rounding.
pub const ENTRY_BYTES: usize = 128;

/// A value's capacity is kept while at most this much plus half of it is unused.
const SPARE_BYTES_MAX: usize = 64;

#[derive(Debug)]
pub struct Store {
    entries: BTreeMap<Box<[u8]>, Vec<u8>>,
    account: Account,
}

impl Store {
    /// Creates an empty store with this limit.
    pub fn new(bytes_max: usize) -> Store {
        Store {
            entries: BTreeMap::new(),
            account: Account::new(bytes_max),
        }
    }

    /// The used memory and its limit.
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// The number of keys.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are no keys.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The value of a key.
    pub fn get(&self, key: &[u8]) -> Option<&[u8]> {
        self.entries.get(key).map(Vec::as_slice)
    }

    /// Sets the value of a key.
    ///
    /// # Errors
    /// [`Full`].
    pub fn set(&mut self, key: &[u8], value: &[u8]) -> Result<(), Full> {
        match self.entries.get_mut(key) {
            Some(old) => replace(&self.account, old, value),
            None => self.insert(key, value),
        }
    }

    /// Appends to a key's value; returns the new length.
    ///
    /// # Errors
    /// [`Full`].
    pub fn append(&mut self, key: &[u8], more: &[u8]) -> Result<usize, Full> {
        let Some(value) = self.entries.get_mut(key) else {
            return self.insert(key, more).map(|()| more.len());
        };
        let length = value.len() + more.len();
        if length > value.capacity() {
            enlarge(&self.account, value, length.next_power_of_two())?;
        }
        value.extend_from_slice(more);
        Ok(length)
    }

    /// Removes a key; returns whether there was one.
    pub fn remove(&mut self, key: &[u8]) -> bool {
        let Some(value) = self.entries.remove(key) else {
            return false;
        };
        self.account.refund(cost(key, value.capacity()));
        true
    }

    /// Removes every key.
    pub fn clear(&mut self) {
        self.account.refund(self.account.used());
        self.entries = BTreeMap::new();
    }

    /// Sets several keys, all or none; of several values for one key the last one stays. They need room as if all keys were
    /// new.
    ///
    /// # Errors
    /// [`Full`].
    pub fn set_several<'a>(
        &mut self,
        pairs: impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone,
    ) -> Result<(), Full> {
        let bytes = pairs.clone().map(|(key, value)| cost(key, value.len()));
        if !self.account.has_room(bytes.sum()) {
            return Err(Full);
        }
        let mut entries = Vec::new();
        let count = pairs.clone().count();
        entries.try_reserve_exact(count).map_err(|_| Full)?;
        for (key, value) in pairs {
            entries.push(Entry::copy(key, value)?);
        }
        // Everything is allocated: from here on nothing can fail.
        entries.into_iter().for_each(|entry| self.put(entry));
        Ok(())
    }

    fn insert(&mut self, key: &[u8], value: &[u8]) -> Result<(), Full> {
        let entry = Entry::copy(key, value)?;
        if !self.account.has_room(entry.cost()) {
            return Err(Full);
        }
        self.put(entry);
        Ok(())
    }

    /// Inserts an entry, for which there is room, into the tree, and replaces its key's old one.
    fn put(&mut self, entry: Entry) {
        if let Some(old) = self.entries.get(&entry.key) {
            self.account.refund(cost(&entry.key, old.capacity()));
        }
        self.account.take(entry.cost());
        self.entries.insert(entry.key, entry.value);
    }
}

/// A copied key and value, not yet in the tree.
struct Entry {
    key: Box<[u8]>,
    value: Vec<u8>,
}

impl Entry {
    fn copy(key: &[u8], value: &[u8]) -> Result<Entry, Full> {
        Ok(Entry {
            key: copy(key)?.into_boxed_slice(),
            value: copy(value)?,
        })
    }

    fn cost(&self) -> usize {
        cost(&self.key, self.value.capacity())
    }
}

fn cost(key: &[u8], capacity: usize) -> usize {
    ENTRY_BYTES + key.len() + capacity
}

/// A copy of exactly this capacity. The heap may be fragmented although the account has room: that is [`Full`] as well.
fn copy(bytes: &[u8]) -> Result<Vec<u8>, Full> {
    #[cfg(test)]
    tests::copy_from_heap()?;
    let mut copy = Vec::new();
    copy.try_reserve_exact(bytes.len()).map_err(|_| Full)?;
    copy.extend_from_slice(bytes);
    Ok(copy)
}

fn replace(account: &Account, old: &mut Vec<u8>, value: &[u8]) -> Result<(), Full> {
    let capacity = old.capacity();
    if (value.len()..=2 * value.len() + SPARE_BYTES_MAX).contains(&capacity) {
        old.clear();
        old.extend_from_slice(value);
        return Ok(());
    }
    let new = copy(value)?;
    if new.capacity() > capacity {
        account.charge(new.capacity() - capacity)?;
    } else {
        account.refund(capacity - new.capacity());
    }
    *old = new;
    Ok(())
}

fn enlarge(account: &Account, value: &mut Vec<u8>, capacity: usize) -> Result<(), Full> {
    let cost = capacity - value.capacity();
    account.charge(cost)?;
    let more = capacity - value.len();
    if value.try_reserve_exact(more).is_err() {
        account.refund(cost);
        return Err(Full);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::RESERVE_BYTES;
    use crate::account::tests::HEAP_BYTES;
    use core::cell::Cell;
    use proptest::prelude::*;
    use std::collections::HashMap;
    use std::vec;

    #[test]
    fn a_full_store_refuses_writes_and_stays_usable() {
        let mut store = Store::new(3 * (ENTRY_BYTES + 1 + 10));
        for key in [b"a", b"b", b"c"] {
            store.set(key, &[1; 10]).unwrap();
        }
        assert_eq!(store.set(b"d", b""), Err(Full));
        assert_eq!(store.set(b"a", &[2; 11]), Err(Full));
        assert_eq!(store.append(b"a", b"x"), Err(Full));
        assert_eq!(store.get(b"a"), Some(&[1; 10][..]));
        assert_eq!(store.set(b"a", &[3; 10]), Ok(()));
        assert!(store.remove(b"b"));
        assert_eq!(store.set(b"d", &[4; 10]), Ok(()));
        assert_eq!(store.len(), 3);
    }

    #[test]
    fn a_cleared_store_uses_no_memory() {
        let mut store = Store::new(1 << 20);
        store.set(b"key", &[0; 1000]).unwrap();
        store.append(b"other", b"value").unwrap();
        store.append(b"other", &[0; 100]).unwrap();
        store.clear();
        assert_eq!((store.len(), store.account().used()), (0, 0));
    }

    std::thread_local! {
        /// The number of further copies that fit this thread's heap, if it simulates fragmentation.
        static COPIES: Cell<Option<usize>> = const { Cell::new(None) };
    }

    pub fn copy_from_heap() -> Result<(), Full> {
        let Some(left) = COPIES.get() else {
            return Ok(());
        };
        COPIES.set(Some(left.checked_sub(1).ok_or(Full)?));
        Ok(())
    }

    #[test]
    fn several_are_set_or_none_wherever_the_heap_ends() {
        let pairs: [(&[u8], &[u8]); 4] =
            [(b"a", b"new"), (b"b", b"new"), (b"c", b"1"), (b"c", b"2")];
        let needed = 2 * pairs.len();
        for copies in 0..=needed {
            let mut store = Store::new(1 << 20);
            store.set(b"b", b"old").unwrap();
            let used = store.account().used();
            COPIES.set(Some(copies));
            let result = store.set_several(pairs.into_iter());
            COPIES.set(None);
            let values = [b"a", b"b", b"c"].map(|key| store.get(key).map(<[u8]>::to_vec));
            if copies < needed {
                assert_eq!(result, Err(Full), "with room for {copies}");
                assert_eq!(values, [None, Some(b"old".to_vec()), None]);
                assert_eq!(store.account().used(), used);
            } else {
                assert_eq!(result, Ok(()));
                let new = Some(b"new".to_vec());
                assert_eq!(values, [new.clone(), new, Some(b"2".to_vec())]);
                let spent = [4, 4, 2].map(|bytes| ENTRY_BYTES + bytes);
                assert_eq!(store.account().used(), spent.iter().sum());
            }
        }
    }

    #[test]
    fn an_exhausted_heap_refuses_growth_and_serves_the_rest() {
        let mut store = Store::new(1 << 20);
        store.set(b"a", &[1; 10]).unwrap();
        HEAP_BYTES.set(Some(RESERVE_BYTES));
        assert_eq!(store.set(b"b", b""), Err(Full));
        assert_eq!(store.set(b"a", &[2; 1000]), Err(Full));
        assert_eq!(store.append(b"a", &[2; 1000]), Err(Full));
        assert_eq!(
            store.set_several([(&b"b"[..], &b""[..])].into_iter()),
            Err(Full)
        );
        assert_eq!(store.set(b"a", &[3; 10]), Ok(()));
        assert_eq!((store.get(b"a"), store.len()), (Some(&[3; 10][..]), 1));
        assert!(store.remove(b"a"));
        HEAP_BYTES.set(None);
    }

    #[derive(Clone, Debug)]
    enum Operation {
        Set(u8, usize),
        Append(u8, usize),
        Remove(u8),
    }

    fn operation() -> impl Strategy<Value = Operation> {
        prop_oneof![
            (0..8_u8, 0..600_usize).prop_map(|(key, length)| Operation::Set(key, length)),
            (0..8_u8, 0..90_usize).prop_map(|(key, length)| Operation::Append(key, length)),
            (0..8_u8).prop_map(Operation::Remove),
        ]
    }

    /// Applies an operation to the store, and to an unlimited map if the store accepts it.
    fn apply(store: &mut Store, model: &mut HashMap<u8, Vec<u8>>, operation: &Operation) {
        match *operation {
            Operation::Set(key, length) => {
                if store.set(&[key], &vec![key; length]).is_ok() {
                    model.insert(key, vec![key; length]);
                }
            }
            Operation::Append(key, length) => {
                if store.append(&[key], &vec![!key; length]).is_ok() {
                    model.entry(key).or_default().extend(vec![!key; length]);
                }
            }
            Operation::Remove(key) => {
                assert_eq!(store.remove(&[key]), model.remove(&key).is_some());
            }
        }
    }

    proptest! {
        #[test]
        fn agrees_with_a_map_and_accounts_for_every_entry(
            operations in prop::collection::vec(operation(), 0..200)
        ) {
            let mut store = Store::new(2500);
            let mut model = HashMap::new();
            for operation in &operations {
                apply(&mut store, &mut model, operation);
                let spent: usize = store.entries.iter().map(|(key, value)| cost(key, value.capacity())).sum();
                prop_assert_eq!(store.account().used(), spent);
                prop_assert!(spent <= 2500);
                prop_assert_eq!(store.len(), model.len());
                for (key, value) in &model {
                    prop_assert_eq!(store.get(&[*key]), Some(value.as_slice()));
                }
            }
        }
    }
}
