//! An account of bytes with a limit: what has no room in it is refused before it is allocated.
//!
//! An account says what is kept, not how the heap lies: a client may leave a heap whose memory is bound in cells that nothing else
//! fits. So nothing is charged either that would leave the heap less than [`RESERVE_BYTES`].

use alloc::rc::Rc;
use core::cell::Cell;

use runtime::heap;

/// What is left of the heap for what cannot be refused: every connection's base of both buffers, 1 MiB in all, the tree's nodes
/// and what the stack of the network makes.
pub const RESERVE_BYTES: usize = 2 << 20;

/// There is no room left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// The account; clones are the same account.
#[derive(Clone, Debug)]
pub struct Account(Rc<Book>);

#[derive(Debug)]
struct Book {
    used: Cell<usize>,
    limit: usize,
}

impl Account {
    /// An empty account with this limit in bytes.
    pub fn new(limit: usize) -> Account {
        Account(Rc::new(Book {
            used: Cell::new(0),
            limit,
        }))
    }

    /// How many bytes are in use.
    pub fn used(&self) -> usize {
        self.0.used.get()
    }

    /// How many may be.
    pub fn limit(&self) -> usize {
        self.0.limit
    }

    /// Whether so many more have room.
    pub fn has_room(&self, bytes: usize) -> bool {
        bytes <= self.limit() - self.used() && heap_has_room(bytes)
    }

    /// Takes so many bytes.
    ///
    /// # Errors
    /// [`Full`]: nothing was taken.
    pub fn charge(&self, bytes: usize) -> Result<(), Full> {
        if !self.has_room(bytes) {
            return Err(Full);
        }
        self.take(bytes);
        Ok(())
    }

    /// Takes so many bytes, for which there was room when [`Account::has_room`] said so.
    pub fn take(&self, bytes: usize) {
        let used = self.used() + bytes;
        debug_assert!(used <= self.limit(), "taken without looking for room");
        self.0.used.set(used);
    }

    /// Gives back what was charged.
    pub fn refund(&self, bytes: usize) {
        debug_assert!(bytes <= self.used(), "more given back than taken");
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
        /// What is left of this thread's heap, if a test says so.
        pub(crate) static HEAP_BYTES: Cell<Option<usize>> = const { Cell::new(None) };
    }

    #[test]
    fn leaves_the_heap_its_reserve_whatever_its_own_limit() {
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
    fn refuses_what_has_no_room_and_takes_nothing_of_it() {
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
