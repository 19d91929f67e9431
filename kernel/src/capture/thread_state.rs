//! Export and import of a thread's state.
//!
//! An exported thread is about to execute an instruction or awaits a reply, so its registers need no conversion. A state that is
//! imported, which may come from another machine, is not trusted: all of it is checked before anything changes.

use abi::thread_state::{Awaits, GeneralRegisters, ThreadState, VECTOR_AVX, VECTOR_LEGACY};
use abi::{Error, PAGE_BYTES, USER_END};

use crate::arch::{UserContext, VectorComponent, VectorState};
use crate::kernel::Kernel;
use crate::memory::Ref;
use crate::objects::{Phase, Thread};

/// Reads a thread's state.
///
/// # Errors
/// [`Error::WrongState`] unless the thread is stopped or its domain is frozen.
pub fn export(kernel: &Kernel, thread: Ref<Thread>) -> Result<ThreadState, Error> {
    check_stopped(thread)?;
    kernel.scheduler.loaded.save(thread);
    let mut state = ThreadState {
        registers: registers_of(&thread.context),
        ..ThreadState::EMPTY
    };
    state.stopped = u64::from(thread.stopped.get());
    state.awaits = awaits_of(thread) as u64;
    state.priority = u64::from(thread.priority.get());
    state.message_buffer = thread.message_buffer.get();
    if thread.uses_vectors.get() {
        export_vectors(&thread.vectors, &mut state)?;
    }
    Ok(state)
}

/// Writes a thread's state.
///
/// # Errors
/// [`Error::WrongState`] as for [`export`]; [`Error::BadState`] for values that a thread may not have. After an error nothing
/// has changed.
pub fn import(kernel: &Kernel, thread: Ref<Thread>, state: &ThreadState) -> Result<(), Error> {
    check_stopped(thread)?;
    let stopped = flag(state.stopped)?;
    let awaits = Awaits::from_number(state.awaits).ok_or(Error::BadState)?;
    let priority = u8::try_from(state.priority)
        .ok()
        .filter(|priority| *priority <= abi::PRIORITY_MAX);
    let priority = priority.ok_or(Error::BadState)?;
    let is_buffer_valid =
        state.message_buffer.is_multiple_of(PAGE_BYTES) && state.message_buffer < USER_END;
    let context = context_of(&state.registers)?;
    let vectors = import_vectors(state)?;
    if !is_buffer_valid {
        return Err(Error::BadState);
    }
    kernel.scheduler.loaded.save(thread);
    copy_context(&context, &thread.context);
    thread.priority.set(priority);
    thread.message_buffer.set(state.message_buffer);
    thread.uses_vectors.set(vectors.is_some());
    // If the state has no vector registers, the thread's are reset.
    thread
        .vectors
        .copy_from(&vectors.unwrap_or_else(VectorState::initial));
    // This makes reply rights to earlier calls stale.
    thread.next_call_number();
    thread.stopped.set(stopped);
    thread.phase.set(phase_of(awaits));
    thread.domain.touch();
    Ok(())
}

fn check_stopped(thread: Ref<Thread>) -> Result<(), Error> {
    if thread.stopped.get() || thread.held.get() {
        Ok(())
    } else {
        Err(Error::WrongState)
    }
}

fn flag(word: u64) -> Result<bool, Error> {
    match word {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Error::BadState),
    }
}

fn awaits_of(thread: Ref<Thread>) -> Awaits {
    match thread.phase.get() {
        Phase::Awaiting => Awaits::Reply,
        Phase::AwaitingFault { is_trap: false } => Awaits::FaultReply,
        Phase::AwaitingFault { is_trap: true } => Awaits::TrapReply,
        _ => Awaits::Nothing,
    }
}

fn phase_of(awaits: Awaits) -> Phase {
    match awaits {
        Awaits::Nothing => Phase::Ready,
        Awaits::Reply => Phase::Awaiting,
        Awaits::FaultReply => Phase::AwaitingFault { is_trap: false },
        Awaits::TrapReply => Phase::AwaitingFault { is_trap: true },
    }
}

fn cells(context: &UserContext) -> [&core::cell::Cell<u64>; 20] {
    let c = context;
    [
        &c.rax, &c.rbx, &c.rcx, &c.rdx, &c.rsi, &c.rdi, &c.rbp, &c.r8, &c.r9, &c.r10, &c.r11,
        &c.r12, &c.r13, &c.r14, &c.r15, &c.rip, &c.rflags, &c.rsp, &c.fs_base, &c.gs_base,
    ]
}

fn registers_of(context: &UserContext) -> GeneralRegisters {
    let mut registers = GeneralRegisters::default();
    for (register, cell) in registers.all_mut().into_iter().zip(cells(context)) {
        *register = cell.get();
    }
    // This leaves out RF, so that the state can be imported unchanged.
    registers.rflags = context.flags();
    registers
}

fn context_of(registers: &GeneralRegisters) -> Result<UserContext, Error> {
    let context = UserContext::new();
    let mut registers = *registers;
    for (register, cell) in registers.all_mut().into_iter().zip(cells(&context)) {
        cell.set(*register);
    }
    context.sanitise().map_err(|_| Error::BadState)?;
    Ok(context)
}

fn copy_context(from: &UserContext, to: &UserContext) {
    for (from, to) in cells(from).into_iter().zip(cells(to)) {
        to.set(from.get());
    }
}

fn export_vectors(vectors: &VectorState, state: &mut ThreadState) -> Result<(), Error> {
    let read = |component, bytes: &mut [u8]| {
        vectors
            .read_component(component, bytes)
            .map_err(|_| Error::BadState)
    };
    read(VectorComponent::Legacy, &mut state.legacy)?;
    state.vectors = VECTOR_LEGACY;
    // AVX is exported only if it was used, so that a processor without AVX can run a thread that did not use it.
    if vectors.uses(VectorComponent::AvxHigh) {
        read(VectorComponent::AvxHigh, &mut state.avx)?;
        state.vectors |= VECTOR_AVX;
    }
    Ok(())
}

fn import_vectors(state: &ThreadState) -> Result<Option<VectorState>, Error> {
    if state.vectors == 0 {
        return Ok(None);
    }
    if state.vectors & VECTOR_LEGACY == 0 || state.vectors & !(VECTOR_LEGACY | VECTOR_AVX) != 0 {
        return Err(Error::BadState);
    }
    let vectors = VectorState::initial();
    let write = |component, bytes: &[u8]| {
        vectors
            .write_component(component, bytes)
            .map_err(|_| Error::BadState)
    };
    write(VectorComponent::Legacy, &state.legacy)?;
    if state.vectors & VECTOR_AVX != 0 {
        write(VectorComponent::AvxHigh, &state.avx)?;
    }
    Ok(Some(vectors))
}
