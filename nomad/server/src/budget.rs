//! This server's memory, as far as moves take it: [`Budget`].
//!
//! A server that runs out of memory ends, and every move with it. So each move reserves what it may take at most, and one that
//! there is no room for is not begun: its operator reads why before anything is done.
//!
//! ```text
//!   heap = sockets and what else is there at first | RESERVE: one domain that is looked at | shares of moves | rest
//! ```

use alloc::rc::Rc;
use core::cell::{Cell, OnceCell};
use core::fmt;

use abi::thread_state::THREAD_STATE_BYTES;
use nomad_image::{Limits, PAGE_BYTES};
use nomad_protocol::Sizes;
use runtime::port::PORT_PAGES;

/// Threads of a domain that moves.
pub const THREADS_MAX: u32 = 512;
/// Capabilities of a domain that moves, and as many that its objects hold.
pub const CAPABILITIES_MAX: u32 = 4096;

/// Bytes that an object, a mapping or an outsider takes at most: in a description, as the kernel lists it, and as it is built.
const THING_BYTES: usize = 256;
/// The same of a capability, in the table or held.
const CAPABILITY_BYTES: usize = 256;
/// The same of a thread: its state in a description, in the bytes that this travels as, and read back.
const THREAD_BYTES: usize = 3 * (THREAD_STATE_BYTES + 64);
/// Sets of pages of a Memory: what is to be sent, what is present, what the target knows.
const SETS: usize = 3;
/// Bytes of frames that travel with a domain.
const PARCEL_BYTES: usize = PORT_PAGES as usize * (PAGE_BYTES + 64);

/// What is left for what belongs to no move: the lists of a domain that an operator asks about, and the lines that answer him.
const RESERVE_BYTES: usize = 2 * CAPABILITIES_MAX as usize * CAPABILITY_BYTES;

/// How large a domain may be when its move ends: it runs while it is copied, and may grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    threads: u32,
    capabilities: u32,
    pages: u64,
}

impl Extent {
    /// Of a domain that has this size when it is offered.
    pub fn of(sizes: &Sizes) -> Extent {
        let grown = |count: u32, some: u32| count.saturating_mul(2).saturating_add(some);
        Extent {
            threads: grown(sizes.threads, 16).min(THREADS_MAX),
            capabilities: grown(sizes.slots, 64).min(CAPABILITIES_MAX),
            pages: sizes.pages.saturating_mul(2).saturating_add(4096),
        }
    }

    /// What an image of it may say.
    pub fn limits(&self) -> Limits {
        let most = Limits::default();
        Limits {
            state_bytes_max: u32::try_from(self.state_bytes()).unwrap_or(u32::MAX),
            capabilities_max: self.capabilities,
            pages_max: self.pages.min(most.pages_max),
            ..most
        }
    }

    /// Bytes that its move takes at most of this server's heap, on either side.
    pub fn heap_bytes(&self) -> usize {
        let pages = usize::try_from(self.pages).unwrap_or(usize::MAX);
        (self.state_bytes() + PARCEL_BYTES).saturating_add(pages.saturating_mul(SETS) / 8)
    }

    fn state_bytes(&self) -> usize {
        let limits = Limits::default();
        let things = limits.objects_max + limits.mappings_max + limits.outsiders_max;
        things as usize * THING_BYTES
            + self.threads as usize * THREAD_BYTES
            + 2 * self.capabilities as usize * CAPABILITY_BYTES
    }
}

/// There is no room for a move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoRoom {
    /// Bytes that it may take.
    pub needed: usize,
    /// Bytes that are left.
    pub left: usize,
}

impl fmt::Display for NoRoom {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kib = |bytes: usize| bytes.div_ceil(1024);
        let (needed, left) = (kib(self.needed), kib(self.left));
        write!(
            formatter,
            "the migration server has too little memory for one more move: it needs {needed} KiB, {left} are left"
        )
    }
}

/// What moves may take.
#[derive(Clone, Debug, Default)]
pub struct Budget {
    /// In all; asked for when the first move begins, since the server's sockets are there by then.
    total: OnceCell<usize>,
    taken: Rc<Cell<usize>>,
}

/// What a move has reserved, until this is dropped.
#[derive(Debug, Default)]
pub struct Share {
    taken: Rc<Cell<usize>>,
    bytes: usize,
}

impl Budget {
    /// Reserves so many bytes.
    ///
    /// # Errors
    /// [`NoRoom`].
    pub fn take(&self, needed: usize) -> Result<Share, NoRoom> {
        let free = || runtime::heap::uncommitted_bytes().saturating_sub(RESERVE_BYTES);
        let left = self
            .total
            .get_or_init(free)
            .saturating_sub(self.taken.get());
        if needed > left {
            return Err(NoRoom { needed, left });
        }
        self.taken.set(self.taken.get() + needed);
        Ok(Share {
            taken: Rc::clone(&self.taken),
            bytes: needed,
        })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.taken.set(self.taken.get() - self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(threads: u32, slots: u32, pages: u64) -> Sizes {
        Sizes {
            pool_bytes: pages.saturating_mul(4096),
            pages,
            threads,
            slots,
        }
    }

    fn of(bytes: usize) -> Budget {
        let budget = Budget::default();
        budget.total.set(bytes).expect("nothing was taken yet");
        budget
    }

    #[test]
    fn moves_share_what_there_is() {
        let budget = of(100);
        let first = budget.take(60).expect("room for it");
        assert_eq!(
            budget.take(60).err(),
            Some(NoRoom {
                needed: 60,
                left: 40
            })
        );
        let second = budget.take(40).expect("room for it");
        drop(first);
        assert_eq!(
            budget.take(61).err(),
            Some(NoRoom {
                needed: 61,
                left: 60
            })
        );
        drop(second);
        assert!(budget.take(100).is_ok());
    }

    #[test]
    fn a_domain_may_grow_while_it_moves_but_not_without_bounds() {
        let small = Extent::of(&sizes(1, 64, 1000));
        assert_eq!(
            (small.threads, small.capabilities, small.pages),
            (18, 192, 6096)
        );
        let largest = Extent::of(&sizes(u32::MAX, u32::MAX, u64::MAX));
        let most = (THREADS_MAX, CAPABILITIES_MAX, u64::MAX);
        assert_eq!((largest.threads, largest.capabilities, largest.pages), most);
        assert!(of(1 << 40).take(largest.heap_bytes()).is_err());
    }

    /// What the heap of `userland/manifests/default.toml` leaves to moves, with two MiB for sockets.
    const MOVES_BYTES: usize = (16 << 20) - (2 << 20) - RESERVE_BYTES;

    #[test]
    fn the_largest_domain_and_four_small_ones_fit_the_heap_that_manifests_give() {
        let largest = Extent::of(&sizes(THREADS_MAX, CAPABILITIES_MAX, 1 << 20));
        assert!(of(MOVES_BYTES).take(largest.heap_bytes()).is_ok());
        let budget = of(MOVES_BYTES);
        let small = Extent::of(&sizes(8, 256, 20_000)).heap_bytes();
        let shares: [_; 4] = core::array::from_fn(|_| budget.take(small));
        assert!(shares.iter().all(Result::is_ok), "{shares:?}");
    }
}
