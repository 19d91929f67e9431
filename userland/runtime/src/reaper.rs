//! A further thread of this domain that destroys objects at the lowest priority, so that every other thread of the machine runs meanwhile:
//! [`Reaper`].
//!
//! ```text
//! first thread   add:     queue[added] = slot, added += 1, then ThreadStop, ThreadPrepare, ThreadStart
//! reaper         run:     while done < added { Destroy(queue[done]), done += 1 }, then ThreadStop
//! first thread   collect: frees the slots of queue[collected..done]
//! ```
//!
//! The kernel returns from `Destroy` after a bounded number of steps, and the thread repeats the call, so a thread of a higher priority waits
//! for one entry into the kernel at most. The reaper may be stopped at any instruction and started at its beginning again, with each `add`: the
//! same call continues an unfinished destruction, and fails if the object is gone. No other object can be in the slot by then, since only
//! `collect` frees it, and only when the reaper has left it behind.
//!
//! The reaper does not allocate, lock or log, since only the domain's first thread uses the rest of the runtime.

use alloc::boxed::Box;
use alloc::vec;
use core::sync::atomic::{AtomicU32, Ordering};

use abi::Error;
use abi::calls;
use abi::register::{Slot, UserAddress};

use crate::capability::{Cap, Domain, Kind, Thread};
use crate::slots;
use crate::system_call::invoke;

/// The most objects that may wait for their destruction.
pub const QUEUE_MAX: usize = 64;

/// The lowest priority of the kernel.
const PRIORITY: u8 = 0;

const STACK_BYTES: usize = 4 << 10;

/// The state that both threads share. Positions count all objects ever added; the slot of one is at its position modulo the
/// queue's length.
#[derive(Debug)]
struct Queue {
    slots: [AtomicU32; QUEUE_MAX],
    /// The objects added, changed by the first thread.
    added: AtomicU32,
    /// The objects destroyed, changed by the reaper.
    done: AtomicU32,
    /// The reaper's own Thread.
    thread: Slot,
}

/// A thread that destroys objects.
#[derive(Debug)]
pub struct Reaper {
    queue: &'static Queue,
    thread: Cap<Thread>,
    stack_top: u64,
    /// The objects whose slots are free again.
    collected: u32,
}

impl Reaper {
    /// Creates a reaper in this domain. Its memory is never freed.
    ///
    /// # Errors
    /// The kernel's refusal of the thread, or the lack of a free slot.
    pub fn new(domain: Cap<Domain>) -> Result<Reaper, Error> {
        let thread = domain.create_thread()?;
        thread.set_priority(PRIORITY)?;
        let queue = Box::leak(Box::new(Queue {
            slots: [const { AtomicU32::new(0) }; QUEUE_MAX],
            added: AtomicU32::new(0),
            done: AtomicU32::new(0),
            thread: thread.slot(),
        }));
        let stack = vec![0_u128; STACK_BYTES / size_of::<u128>()].leak();
        Ok(Reaper {
            queue,
            thread,
            // Aligned as after a call instruction, which pushes a return address.
            stack_top: stack.as_ptr_range().end as u64 - 8,
            collected: 0,
        })
    }

    /// Has an object destroyed through this capability, which needs DESTROY and which nothing else may use from now on. The object may
    /// be destroyed through another capability meanwhile.
    ///
    /// # Errors
    /// The capability, if [`QUEUE_MAX`] objects wait already, or if the kernel does not start the thread.
    pub fn add<T: Kind>(&mut self, capability: Cap<T>) -> Result<(), Cap<T>> {
        self.collect();
        let added = self.queue.added.load(Ordering::Relaxed);
        if added.wrapping_sub(self.collected) as usize == QUEUE_MAX {
            return Err(capability);
        }
        // The slot is the reaper's from its start on, so a failure must come before the object is added.
        self.prepare().map_err(|_| capability)?;
        let place = &self.queue.slots[added as usize % QUEUE_MAX];
        place.store(capability.slot().0, Ordering::Relaxed);
        self.queue
            .added
            .store(added.wrapping_add(1), Ordering::Release);
        // Cannot fail: the thread was stopped and prepared.
        let _ = self.thread.start();
        Ok(())
    }

    /// Stops the thread, wherever it is, and prepares it to begin anew.
    fn prepare(&self) -> Result<(), Error> {
        self.thread.stop()?;
        let queue: *const Queue = self.queue;
        self.thread.prepare(
            UserAddress(run as *const () as u64),
            UserAddress(self.stack_top),
            queue as u64,
            UserAddress(0),
        )
    }

    /// Frees the slots of the objects that are destroyed.
    pub fn collect(&mut self) {
        while let Some(slot) = self.take_done() {
            slots::give_back(slot);
        }
    }

    /// The slot of the next object that is destroyed, once.
    fn take_done(&mut self) -> Option<Slot> {
        if self.collected == self.queue.done.load(Ordering::Acquire) {
            return None;
        }
        let place = &self.queue.slots[self.collected as usize % QUEUE_MAX];
        self.collected = self.collected.wrapping_add(1);
        Some(Slot(place.load(Ordering::Relaxed)))
    }
}

/// The reaper's first function, where every start begins.
extern "C" fn run(queue: *const Queue) -> ! {
    // SAFETY: `Reaper::prepare` passes a leaked queue.
    let queue = unsafe { &*queue };
    loop {
        destroy_all(queue);
        // This fails only if the domain has deleted its capability to this thread; then the thread can only yield.
        let thread = queue.thread;
        let _ = invoke(calls::ThreadStop { thread });
        let _ = invoke(calls::Yield {});
    }
}

/// Destroys the objects in the queue, one after the other.
fn destroy_all(queue: &Queue) {
    loop {
        let done = queue.done.load(Ordering::Relaxed);
        if done == queue.added.load(Ordering::Acquire) {
            return;
        }
        let place = &queue.slots[done as usize % QUEUE_MAX];
        let object = Slot(place.load(Ordering::Relaxed));
        // This fails if the object is gone, which is as good.
        let _ = invoke(calls::Destroy { object });
        queue.done.store(done.wrapping_add(1), Ordering::Release);
    }
}

#[cfg(test)]
mod tests;
