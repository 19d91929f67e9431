//! The reply to a request, and the self-check.

use crate::pages::Pages;
use crate::wire::{DAMAGED, Reply, Request};

/// The counter.
pub struct Service {
    pages: Pages,
    /// The next page of the self-check.
    check_next: usize,
    is_damaged: bool,
}

/// A damaged page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The index of the page.
    pub page: usize,
}

impl Service {
    /// A service on this heap.
    pub fn new(pages: Pages) -> Service {
        Service {
            pages,
            check_next: 0,
            is_damaged: false,
        }
    }

    /// The heap.
    pub fn pages(&self) -> &Pages {
        &self.pages
    }

    /// Dirties this many pages.
    pub fn dirty(&mut self, page_count: u64) {
        (0..page_count).for_each(|_| self.pages.dirty_next());
    }

    /// Executes a request.
    pub fn reply(&mut self, request: Request) -> Reply {
        let page = self.pages.working_page(request.sequence);
        let is_damaged = self.is_damaged || !self.pages.is_sound(page);
        Reply {
            request,
            counter: self.pages.raise_counter(),
            checksum: self.pages.checksum(request.sequence),
            pages_dirtied: self.pages.dirtied(),
            flags: if is_damaged { DAMAGED } else { 0 },
        }
    }

    /// Checks the next pages, cyclically, up to a damaged one. Every later reply reports the damage.
    ///
    /// # Errors
    /// [`Damage`].
    pub fn check_some(&mut self, page_count: usize) -> Result<(), Damage> {
        for _ in 0..page_count {
            let page = self.check_next;
            self.check_next = (page + 1) % self.pages.count();
            if !self.pages.is_sound(page) {
                self.is_damaged = true;
                return Err(Damage { page });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service() -> Service {
        Service::new(Pages::try_new(6, 2).unwrap())
    }

    fn request(sequence: u64) -> Request {
        Request {
            sequence,
            client_time: 9,
        }
    }

    #[test]
    fn every_reply_increments_the_counter() {
        let mut service = service();
        service.dirty(3);
        let replies = [service.reply(request(7)), service.reply(request(7))];
        assert_eq!(replies.map(|reply| reply.counter), [1, 2]);
        assert_eq!(replies[0].checksum, replies[1].checksum);
        assert_eq!(replies[0].pages_dirtied, 3);
        assert_eq!(replies[0].flags, 0);
        assert_eq!(replies[0].request, request(7));
    }

    #[test]
    fn the_check_cycles_through_all_pages_while_they_change() {
        let mut service = service();
        for _ in 0..50 {
            service.dirty(1);
            service.reply(request(1));
            assert_eq!(service.check_some(4), Ok(()));
        }
    }
}
