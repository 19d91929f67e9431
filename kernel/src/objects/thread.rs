//! A thread: [`Thread`], and the [`Phase`] it is in.
//!
//! There is one kernel stack per core, so a thread in the kernel is only its registers and a phase:
//!
//! ```text
//!             call, send          +---------+ receive            wait
//!        +------------------------|  Ready  |--------+--------------------+
//!        v                        +---------+        v                    v
//!     Sending ---received, call--> Awaiting        Receiving            Waiting
//!        |                            | reply        | message, flags     | flags, deadline
//!        +--received, send--> Ready <-+--------------+--------------------+
//!     fault: SendingFault --received--> AwaitingFault --reply--> Ready
//! ```
//!
//! Invariant: while a thread is blocked, its RIP is *at* the instruction that blocked it, and its argument registers are as
//! the call found them. So a rollback only resets the phase. Completing the call advances RIP. A phase records the capability
//! that the call found. A peer that gets to the thread checks that the slot still holds it (`ipc/authority.rs`).

use core::cell::Cell;

use abi::Error;
use abi::fault::FaultKind;
use capabilities::{Place, Slot};

use super::{Domain, Endpoint, Header, Notification, Object, Step, create};
use crate::arch::{UserContext, VectorState};
use crate::collections::HeapLink;
use crate::kernel::Kernel;
use crate::memory::{Holder, Ref, place_of};

/// The state of a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It runs, or can run unless it is stopped or held.
    Ready,
    /// Its message waits at an endpoint for a receiver.
    Sending {
        endpoint: Ref<Endpoint>,
        /// The slot of its domain's table that it sends through.
        place: Place,
        /// The badge of the capability through which it sends.
        badge: u64,
        /// Whether that capability has the right GRANT.
        grant: bool,
    },
    /// It waits for a message.
    Receiving {
        endpoint: Ref<Endpoint>,
        /// The slot of its domain's table that it receives through.
        place: Place,
    },
    /// It waits for flags.
    Waiting {
        notification: Ref<Notification>,
        /// The slot of its domain's table that it waits through.
        place: Place,
    },
    /// Its call was received; it awaits the reply to its current call number.
    Awaiting,
    /// Its fault message waits at an endpoint for a receiver.
    SendingFault {
        endpoint: Ref<Endpoint>,
        /// The badge of the capability through which it is sent.
        badge: u64,
        fault: Fault,
    },
    /// Its fault message was received; it awaits the reply to its current call number.
    AwaitingFault {
        /// As [`Fault::is_trap`].
        is_trap: bool,
    },
}

/// A fault message without RIP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The [`abi::fault::FaultKind`] and the two words about it.
    pub words: [u64; 3],
    pub handler: FaultHandler,
}

/// The vectors of exceptions that the processor raises after the instruction: debug, breakpoint.
const TRAPS: [u64; 2] = [1, 3];

impl Fault {
    /// Whether the instruction that raised it has completed, so that the thread does not raise it again when it resumes.
    pub fn is_trap(&self) -> bool {
        let [kind, vector, _] = self.words;
        kind == FaultKind::Exception as u64 && TRAPS.contains(&vector)
    }
}

/// The capability through which a fault message is sent. It is looked up when the message is sent, and again when a queued
/// message is received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultHandler {
    /// The thread's fault endpoint.
    FaultEndpoint,
    /// The pager of the Memory that is mapped at this address.
    Pager(u64),
}

/// The link of a thread in a queue.
#[derive(Debug, Default)]
pub struct Link {
    pub previous: Cell<Option<Ref<Thread>>>,
    pub next: Cell<Option<Ref<Thread>>>,
    /// Whether it is in a queue.
    pub queued: Cell<bool>,
}

pub struct Thread {
    pub header: Header,
    /// Its registers, while it does not run.
    pub context: UserContext,
    pub domain: Ref<Domain>,
    pub next_in_domain: Cell<Option<Ref<Thread>>>,
    pub phase: Cell<Phase>,
    /// Whether it was stopped, in any phase.
    pub stopped: Cell<bool>,
    /// Whether it may not run because its domain is, or is about to be, frozen, retired or destroyed.
    pub held: Cell<bool>,
    /// 0 to [`abi::PRIORITY_MAX`].
    pub priority: Cell<u8>,
    /// Its link in its phase's queue.
    pub link: Link,
    pub timer: HeapLink<Thread>,
    /// The deadline of its wait, in ticks, while it is among the deadlines.
    pub deadline_ticks: Cell<Option<u64>>,
    /// Remaining ticks of its time slice, while it is in a ready queue.
    pub slice_left: Cell<u64>,
    /// Whether it has done a step of an unfinished revocation in this slice.
    pub is_revoking: Cell<bool>,
    /// Whether it runs past its slice until its revocation is done, or until it goes to the tail of its ready queue.
    pub is_overdue: Cell<bool>,
    /// The address of its message buffer, which need not be mapped; 0 for none.
    pub message_buffer: Cell<u64>,
    /// Incremented by every call, so that a reply to an older call is stale.
    pub call_number: Cell<u64>,
    /// Whether a right to reply to that call exists.
    pub has_reply_right: Cell<bool>,
    /// Whether it ever used the vector registers, which must then be saved.
    pub uses_vectors: Cell<bool>,
    /// Its vector registers, while it does not run.
    pub vectors: VectorState,
    fault_endpoint: Slot<Object>,
    bound_notification: Slot<Object>,
}

impl Thread {
    /// A stopped thread with empty registers.
    pub fn new(header: Header, domain: Ref<Domain>, this: Ref<Thread>) -> Thread {
        Thread {
            header,
            context: UserContext::new(),
            domain,
            next_in_domain: Cell::new(None),
            phase: Cell::new(Phase::Ready),
            stopped: Cell::new(true),
            held: Cell::new(false),
            priority: Cell::new(0),
            link: Link::default(),
            timer: HeapLink::unlinked(),
            deadline_ticks: Cell::new(None),
            slice_left: Cell::new(0),
            is_revoking: Cell::new(false),
            is_overdue: Cell::new(false),
            message_buffer: Cell::new(0),
            call_number: Cell::new(0),
            has_reply_right: Cell::new(false),
            uses_vectors: Cell::new(false),
            vectors: VectorState::initial(),
            fault_endpoint: Slot::empty(Holder::FaultEndpoint(this).pack()),
            bound_notification: Slot::empty(Holder::BoundNotification(this).pack()),
        }
    }

    /// The slot of the endpoint that receives its fault messages.
    pub fn fault_endpoint(&self) -> Place {
        place_of(&self.fault_endpoint)
    }

    /// The slot of the notification that also completes its `Receive`.
    pub fn bound_notification(&self) -> Place {
        place_of(&self.bound_notification)
    }

    /// The notification that also completes its `Receive`, if any.
    pub fn bound(&self) -> Option<Ref<Notification>> {
        match self.bound_notification.capability()?.object {
            Object::Notification(notification) => Some(notification),
            _ => None,
        }
    }

    pub fn is_runnable(&self) -> bool {
        self.phase.get() == Phase::Ready && !self.stopped.get() && !self.held.get()
    }

    /// The argument registers of the system call at which it stands.
    pub fn arguments(&self) -> abi::Registers {
        self.argument_cells().map(Cell::get)
    }

    pub fn argument(&self, index: usize) -> u64 {
        self.argument_cells()[index].get()
    }

    /// Sets an argument register: the progress of a long call, or a result.
    pub fn set_argument(&self, index: usize, value: u64) {
        self.argument_cells()[index].set(value);
    }

    #[inline(always)]
    fn argument_cells(&self) -> [&Cell<u64>; abi::REGISTER_COUNT] {
        let context = &self.context;
        [
            &context.rdi,
            &context.rsi,
            &context.rdx,
            &context.r10,
            &context.r8,
            &context.r9,
            &context.r12,
            &context.r13,
        ]
    }

    /// Moves RIP back to the SYSCALL instruction, so that the call restarts.
    pub fn rewind(&self) {
        let context = &self.context;
        context
            .rip
            .set(context.rip.get().wrapping_sub(SYSCALL_BYTES));
    }

    /// Completes the call in which it was blocked: RIP advances, RAX gets the status.
    pub fn complete(&self, result: Result<(), Error>) {
        let context = &self.context;
        context
            .rip
            .set(context.rip.get().wrapping_add(SYSCALL_BYTES));
        context
            .rax
            .set(result.map_or_else(|error| error as u64, |()| 0));
        self.phase.set(Phase::Ready);
    }

    /// Begins a call, to which no reply right exists yet; returns its number.
    pub fn next_call_number(&self) -> u64 {
        let number = self.call_number.get() + 1;
        self.call_number.set(number);
        self.has_reply_right.set(false);
        number
    }
}

const SYSCALL_BYTES: u64 = 2;

/// Creates a stopped thread.
///
/// # Errors
/// [`Error::OccupiedSlot`], [`Error::PoolEmpty`]; [`Error::TableFull`] if the domain has [`abi::THREADS_MAX`].
pub fn create_thread(
    kernel: &Kernel,
    domain: Ref<Domain>,
    into: Place,
) -> Result<Ref<Thread>, Error> {
    domain.check_room_for_thread()?;
    let thread = create(
        kernel,
        domain.pool(),
        into,
        Object::Thread,
        |header, this| Thread::new(header, domain, this),
    )?;
    domain.add_thread(thread);
    domain.touch();
    Ok(thread)
}

/// Releases the capabilities of a stopped thread and removes it from its domain.
pub fn dismantle_thread(kernel: &Kernel, thread: Ref<Thread>) -> Step {
    for slot in [thread.fault_endpoint(), thread.bound_notification()] {
        let _ = kernel.empty_slot(slot);
    }
    kernel.scheduler.forget(thread);
    thread.domain.remove_thread(thread);
    thread.domain.touch();
    Step::Done
}
