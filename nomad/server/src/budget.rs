//! The memory of this server that moves may use: [`Budget`].
//!
//! A server that runs out of memory ends, and every move with it. So each move reserves the most memory that it may
//! use. A move that does not fit is not begun, and its operator gets the reason. The sizes below are upper bounds: a
//! domain with the most threads and capabilities used less than half of its reservation, on either side
//! (`migration::the_largest_domain_moves_there_and_back_within_its_reserve`).
//!
//! ```text
//!   heap = sockets and other allocations of the start
//!        | RESERVE: one domain that is listed
//!        | visits (`nomad_shell::returns::Visits`) | lists of the Memories of kept copies (`kept`)
//!        | reservations of moves | free
//! ```

use alloc::rc::Rc;
use core::cell::{Cell, OnceCell};

use abi::thread_state::THREAD_STATE_BYTES;
use nomad_image::{Limits, PAGE_BYTES};
use nomad_protocol::{Side, Sizes};
use nomad_shell::returns::VISITS_BYTES;
use nomad_transport::WINDOW_BYTES;
use runtime::port::PORT_PAGES;

use crate::kept::LISTS_BYTES;

/// The most threads of a domain, by the limit of the kernel.
pub const THREADS_MAX: u32 = abi::THREADS_MAX as u32;
/// The most capabilities of a domain that moves. Its objects may hold as many more.
pub const CAPABILITIES_MAX: u32 = 4096;

/// A piece of a domain's pages ends as soon as it has at least this many bytes.
pub const PIECE_BYTES: usize = 32 * 1024;

/// The most bytes per object, mapping or outsider: in a description, in the kernel's list, and during the build.
const ITEM_BYTES: usize = 192;
/// The most bytes per capability, in the table or held.
const CAPABILITY_BYTES: usize = 256;
/// The most bytes per thread: its state in a description, in that of the trial build, encoded, and read back.
const THREAD_BYTES: usize = 4 * (THREAD_STATE_BYTES + 64);
/// The most bytes per item or capability in an encoded state. The largest item is an outsider, with its name.
const RECORD_BYTES: usize = 64;
/// Page sets per Memory: the pages to be sent, the present ones, and those known to the destination.
const SETS: usize = 3;
/// Bytes of the move's page stream: those in flight, and the piece that is being added.
const STREAM_BYTES: usize = WINDOW_BYTES + 4 * PIECE_BYTES;
/// Bytes of the frames that travel with a domain.
const STAGED_BYTES: usize = PORT_PAGES as usize * (PAGE_BYTES + 64);

/// Bytes reserved for work outside of moves: the listing of a domain for an operator's `explain`, and the reply.
const RESERVE_BYTES: usize = 2 * CAPABILITIES_MAX as usize * CAPABILITY_BYTES;

/// The largest size that a domain may have at the end of its move. A domain may grow while it is copied, because it
/// runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    threads: u32,
    capabilities: u32,
    pages: u64,
}

impl Extent {
    /// The extent of a domain that is offered with these sizes.
    pub fn of(sizes: &Sizes) -> Extent {
        let grown = |count: u32, some: u32| count.saturating_mul(2).saturating_add(some);
        Extent {
            threads: grown(sizes.threads, 16).min(THREADS_MAX),
            capabilities: grown(sizes.slots, 64).min(CAPABILITIES_MAX),
            pages: sizes.pages.saturating_mul(2).saturating_add(4096),
        }
    }

    /// The limits of its image.
    pub fn limits(&self) -> Limits {
        let most = Limits::default();
        Limits {
            state_bytes_max: self.record_bytes(),
            capabilities_max: self.capabilities,
            pages_max: self.pages.min(most.pages_max),
            ..most
        }
    }

    /// The most bytes of this server's heap that its move uses, on either side.
    pub fn heap_bytes(&self) -> usize {
        let pages = usize::try_from(self.pages).unwrap_or(usize::MAX);
        let state_bytes = self.record_bytes() as usize + self.state_bytes();
        (state_bytes + STAGED_BYTES + STREAM_BYTES).saturating_add(pages.saturating_mul(SETS) / 8)
    }

    /// Bytes of the encoded state, which is buffered before it is decoded.
    fn record_bytes(&self) -> u32 {
        let most = Limits::default();
        let small = items() + 2 * self.capabilities as usize;
        let bytes =
            small * RECORD_BYTES + self.threads as usize * (THREAD_STATE_BYTES + RECORD_BYTES);
        u32::try_from(bytes).map_or(most.state_bytes_max, |bytes| {
            bytes.min(most.state_bytes_max)
        })
    }

    fn state_bytes(&self) -> usize {
        items() * ITEM_BYTES
            + self.threads as usize * THREAD_BYTES
            + 2 * self.capabilities as usize * CAPABILITY_BYTES
    }
}

/// The most objects, mappings and outsiders of a domain.
fn items() -> usize {
    let most = Limits::default();
    (most.objects_max + most.mappings_max + most.outsiders_max) as usize
}

/// The budget does not cover a move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the migration server has too little memory for one more move: the move needs {} KiB, {} KiB are left",
    kib(*needed),
    kib(*left)
)]
pub struct NoRoom {
    /// Bytes that the move may use.
    pub needed: usize,
    pub left: usize,
}

fn kib(bytes: usize) -> usize {
    bytes.div_ceil(1024)
}

/// The heap that moves may use.
#[derive(Clone, Debug, Default)]
pub struct Budget {
    /// All bytes for moves. Computed when the first move begins: by then the server's sockets exist.
    total: OnceCell<usize>,
    out: Rc<Cell<usize>>,
    /// The bytes of incoming moves, at most half of the total. So offers from other machines cannot keep a domain from
    /// leaving.
    incoming: Rc<Cell<usize>>,
}

/// The bytes that a move has reserved, until this is dropped.
#[derive(Debug, Default)]
pub struct Reservation {
    taken: Rc<Cell<usize>>,
    bytes: usize,
}

impl Budget {
    /// Reserves this many bytes for a move in which this machine is `side`.
    ///
    /// # Errors
    /// [`NoRoom`].
    pub fn reserve(&self, side: Side, needed: usize) -> Result<Reservation, NoRoom> {
        let reserved = RESERVE_BYTES + VISITS_BYTES + LISTS_BYTES;
        let free = || runtime::heap::uncommitted_bytes().saturating_sub(reserved);
        let total = *self.total.get_or_init(free);
        let (out, incoming) = (self.out.get(), self.incoming.get());
        let left = total.saturating_sub(out + incoming);
        let (taken, left) = match side {
            Side::Source => (&self.out, left),
            Side::Destination => (
                &self.incoming,
                left.min((total / 2).saturating_sub(incoming)),
            ),
        };
        if needed > left {
            return Err(NoRoom { needed, left });
        }
        taken.set(taken.get() + needed);
        Ok(Reservation {
            taken: Rc::clone(taken),
            bytes: needed,
        })
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.taken.set(self.taken.get() - self.bytes);
    }
}

#[cfg(test)]
impl Budget {
    /// A budget of this many bytes for moves.
    pub fn for_tests(bytes: usize) -> Budget {
        let budget = Budget::default();
        budget.total.set(bytes).expect("nothing was taken yet");
        budget
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

    #[test]
    fn moves_share_the_budget_and_half_of_it_is_kept_for_leaving_domains() {
        let budget = Budget::for_tests(100);
        let leaving = budget.reserve(Side::Source, 30).expect("room for it");
        let coming = budget.reserve(Side::Destination, 40).expect("room for it");
        let refused = |side, needed| budget.reserve(side, needed).err().map(|no| no.left);
        assert_eq!(refused(Side::Destination, 11), Some(10));
        assert_eq!(refused(Side::Source, 31), Some(30));
        drop(leaving);
        assert_eq!(refused(Side::Destination, 11), Some(10));
        assert_eq!(refused(Side::Source, 61), Some(60));
        drop(coming);
        assert!(budget.reserve(Side::Source, 100).is_ok());
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
        assert!(
            Budget::for_tests(1 << 40)
                .reserve(Side::Source, largest.heap_bytes())
                .is_err()
        );
    }

    /// The bytes that the heap of `userland/manifests/default.toml` leaves for moves, with two MiB for sockets.
    const MOVES_BYTES: usize = (24 << 20) - (2 << 20) - RESERVE_BYTES - VISITS_BYTES - LISTS_BYTES;

    #[test]
    fn the_largest_domain_or_three_small_ones_may_come_and_as_many_leave() {
        let largest = Extent::of(&sizes(THREADS_MAX, CAPABILITIES_MAX, 1 << 20));
        let small = Extent::of(&sizes(8, 256, 20_000));
        for (extent, count) in [(largest, 1), (small, 3)] {
            let budget = Budget::for_tests(MOVES_BYTES);
            let sides = [Side::Destination, Side::Source].into_iter();
            let moves = sides.flat_map(|side| core::iter::repeat_n(side, count));
            let reservations = moves.map(|side| budget.reserve(side, extent.heap_bytes()));
            let reservations: Result<alloc::vec::Vec<_>, _> = reservations.collect();
            assert!(reservations.is_ok(), "{extent:?}: {reservations:?}");
        }
    }
}
