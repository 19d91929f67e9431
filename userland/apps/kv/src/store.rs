//! The store: values by key, within a memory limit.
//!
//! The cost of an entry is its key's length, its value's capacity and the overhead of the tree and the heap. A write beyond the
//! limit is refused and changes nothing. A new value of about the old value's length overwrites it in place.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::account::{Account, Full};

/// The overhead of an entry: its share of a tree whose nodes may be half empty, and the heap's rounding.
pub const ENTRY_BYTES: usize = 128;

/// A new value keeps the old one's capacity if the unused part would exceed the value by at most this many bytes.
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

    /// Sets several keys, all or none. If a key occurs several times, its last value stays. There must be as much room as if all
    /// keys were new.
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
        // Everything is allocated, so nothing can fail from here on.
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

    /// Inserts an entry into the tree, in place of the old entry of its key. There must be room for it.
    fn put(&mut self, entry: Entry) {
        if let Some(old) = self.entries.get(&entry.key) {
            self.account.refund(cost(&entry.key, old.capacity()));
        }
        self.account.take(entry.cost());
        self.entries.insert(entry.key, entry.value);
    }
}

/// A copied key and value that are not yet in the tree.
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

/// Copies bytes without spare capacity. The result is [`Full`] also if the heap is too fragmented, although the account has room.
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
mod tests;
