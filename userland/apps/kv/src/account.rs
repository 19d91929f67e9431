//! A memory account with a limit: an allocation beyond it is refused in advance.
//!
//! An account does not show fragmentation: the heap's free memory may be in cells of unsuitable sizes. So a charge is also
//! refused if less than [`RESERVE_BYTES`] would remain outside cells.

use alloc::rc::Rc;
use core::cell::Cell;

use runtime::heap;

/// The part of the heap reserved for allocations that cannot be refused: the base of both buffers of every connection (1 MiB in
/// all), the nodes of the store's tree, and the network stack.
pub const RESERVE_BYTES: usize = 2 << 20;

/// The limit is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// An account; clones share it.
#[derive(Clone, Debug)]
pub struct Account(Rc<Book>);

#[derive(Debug)]
struct Book {
    used: Cell<usize>,
    limit: usize,
}

impl Account {
    /// Creates an empty account with this limit in bytes.
    pub fn new(limit: usize) -> Account {
        Account(Rc::new(Book {
            used: Cell::new(0),
            limit,
        }))
    }

    /// The number of bytes in use.
    pub fn used(&self) -> usize {
        self.0.used.get()
    }

    /// The maximum number of bytes in use.
    pub fn limit(&self) -> usize {
        self.0.limit
    }

    /// Whether this many more bytes fit.
    pub fn has_room(&self, bytes: usize) -> bool {
        bytes <= self.limit() - self.used() && heap_has_room(bytes)
    }

    /// Charges this many bytes.
    ///
    /// # Errors
    /// [`Full`]; then nothing was charged.
    pub fn charge(&self, bytes: usize) -> Result<(), Full> {
        if !self.has_room(bytes) {
            return Err(Full);
        }
        self.take(bytes);
        Ok(())
    }

    /// Charges this many bytes, after [`Account::has_room`] returned `true`.
    pub fn take(&self, bytes: usize) {
        let used = self.used() + bytes;
        debug_assert!(used <= self.limit(), "charged without checking for room");
        self.0.used.set(used);
    }

    /// Refunds charged bytes.
    pub fn refund(&self, bytes: usize) {
        debug_assert!(bytes <= self.used(), "more refunded than charged");
        self.0.used.set(self.used().saturating_sub(bytes));
    }
}

fn heap_has_room(bytes: usize) -> bool {
    let heap_bytes = heap::uncommitted_bytes();
    #[cfg(test)]
    let heap_bytes = tests::HEAP_BYTES.get().unwrap_or(heap_bytes);
    bytes.saturating_add(RESERVE_BYTES) <= heap_bytes
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    std::thread_local! {
        /// The free bytes of this thread's heap, if set by a test.
        pub(crate) static HEAP_BYTES: Cell<Option<usize>> = const { Cell::new(None) };
    }

    #[test]
    fn leaves_the_heap_its_reserve_whatever_the_accounts_limit() {
        let account = Account::new(100);
        HEAP_BYTES.set(Some(RESERVE_BYTES + 10));
        assert_eq!(account.charge(11), Err(Full));
        assert_eq!(account.charge(10), Ok(()));
        HEAP_BYTES.set(Some(RESERVE_BYTES - 1));
        assert_eq!(account.charge(0), Err(Full));
        HEAP_BYTES.set(None);
        assert_eq!(account.used(), 10);
    }

    #[test]
    fn refuses_a_charge_beyond_the_limit_entirely() {
        let account = Account::new(10);
        assert_eq!(account.charge(7), Ok(()));
        assert_eq!(account.charge(4), Err(Full));
        assert_eq!(account.charge(usize::MAX), Err(Full));
        assert_eq!(account.clone().charge(3), Ok(()));
        assert_eq!(account.used(), 10);
        account.refund(10);
        assert_eq!(account.used(), 0);
    }
}
