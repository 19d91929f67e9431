//! A device's interrupt: [`Interrupt`].
//!
//! The interrupts of one level-triggered line share that line and a vector:
//!
//! ```text
//!   Kernel.interrupts[vector] -> Interrupt -> next -> next
//!                              disarmed --acknowledge--> armed --interrupt--> in service --acknowledge--> armed
//!                                                        in service --interrupt--> repeated --acknowledge--> in service
//! ```
//!
//! A message-signalled interrupt is armed from the beginning, since it shares no line.
//!
//! A message or an edge-triggered line cannot be masked while its interrupt is in service. A further interrupt is only recorded then, and
//! the acknowledgement signals it. So a device cannot wake its driver again before the driver permits it, and a driver can let threads of
//! lower priority run.
//!
//! Invariant: while an interrupt of a level-triggered line is in service, the line is masked.

use core::cell::Cell;

use abi::Error;
use capabilities::{Place, Slot};

use super::{Header, Object, Pool, Step, check_free, create};
use crate::arch::{self, Line, Trigger};
use crate::ipc;
use crate::kernel::Kernel;
use crate::memory::{Holder, Ref, place_of};

/// The state of an interrupt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InterruptState {
    /// Its driver has not acknowledged it since its creation. Interrupts are not delivered to it, so that it does not block the
    /// others on its line.
    Disarmed,
    /// The next interrupt is delivered to it.
    Armed,
    /// An interrupt has arrived for it and has not been acknowledged.
    InService,
    /// It is in service, and another interrupt has arrived since, which its acknowledgement signals.
    Repeated,
}

impl InterruptState {
    /// Whether an interrupt has arrived that has not been acknowledged.
    pub fn is_in_service(self) -> bool {
        matches!(self, Self::InService | Self::Repeated)
    }
}

/// A device's interrupt.
pub struct Interrupt {
    pub header: Header,
    /// The processor's vector at which it arrives.
    pub vector: u8,
    /// Its line; none for a message-signalled interrupt.
    pub line: Option<Line>,
    /// The flags it raises.
    pub flags: Cell<u64>,
    /// Whether the next interrupt is signalled.
    pub state: Cell<InterruptState>,
    /// Whether an interrupt has arrived for it whose flags have not been raised in its notification yet.
    pub is_undelivered: Cell<bool>,
    /// The next one on the same line.
    pub next: Cell<Option<Ref<Interrupt>>>,
    notification: Slot<Object>,
}

impl Interrupt {
    /// An interrupt bound to nothing.
    pub fn new(header: Header, vector: u8, line: Option<Line>, this: Ref<Interrupt>) -> Interrupt {
        let holder = Holder::InterruptNotification(this).pack();
        let state = match line {
            Some(_) => InterruptState::Disarmed,
            None => InterruptState::Armed,
        };
        Interrupt {
            header,
            vector,
            line,
            flags: Cell::new(0),
            state: Cell::new(state),
            is_undelivered: Cell::new(false),
            next: Cell::new(None),
            notification: Slot::empty(holder),
        }
    }

    /// Records that an interrupt has arrived, and whether it is to be signalled now. It is lost if this one is disarmed.
    pub fn arrive(&self) {
        self.state.set(match self.state.get() {
            InterruptState::Disarmed => return,
            InterruptState::Armed => {
                self.is_undelivered.set(true);
                InterruptState::InService
            }
            InterruptState::InService | InterruptState::Repeated => InterruptState::Repeated,
        });
    }

    /// The slot of the notification in which it raises flags.
    pub fn notification(&self) -> Place {
        place_of(&self.notification)
    }
}

/// The maximum number of interrupts that share a line. It is small, since one step delivers to all of them.
pub const SHARERS_MAX: usize = 8;

/// Creates an interrupt and returns its vector. A message-signalled interrupt and the first one of a line get a free vector;
/// further ones of a line share its vector.
///
/// # Errors
/// [`Error::OccupiedSlot`]; [`Error::InUse`] when no vector is free, or the line already has [`SHARERS_MAX`], cannot be shared,
/// or has another trigger or polarity; [`Error::NotDevice`] when no controller has the line; [`Error::PoolEmpty`].
pub fn create_interrupt(
    kernel: &Kernel,
    pool: Ref<Pool>,
    line: Option<Line>,
    into: Place,
) -> Result<u8, Error> {
    check_free(into)?;
    let sharing = line.and_then(|line| line_vector(kernel, line.gsi));
    let vector = match sharing {
        Some(vector) => vector,
        None => free_vector(kernel)?,
    };
    if let Some(line) = line {
        match sharing {
            Some(vector) => check_shareable(kernel, line, vector)?,
            None => arch::interrupts::route_line(line, vector).map_err(|_| Error::NotDevice)?,
        }
    }
    let make = |header, this| Interrupt::new(header, vector, line, this);
    let interrupt = create(kernel, pool, into, Object::Interrupt, make)?;
    let first = &kernel.interrupts[usize::from(vector)];
    interrupt.next.set(first.replace(Some(interrupt)));
    Ok(vector)
}

/// The vector that a line is routed to, if any.
fn line_vector(kernel: &Kernel, gsi: u32) -> Option<u8> {
    arch::DEVICE_VECTORS.into_iter().find(|&vector| {
        let first = kernel.interrupts_at(vector).next();
        first.is_some_and(|first| first.line.is_some_and(|line| line.gsi == gsi))
    })
}

fn free_vector(kernel: &Kernel) -> Result<u8, Error> {
    let is_free = |vector: &u8| kernel.interrupts_at(*vector).next().is_none();
    arch::DEVICE_VECTORS
        .into_iter()
        .find(is_free)
        .ok_or(Error::InUse)
}

/// An edge-triggered line cannot be shared: an edge that arrives while another is being handled would be lost.
fn check_shareable(kernel: &Kernel, line: Line, vector: u8) -> Result<(), Error> {
    let mut others = kernel.interrupts_at(vector);
    let is_same = others.all(|other| other.line == Some(line));
    let is_full = kernel.interrupts_at(vector).count() == SHARERS_MAX;
    if line.trigger == Trigger::Level && is_same && !is_full {
        Ok(())
    } else {
        Err(Error::InUse)
    }
}

/// Takes an interrupt off its vector, and masks the line if it was the last.
pub fn dismantle_interrupt(kernel: &Kernel, interrupt: Ref<Interrupt>) -> Step {
    let _ = kernel.empty_slot(interrupt.notification());
    let (vector, next) = (interrupt.vector, interrupt.next.take());
    let before = kernel
        .interrupts_at(vector)
        .find(|other| other.next.get() == Some(interrupt));
    match before {
        Some(before) => before.next.set(next),
        None => kernel.interrupts[usize::from(vector)].set(next),
    }
    if kernel.interrupts_at(vector).next().is_some() {
        // It may have been the last one that was not acknowledged.
        ipc::unmask_if_acknowledged(kernel, vector);
    } else if let Some(line) = interrupt.line {
        // It was routed, so it belongs to a controller.
        let _ = arch::interrupts::mask_line(line.gsi);
    }
    Step::Done
}
