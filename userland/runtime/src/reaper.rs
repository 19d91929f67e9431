//! A further thread of this domain that destroys objects at the lowest priority, so that every other thread of the machine runs meanwhile:
//! [`Reaper`].
//!
//! ```text
//! first thread   add:     ThreadStop, ThreadPrepare, skip what is gone, queue[added] = slot, added += 1, ThreadStart
//! reaper         run:     while done < added { Destroy(queue[done]), done += 1 }, then ThreadStop
//! first thread   collect: frees the slots of queue[collected..done]
//! ```
//!
//! The kernel returns from `Destroy` after a bounded number of steps, and the thread repeats the call, so a thread of a higher priority waits
//! for one entry into the kernel at most. The reaper may be stopped at any instruction and started at its beginning again, with each `add`: the
//! same call continues an unfinished destruction, and fails if the object is gone. No other object can be in the slot by then, since only
//! `collect` frees it, and only when the reaper has left it behind. While the reaper stands still, `add` skips objects for it that were
//! destroyed through other capabilities: they would fill the queue on a machine whose other threads never wait.
//!
//! The reaper does not allocate, lock or log, since only the domain's first thread uses the rest of the runtime.

use alloc::boxed::Box;
use alloc::vec;
use core::sync::atomic::{AtomicU32, Ordering};

use abi::Error;
use abi::calls;
use abi::register::{Slot, UserAddress};

use crate::capability::{Any, Cap, Domain, Kind, Thread};
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
    /// The objects destroyed, changed by the reaper, and by the first thread while the reaper stands still.
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
        if let Err(error) = thread.set_priority(PRIORITY) {
            // The thread would have no other user. If it cannot be destroyed either, that changes nothing for the caller.
            let _ = thread.destroy();
            return Err(error);
        }
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
        // The slot is the reaper's from its start on, so a failure must come before the object is added.
        self.prepare().map_err(|_| capability)?;
        self.skip_gone();
        self.collect();
        let added = self.queue.added.load(Ordering::Relaxed);
        let has_room = added.wrapping_sub(self.collected) as usize != QUEUE_MAX;
        if has_room {
            let place = &self.queue.slots[added as usize % QUEUE_MAX];
            place.store(capability.slot().0, Ordering::Relaxed);
            let added = added.wrapping_add(1);
            self.queue.added.store(added, Ordering::Release);
        }
        // Cannot fail: the thread was stopped and prepared.
        let _ = self.thread.start();
        has_room.then_some(()).ok_or(capability)
    }

    /// Leaves the objects behind, for the reaper that stands still, that come next and are gone already.
    fn skip_gone(&self) {
        let Queue { added, done, .. } = self.queue;
        let added = added.load(Ordering::Relaxed);
        loop {
            let next = done.load(Ordering::Relaxed);
            if next == added || !is_empty(self.queue.slot(next)) {
                return;
            }
            done.store(next.wrapping_add(1), Ordering::Relaxed);
        }
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
        let slot = self.queue.slot(self.collected);
        self.collected = self.collected.wrapping_add(1);
        Some(slot)
    }
}

impl Queue {
    /// The slot of the object at this position.
    fn slot(&self, position: u32) -> Slot {
        let place = &self.slots[position as usize % QUEUE_MAX];
        Slot(place.load(Ordering::Relaxed))
    }
}

fn is_empty(slot: Slot) -> bool {
    let found = Cap::<Any>::from_slot(slot).inspect();
    found.is_ok_and(|found| found.kind.is_none())
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
        let object = queue.slot(done);
        // This fails if the object is gone, which is as good.
        let _ = invoke(calls::Destroy { object });
        queue.done.store(done.wrapping_add(1), Ordering::Release);
    }
}

#[cfg(test)]
mod tests;
