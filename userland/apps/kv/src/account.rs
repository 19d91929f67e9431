//! An account of bytes with a limit: what has no room in it is refused before it is allocated.

use alloc::rc::Rc;
use core::cell::Cell;

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
        bytes <= self.limit() - self.used()
    }

    /// Takes so many bytes.
    ///
    /// # Errors
    /// [`Full`]: nothing was taken.
    pub fn charge(&self, bytes: usize) -> Result<(), Full> {
        if !self.has_room(bytes) {
            return Err(Full);
        }
        self.0.used.set(self.used() + bytes);
        Ok(())
    }

    /// Gives back what was charged.
    pub fn refund(&self, bytes: usize) {
        debug_assert!(bytes <= self.used(), "more given back than taken");
        self.0.used.set(self.used().saturating_sub(bytes));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
