//! The receiver: a further thread of the domain that waits at one endpoint, so that the first thread can wait for everything
//! else.
//!
//! ```text
//! receiver   Receive --> message into the mailbox, full = true --> Signal `wake` --> ThreadStop
//!               ^                                                      |
//! task       start <---------------- take <---------------- executor: flag raised
//! ```
//!
//! The receiver runs [`receive_once`] and nothing else. It does not allocate, lock or log, since only the domain's first thread
//! uses the rest of the runtime. Its state is in the domain's memory, so it moves with the domain.

use alloc::boxed::Box;
use alloc::vec;
use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use abi::calls::{self, Received};
use abi::register::{Slot, UserAddress};
use abi::{Error, MessageBuffer, PRIORITY_MAX};

use crate::buffer;
use crate::capability::{Cap, Domain, Endpoint, Notification, Thread};
use crate::message::{self, Incoming};
use crate::system_call::invoke;

const STACK_BYTES: usize = 8 << 10;

/// The state that both threads share. The receiver owns the cells from its start until it has set `is_full`. At all other times
/// the first thread owns them.
#[repr(C)]
struct Mailbox {
    buffer: UnsafeCell<MessageBuffer>,
    received: UnsafeCell<Result<Received, Error>>,
    is_full: AtomicBool,
    endpoint: AtomicU32,
    /// The slot for the next caller's reply right.
    reply: AtomicU32,
    /// The receiver's own Thread.
    thread: AtomicU32,
    wake: AtomicU32,
    flag: AtomicU64,
}

/// A receiver at one endpoint.
#[derive(Debug)]
pub(super) struct Receiver {
    mailbox: &'static Mailbox,
    thread: Cap<Thread>,
    stack_top: u64,
}

// SAFETY: The cells have one owner at a time, and `is_full` is stored and loaded in an order that hands them over.
unsafe impl Sync for Mailbox {}

impl core::fmt::Debug for Mailbox {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let is_full = self.is_full.load(Ordering::Relaxed);
        formatter
            .debug_struct("Mailbox")
            .field("is_full", &is_full)
            .finish_non_exhaustive()
    }
}

impl Receiver {
    /// Creates a stopped receiver in this domain, which raises `flag` in `wake` for each message. Its memory is never freed.
    ///
    /// # Errors
    /// The kernel's refusal of the thread, or the lack of a free slot.
    pub(super) fn new(
        domain: Cap<Domain>,
        wake: Cap<Notification>,
        flag: u64,
        endpoint: Cap<Endpoint>,
    ) -> Result<Receiver, Error> {
        let thread = domain.create_thread()?;
        set_own_priority(thread)?;
        let mailbox = Box::leak(Box::new(Mailbox {
            buffer: UnsafeCell::new(buffer::EMPTY),
            received: UnsafeCell::new(Err(Error::WrongState)),
            is_full: AtomicBool::new(false),
            endpoint: AtomicU32::new(endpoint.slot().0),
            reply: AtomicU32::new(Slot::NONE.0),
            thread: AtomicU32::new(thread.slot().0),
            wake: AtomicU32::new(wake.slot().0),
            flag: AtomicU64::new(flag),
        }));
        let stack = vec![0_u128; STACK_BYTES / size_of::<u128>()].leak();
        // Aligned as after a call instruction, which pushes a return address.
        let stack_top = stack.as_ptr_range().end as u64 - 8;
        Ok(Receiver {
            mailbox,
            thread,
            stack_top,
        })
    }

    /// Starts waiting for a message with up to this many capabilities, whose reply right is put into `reply`. The last message
    /// must have been taken.
    ///
    /// # Errors
    /// The kernel's refusal, or the lack of a free slot.
    pub(super) fn start(&self, reply: Slot, capabilities: usize) -> Result<(), Error> {
        // The receiver may not have stopped itself yet after its signal.
        self.thread.stop()?;
        self.mailbox.reply.store(reply.0, Ordering::Relaxed);
        // SAFETY: The receiver is stopped.
        message::arm_in(unsafe { &mut *self.mailbox.buffer.get() }, capabilities)?;
        self.mailbox.is_full.store(false, Ordering::Release);
        let mailbox: *const Mailbox = self.mailbox;
        self.thread.prepare(
            UserAddress(run as *const () as u64),
            UserAddress(self.stack_top),
            mailbox as u64,
            UserAddress(self.mailbox.buffer.get() as u64),
        )?;
        self.thread.start()
    }

    /// Whether a message was received since the last start.
    pub(super) fn has_received(&self) -> bool {
        self.mailbox.is_full.load(Ordering::Acquire)
    }

    /// Takes the message, or the error of `Receive`; `None` if neither has arrived since the last start.
    pub(super) fn take(&self) -> Option<Result<Incoming, Error>> {
        if !self.has_received() {
            return None;
        }
        // SAFETY: The receiver has set `is_full`, so it does not own the cells until it is started again.
        let (received, buffer) = unsafe {
            let received = *self.mailbox.received.get();
            (received, &mut *self.mailbox.buffer.get())
        };
        Some(received.map(|received| Incoming::collect_from(received, buffer)))
    }
}

/// Gives a thread the calling thread's priority: the highest that the kernel lets the caller set.
fn set_own_priority(thread: Cap<Thread>) -> Result<(), Error> {
    for priority in (1..=PRIORITY_MAX).rev() {
        match thread.set_priority(priority) {
            Err(Error::MissingRight) => {}
            result => return result,
        }
    }
    Ok(())
}

/// The receiver's first function, where every start begins.
extern "C" fn run(mailbox: *const Mailbox) -> ! {
    // SAFETY: `Receiver::start` passes a leaked mailbox.
    let mailbox = unsafe { &*mailbox };
    receive_once(mailbox);
    loop {
        let thread = Slot(mailbox.thread.load(Ordering::Relaxed));
        // This fails only if the domain has deleted its capability to this thread; then the thread can only yield.
        let _ = invoke(calls::ThreadStop { thread });
        let _ = invoke(calls::Yield {});
    }
}

/// Receives a message into the mailbox and wakes the first thread.
fn receive_once(mailbox: &Mailbox) {
    let endpoint = Slot(mailbox.endpoint.load(Ordering::Relaxed));
    let reply = Slot(mailbox.reply.load(Ordering::Relaxed));
    let received = invoke(calls::Receive::new(endpoint, Some(reply)));
    // SAFETY: The receiver owns the cell until it sets `is_full`. The value has no destructor.
    unsafe { mailbox.received.get().write(received) };
    mailbox.is_full.store(true, Ordering::Release);
    let notification = Slot(mailbox.wake.load(Ordering::Relaxed));
    let flags = mailbox.flag.load(Ordering::Relaxed);
    // `wake` lives as long as the domain.
    let _ = invoke(calls::Signal {
        notification,
        flags,
    });
}

/// Runs a receiver that a test's kernel was asked to start, until it would stop. `argument` is the one in its `ThreadPrepare`.
#[cfg(test)]
pub(super) fn run_started(argument: u64) {
    // SAFETY: The argument is a leaked mailbox, whose receiver does not run on a host.
    receive_once(unsafe { &*(argument as *const Mailbox) });
}
