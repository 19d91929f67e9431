//! The flags of the domain's one notification, `wake`, as awaitable events.
//!
//! The executor waits on `wake` and passes the raised flags to [`raise`]. A flag stays raised until a task takes
//! it with [`wait`], so none is lost between two waits. Each flag has one waiting task.

use core::future::poll_fn;
use core::sync::atomic::{AtomicU64, Ordering};
use core::task::{Poll, Waker};

use embassy_sync::waitqueue::AtomicWaker;

/// Bit 0: for another thread of the domain that makes a task ready. No thread raises it yet.
pub const PENDER: u64 = 1 << 0;
/// Bit 1: the switch sent frames or took some.
pub const PORT: u64 = 1 << 1;
/// Bit 2: a driver's device raised an interrupt.
pub const INTERRUPT: u64 = 1 << 2;
/// Bit 3: as [`PORT`], for the migration server's tunnel.
pub const TUNNEL: u64 = 1 << 3;
/// Bit 4: root's journal has a new line for the console.
pub const JOURNAL: u64 = 1 << 4;
/// The first bit for the domain's own use.
pub const FIRST_FREE_BIT: u32 = 8;
/// The first bit after those: bits from here on are for the endpoints that tasks serve.
pub const FIRST_SERVER_BIT: u32 = 56;
/// The maximum number of endpoints that a domain's tasks serve.
pub const SERVERS_MAX: u32 = 64 - FIRST_SERVER_BIT;

/// The flag of the server with this number; `None` if there can be no such server.
pub(crate) fn server(number: u32) -> Option<u64> {
    (number < SERVERS_MAX).then(|| 1 << (FIRST_SERVER_BIT + number))
}

static RAISED: AtomicU64 = AtomicU64::new(0);
static WAKERS: [AtomicWaker; 64] = [const { AtomicWaker::new() }; 64];

/// Raises flags and wakes the tasks that wait for them.
pub fn raise(flags: u64) {
    RAISED.fetch_or(flags, Ordering::AcqRel);
    for bit in bits(flags) {
        WAKERS[bit].wake();
    }
}

/// Waits until one of these flags is raised; returns and clears the raised ones.
pub async fn wait(flags: u64) -> u64 {
    poll_fn(|context| {
        register(flags, context.waker());
        match RAISED.fetch_and(!flags, Ordering::AcqRel) & flags {
            0 => Poll::Pending,
            raised => Poll::Ready(raised),
        }
    })
    .await
}

/// Wakes the task when one of these flags is raised next. Meant for a caller that detects events in other state, which it checks
/// after registering.
pub fn register(flags: u64, waker: &Waker) {
    for bit in bits(flags) {
        WAKERS[bit].register(waker);
    }
}

/// The indices of the bits that are set.
fn bits(mut flags: u64) -> impl Iterator<Item = usize> {
    core::iter::from_fn(move || {
        let bit = flags.trailing_zeros();
        flags &= flags.wrapping_sub(1);
        (bit < 64).then_some(bit as usize)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::pin::pin;
    use core::task::Context;

    #[test]
    fn lists_the_bits_that_are_set() {
        let listed: std::vec::Vec<usize> = bits(1 | 1 << 8 | 1 << 63).collect();
        assert_eq!(listed, [0, 8, 63]);
        assert_eq!(bits(0).count(), 0);
    }

    #[test]
    fn a_flag_raised_before_the_wait_is_not_lost_and_counts_once() {
        let (mine, others) = (1 << 40, 1 << 41);
        raise(mine | others);
        let context = &mut Context::from_waker(Waker::noop());
        assert_eq!(pin!(wait(mine)).poll(context), Poll::Ready(mine));
        assert_eq!(pin!(wait(mine)).poll(context), Poll::Pending);
        assert_eq!(pin!(wait(others)).poll(context), Poll::Ready(others));
    }
}
