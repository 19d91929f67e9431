//! The bytes in transit into or out of a connection: a small base, and more that is charged to an account.
//!
//! All connections share the account, so their buffers never exceed its limit, however many connections there are and
//! however slowly their clients read. The base is always available, so every connection can receive an error reply.

use alloc::vec::Vec;
use core::mem;

use crate::account::{Account, Full};

/// The size of the base, which is never refused.
pub const BASE_BYTES: usize = 4096;

/// The maximum size of one buffer.
pub const BUFFER_BYTES_MAX: usize = 1 << 20;

/// How many times the bytes that have arrived a buffer may be large for the sake of those that are announced.
const AHEAD: usize = 2;

/// A buffer with a base and an account for growth.
#[derive(Debug)]
pub struct Buffer {
    bytes: Vec<u8>,
    /// The base, kept while `bytes` is larger, so that returning to it allocates nothing.
    base: Vec<u8>,
    charged: usize,
    /// The length that is announced, which may never arrive.
    announced: usize,
    account: Account,
}

impl Buffer {
    /// Creates an empty buffer that grows on this account.
    pub fn new(account: Account) -> Buffer {
        Buffer {
            bytes: Vec::with_capacity(BASE_BYTES),
            base: Vec::new(),
            charged: 0,
            announced: 0,
            account,
        }
    }

    /// The contents.
    pub fn as_slice(&self) -> &[u8] {
        &self.bytes
    }

    /// The length of the contents.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether the buffer is empty.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Appends bytes.
    ///
    /// # Errors
    /// [`Full`]; then nothing was appended.
    pub fn extend(&mut self, more: &[u8]) -> Result<(), Full> {
        let length = self.bytes.len().checked_add(more.len()).ok_or(Full)?;
        if length > self.bytes.capacity() {
            self.grow(length)?;
        }
        self.bytes.extend_from_slice(more);
        Ok(())
    }

    /// Announces this many more bytes: growth then leaves room for them, as far as their number is in proportion to the bytes that
    /// have arrived.
    pub fn announce(&mut self, more: usize) {
        self.announced = self.bytes.len().saturating_add(more);
    }

    /// Keeps the first `length` bytes.
    pub fn truncate(&mut self, length: usize) {
        self.bytes.truncate(length);
    }

    /// Removes everything and frees all but the base.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.announced = 0;
        if self.charged > 0 {
            self.bytes = mem::take(&mut self.base);
            self.account.refund(self.charged);
            self.charged = 0;
        }
    }

    /// The capacity for this length, which the present one is too small for. Each growth copies everything, so the capacity grows by a
    /// proportion, and a buffer that is filled bit by bit is copied a few times only.
    fn capacity_for(&self, length: usize) -> usize {
        let announced = self.announced.min(AHEAD * length);
        let capacity = if announced >= length.max(self.charged + self.charged / 4) {
            announced
        } else {
            length.next_power_of_two()
        };
        capacity.min(BUFFER_BYTES_MAX)
    }

    fn grow(&mut self, length: usize) -> Result<(), Full> {
        if length > BUFFER_BYTES_MAX {
            return Err(Full);
        }
        let capacity = self.capacity_for(length);
        let cost = capacity - self.charged;
        self.account.charge(cost)?;
        let mut larger = Vec::new();
        // The account has room, but the heap may be fragmented.
        if larger.try_reserve_exact(capacity).is_err() {
            self.account.refund(cost);
            return Err(Full);
        }
        larger.extend_from_slice(&self.bytes);
        let smaller = mem::replace(&mut self.bytes, larger);
        if self.charged == 0 {
            self.base = smaller;
            self.base.clear();
        }
        self.charged = capacity;
        Ok(())
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.account.refund(self.charged);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_charged_until_the_buffer_is_cleared_or_dropped() {
        let account = Account::new(1 << 20);
        let mut buffer = Buffer::new(account.clone());
        buffer.extend(&[1; BASE_BYTES]).unwrap();
        assert_eq!(account.used(), 0);
        buffer.extend(&[2]).unwrap();
        assert_eq!(account.used(), 2 * BASE_BYTES);
        buffer.extend(&[3; BASE_BYTES]).unwrap();
        assert_eq!(account.used(), 4 * BASE_BYTES);
        let base = buffer.base.as_ptr();
        buffer.clear();
        assert_eq!((account.used(), buffer.bytes.as_ptr()), (0, base));
        assert_eq!(buffer.bytes.capacity(), BASE_BYTES);
        buffer.extend(&[4; 2 * BASE_BYTES]).unwrap();
        assert_eq!(account.used(), 2 * BASE_BYTES);
        drop(buffer);
        assert_eq!(account.used(), 0);
    }

    #[test]
    fn an_announced_length_saves_copies_but_reserves_no_more_than_some_times_what_has_arrived() {
        let account = Account::new(BUFFER_BYTES_MAX);
        let mut buffer = Buffer::new(account.clone());
        buffer.announce(65_600);
        buffer.extend(&[1; BASE_BYTES]).unwrap();
        assert_eq!(account.used(), 0, "the base has room for the bytes so far");
        buffer.extend(&[2]).unwrap();
        assert_eq!(account.used(), AHEAD * (BASE_BYTES + 1));
        buffer.extend(&[3; 40_000]).unwrap();
        assert_eq!(account.used(), 65_600);
        buffer.extend(&[4; 65_599 - 40_000 - BASE_BYTES]).unwrap();
        assert_eq!((account.used(), buffer.len()), (65_600, 65_600));
        buffer.extend(&[5]).unwrap();
        assert_eq!(account.used(), 128 << 10, "more than was announced");
        buffer.clear();
        buffer.announce(usize::MAX);
        buffer.extend(&[6; BUFFER_BYTES_MAX / 2]).unwrap();
        assert_eq!(account.used(), BUFFER_BYTES_MAX);
    }

    #[test]
    fn a_buffer_that_is_announced_bit_by_bit_is_copied_a_few_times() {
        let mut buffer = Buffer::new(Account::new(BUFFER_BYTES_MAX));
        let mut growths = 0;
        while buffer.len() < BUFFER_BYTES_MAX {
            let capacity = buffer.bytes.capacity();
            buffer.announce(2);
            buffer.extend(&[1]).unwrap();
            growths += u32::from(buffer.bytes.capacity() != capacity);
        }
        assert!(growths <= 16, "{growths} copies");
    }

    #[test]
    fn refuses_more_than_the_account_or_its_own_limit_and_stays_unchanged() {
        let account = Account::new(usize::MAX);
        let mut greedy = Buffer::new(account);
        greedy.extend(&[1; BUFFER_BYTES_MAX]).unwrap();
        assert_eq!(greedy.extend(&[1]), Err(Full));
        assert_eq!(greedy.len(), BUFFER_BYTES_MAX);

        let mut poor = Buffer::new(Account::new(BASE_BYTES));
        assert_eq!(poor.extend(&[1; BASE_BYTES + 1]), Err(Full));
        assert!(poor.is_empty());
        poor.extend(&[1; BASE_BYTES]).unwrap();
    }
}
