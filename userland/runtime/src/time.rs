//! Timers: the driver of embassy-time, with a tick of one microsecond.
//!
//! The executor sleeps until [`next_deadline_ns`]. There is no other alarm.

use core::cell::RefCell;
use core::task::Waker;

use critical_section::Mutex;
use embassy_time_driver::Driver;
use embassy_time_queue_utils::Queue;

use crate::clock;

const NS_PER_TICK: u64 = 1_000_000_000 / embassy_time_driver::TICK_HZ;

struct ClockDriver {
    queue: Mutex<RefCell<Queue>>,
}

embassy_time_driver::time_driver_impl!(static DRIVER: ClockDriver = ClockDriver {
    queue: Mutex::new(RefCell::new(Queue::new())),
});

impl Driver for ClockDriver {
    fn now(&self) -> u64 {
        clock::now_ns() / NS_PER_TICK
    }

    fn schedule_wake(&self, at: u64, waker: &Waker) {
        critical_section::with(|section| {
            // The result, whether to set an alarm, is not needed: the executor reads the next deadline itself.
            let _ = self.queue.borrow_ref_mut(section).schedule_wake(at, waker);
        });
    }
}

/// Wakes the tasks whose timers have expired; returns the time of the next timer, [`abi::NO_DEADLINE`] for never.
pub(crate) fn next_deadline_ns() -> u64 {
    let now = DRIVER.now();
    let next =
        critical_section::with(|section| DRIVER.queue.borrow_ref_mut(section).next_expiration(now));
    next.saturating_mul(NS_PER_TICK)
}
