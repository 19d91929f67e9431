//! Threads: start, stop, read, write.

use abi::calls::{
    ThreadBind, ThreadFaults, ThreadPrepare, ThreadRead, ThreadSchedule, ThreadStart, ThreadStop,
    ThreadWrite,
};
use abi::message::DATA_OFFSET;
use abi::register::Slot;
use abi::thread_state::{THREAD_STATE_BYTES, ThreadState};
use abi::{
    EndpointRights, Error, NotificationRights, PAGE_BYTES, PRIORITY_MAX, Rights, ThreadRights,
};
use capabilities::{Badge, Place, Storage};

use super::{CallResult, Outcome, lookup};
use crate::kernel::Kernel;
use crate::memory::{Ref, SlotStorage};
use crate::objects::{Notification, Object, Phase, Thread, check_alive, slot_error};
use crate::{capture, ipc};

pub fn start(kernel: &Kernel, caller: Ref<Thread>, call: ThreadStart) -> CallResult {
    let thread = lookup::thread(caller, call.thread, ThreadRights::RUN)?;
    // Otherwise its calls could create reply rights as fast as the destruction removes them.
    check_alive(Object::Thread(thread))?;
    thread.stopped.set(false);
    thread.domain.touch();
    kernel.scheduler.wake(thread);
    Ok(Outcome::DONE)
}

pub fn stop(kernel: &Kernel, caller: Ref<Thread>, call: ThreadStop) -> CallResult {
    let thread = lookup::thread(caller, call.thread, ThreadRights::RUN)?;
    let is_self = thread == caller;
    if is_self {
        // The call succeeds, which the thread sees when it is started again.
        thread.context.rax.set(0);
    }
    ipc::stop(kernel, thread);
    thread.domain.touch();
    Ok(if is_self {
        Outcome::Settled
    } else {
        Outcome::DONE
    })
}

pub fn read(kernel: &Kernel, caller: Ref<Thread>, call: ThreadRead) -> CallResult {
    let thread = lookup::thread(caller, call.thread, ThreadRights::READ)?;
    read_into_buffer(kernel, caller, thread)
}

pub fn read_into_buffer(kernel: &Kernel, caller: Ref<Thread>, thread: Ref<Thread>) -> CallResult {
    let buffer = ipc::message_buffer(kernel, caller)?;
    let state = capture::export(kernel, thread)?;
    buffer.write_bytes(DATA_OFFSET, &state.to_bytes());
    Ok(Outcome::DONE)
}

pub fn write(kernel: &Kernel, caller: Ref<Thread>, call: ThreadWrite) -> CallResult {
    let thread = lookup::thread(caller, call.thread, ThreadRights::WRITE)?;
    // The new state may make the thread run, which its destruction does not permit.
    check_alive(Object::Thread(thread))?;
    let buffer = ipc::message_buffer(kernel, caller)?;
    let mut bytes = [0; THREAD_STATE_BYTES];
    buffer.read_bytes(DATA_OFFSET, &mut bytes);
    let state = ThreadState::from_bytes(&bytes);
    if state.priority > u64::from(caller.priority.get()) {
        return Err(Error::MissingRight);
    }
    capture::import(kernel, thread, &state)?;
    kernel.scheduler.wake(thread);
    Ok(Outcome::DONE)
}

pub fn schedule(kernel: &Kernel, caller: Ref<Thread>, call: ThreadSchedule) -> CallResult {
    let thread = lookup::thread(caller, call.thread, ThreadRights::SCHEDULE)?;
    if call.priority > PRIORITY_MAX {
        return Err(Error::ArgumentRange);
    }
    if call.priority > caller.priority.get() {
        return Err(Error::MissingRight);
    }
    let is_ready = thread.phase.get() == Phase::Ready;
    if is_ready {
        kernel.scheduler.remove(thread);
    }
    thread.priority.set(call.priority);
    thread.domain.touch();
    kernel.scheduler.wake(thread);
    Ok(Outcome::DONE)
}

pub fn bind(kernel: &Kernel, caller: Ref<Thread>, call: ThreadBind) -> CallResult {
    let thread = lookup::thread(caller, call.thread, ThreadRights::WRITE)?;
    let Some(slot) = call.notification else {
        return clear(kernel, thread, thread.bound_notification());
    };
    let notification = lookup::notification(caller, slot, NotificationRights::WAIT)?;
    let source = Source::in_table(caller, slot)?;
    hold_notification(kernel, thread, notification, source)?;
    Ok(Outcome::DONE)
}

/// Binds a notification to a thread.
///
/// # Errors
/// [`Error::InUse`] if the notification is bound to another thread; and as [`hold`].
pub fn hold_notification(
    kernel: &Kernel,
    thread: Ref<Thread>,
    notification: Ref<Notification>,
    source: Source,
) -> Result<(), Error> {
    if notification
        .bound
        .get()
        .is_some_and(|other| other != thread)
    {
        return Err(Error::InUse);
    }
    hold(
        kernel,
        source,
        thread.bound_notification(),
        NotificationRights::WAIT.into(),
    )?;
    notification.bound.set(Some(thread));
    thread.domain.touch();
    // Otherwise flags that are already raised would wake it only with the next signal.
    ipc::deliver_bound_flags(kernel, thread);
    Ok(())
}

pub fn set_fault_endpoint(kernel: &Kernel, caller: Ref<Thread>, call: ThreadFaults) -> CallResult {
    let thread = lookup::thread(caller, call.thread, ThreadRights::WRITE)?;
    let Some(slot) = call.endpoint else {
        return clear(kernel, thread, thread.fault_endpoint());
    };
    lookup::endpoint(caller, slot, EndpointRights::SEND)?;
    hold_fault_endpoint(kernel, thread, Source::in_table(caller, slot)?)?;
    Ok(Outcome::DONE)
}

/// Sets a thread's fault endpoint.
///
/// # Errors
/// As [`hold`].
pub fn hold_fault_endpoint(
    kernel: &Kernel,
    thread: Ref<Thread>,
    endpoint: Source,
) -> Result<(), Error> {
    hold(
        kernel,
        endpoint,
        thread.fault_endpoint(),
        EndpointRights::SEND.into(),
    )?;
    thread.domain.touch();
    Ok(())
}

pub fn prepare(kernel: &Kernel, caller: Ref<Thread>, call: ThreadPrepare) -> CallResult {
    let thread = lookup::thread(caller, call.thread, ThreadRights::WRITE)?;
    if !call.message_buffer.0.is_multiple_of(PAGE_BYTES) {
        return Err(Error::Misaligned);
    }
    if !thread.stopped.get() {
        return Err(Error::WrongState);
    }
    let mut state = ThreadState {
        message_buffer: call.message_buffer.0,
        priority: u64::from(thread.priority.get()),
        ..ThreadState::EMPTY
    };
    state.registers.rip = call.instruction.0;
    state.registers.rsp = call.stack.0;
    state.registers.rdi = call.argument;
    capture::import(kernel, thread, &state)?;
    Ok(Outcome::DONE)
}

/// The capability whose copy is put into a slot inside an object.
#[derive(Clone, Copy, Debug)]
pub struct Source {
    /// The place of the capability's slot.
    pub place: Place,
    /// The copy's badge; [`Badge::NONE`] keeps the capability's.
    pub badge: Badge,
}

impl Source {
    /// A slot of the caller's table.
    ///
    /// # Errors
    /// [`Error::NoSuchSlot`].
    pub fn in_table(caller: Ref<Thread>, slot: Slot) -> Result<Source, Error> {
        let place = caller.domain.place(slot)?;
        let badge = Badge::NONE;
        Ok(Source { place, badge })
    }
}

/// Puts a copy of a capability into a slot inside an object, replacing its content.
///
/// # Errors
/// [`Error::EmptySlot`], [`Error::MissingRight`], [`Error::BadgeFixed`], [`Error::Gone`], without any effect.
pub fn hold(kernel: &Kernel, from: Source, inside: Place, rights: Rights) -> Result<(), Error> {
    let held = SlotStorage.slot(from.place).capability();
    let held = held.ok_or(Error::EmptySlot)?;
    check_alive(held.object)?;
    held.mint(rights, from.badge).map_err(slot_error)?;
    if !SlotStorage.slot(inside).is_empty() {
        kernel.empty_slot(inside)?;
    }
    capabilities::mint(&SlotStorage, from.place, inside, rights, from.badge).map_err(slot_error)
}

fn clear(kernel: &Kernel, thread: Ref<Thread>, inside: Place) -> CallResult {
    if !SlotStorage.slot(inside).is_empty() {
        kernel.empty_slot(inside)?;
        thread.domain.touch();
    }
    Ok(Outcome::DONE)
}
