//! A fake kernel and a fake domain creator, so that programs run in tests on the host.
//!
//! The kernel implements notifications, the only objects that a domain uses in the steady state, for one domain. Time
//! is the host's time-stamp counter at one nanosecond per tick: no test should depend on its rate. A test that needs
//! other calls provides its own kernel: [`with_kernel`].

extern crate std;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::sync::atomic::{AtomicU64, Ordering};
use std::sync::Once;

use abi::register::Slot;
use abi::start_page::{ARGUMENT_BYTES, NamedCapability, Range, StartPage};
use abi::{Error, MessageBuffer, ObjectKind, Registers, Request};

use crate::executor::{self, Tasks};
use crate::shared::SharedMemory;
use crate::{Start, buffer, clock, mapping, slots};

/// The notification `wake` of the domain.
pub const WAKE: Slot = Slot(4);
/// The notification `doorbell` of the switch.
pub const DOORBELL: Slot = Slot(5);
const PORT: Slot = Slot(6);
const SLOTS: usize = 8;
/// The first slot that [`with_kernel`] leaves free.
const FIRST_FREE: Slot = Slot(64);
/// The number of bytes that all tests of a program may have mapped at once.
const MAPPED_BYTES: usize = 1 << 30;

/// The result of a system call: the registers, or the error.
pub type CallResult = Result<Registers, Error>;

/// The result of a system call that succeeds and returns zeros.
pub const DONE: CallResult = Ok([0; abi::register::REGISTER_COUNT]);

/// A test's own kernel for the system calls of a thread, and the thread's message buffer.
struct Kernel {
    handle: fn(&Request) -> CallResult,
    calls: Vec<Request>,
    buffer: Box<MessageBuffer>,
}

std::thread_local! {
    static KERNEL: RefCell<Option<Kernel>> = const { RefCell::new(None) };
}

static FLAGS: [AtomicU64; SLOTS] = [const { AtomicU64::new(0) }; SLOTS];

/// Creates shared memory: zeroed and never freed.
pub fn shared_memory(bytes: usize) -> SharedMemory<'static> {
    let words: Vec<AtomicU64> = (0..bytes.div_ceil(8)).map(|_| AtomicU64::new(0)).collect();
    let range = Range {
        start: words.leak().as_ptr() as u64,
        bytes: bytes as u64,
    };
    // SAFETY: The words are leaked, aligned and atomic.
    unsafe { SharedMemory::from_range(range) }
}

/// Creates the start page of this process's domain, with these arguments and this port, and starts its clock.
///
/// # Panics
/// If the arguments are too long.
pub fn start(arguments: &str, port: SharedMemory<'static>) -> Start {
    let mut page = StartPage {
        ticks_per_second: 1_000_000_000,
        argument_bytes: arguments.len() as u64,
        ..StartPage::EMPTY
    };
    assert!(arguments.len() <= ARGUMENT_BYTES, "arguments too long");
    page.arguments[..arguments.len()].copy_from_slice(arguments.as_bytes());
    let memory = NamedCapability {
        address: port.address(),
        bytes: port.bytes() as u64,
        ..named(PORT, ObjectKind::Memory)
    };
    let is_whole = page.add("wake", named(WAKE, ObjectKind::Notification))
        && page.add("doorbell", named(DOORBELL, ObjectKind::Notification))
        && page.add("port", memory);
    assert!(is_whole, "three short names fit");
    let start = Start::try_new(Box::leak(Box::new(page))).expect("a page of this version");
    clock::install(start);
    start
}

/// A spawner of tasks, and a function that polls each ready task once.
pub fn tasks() -> (Tasks, impl Fn()) {
    executor::rounds()
}

/// Raises flags of a notification from outside the domain.
pub fn signal(notification: Slot, flags: u64) {
    FLAGS[notification.0 as usize].fetch_or(flags, Ordering::SeqCst);
}

/// Runs `act` with `handle` as the kernel of this thread's system calls; returns the result of `act` and the calls. Slots are
/// free from 64 on. The thread has a message buffer, whose data `handle` may write: [`write_message_data`]. A mapping is backed
/// by memory that holds zeros or the bytes of an earlier mapping; mappings that exist at the same time share no pages.
pub fn with_kernel<T>(
    handle: fn(&Request) -> CallResult,
    act: impl FnOnce() -> T,
) -> (T, Vec<Request>) {
    static OPENED: Once = Once::new();
    OPENED.call_once(|| {
        slots::open(FIRST_FREE, Slot::NONE);
        mapping::open(memory_for_mappings());
    });
    KERNEL.set(Some(Kernel {
        handle,
        calls: Vec::new(),
        buffer: Box::new(buffer::EMPTY),
    }));
    let result = act();
    let kernel = KERNEL.take();
    (result, kernel.map_or_else(Vec::new, |kernel| kernel.calls))
}

/// Memory that is never freed. The host allocates a page of it at the first access.
fn memory_for_mappings() -> Range {
    let words = alloc::vec![0_u64; MAPPED_BYTES / size_of::<u64>()];
    Range {
        start: words.leak().as_ptr() as u64,
        bytes: MAPPED_BYTES as u64,
    }
}

/// Runs `work`, which makes no system call, on the message buffer of this thread; `None` outside [`with_kernel`].
pub(crate) fn with_buffer<T>(work: impl FnOnce(&mut MessageBuffer) -> T) -> Option<T> {
    KERNEL.with_borrow_mut(|kernel| Some(work(&mut kernel.as_mut()?.buffer)))
}

/// Writes the beginning of the data area in this thread's message buffer, as a kernel that returns records does.
///
/// # Panics
/// If the data does not fit, or outside [`with_kernel`].
pub fn write_message_data(data: &[u8]) {
    let written = with_buffer(|buffer| buffer.data[..data.len()].copy_from_slice(data));
    written.expect("inside `with_kernel`");
}

/// Passes the call to the test's kernel, if this thread has one.
fn handle(request: &Request) -> Option<CallResult> {
    let handle = KERNEL.with_borrow_mut(|kernel| {
        let kernel = kernel.as_mut()?;
        kernel.calls.push(*request);
        Some(kernel.handle)
    })?;
    Some(handle(request))
}

fn named(slot: Slot, kind: ObjectKind) -> NamedCapability {
    NamedCapability {
        slot: slot.0,
        kind: kind as u32,
        ..NamedCapability::EMPTY
    }
}

/// Replaces the system-call instruction on the host.
pub(crate) fn system_call(number: u64, registers: &mut Registers) -> u64 {
    let request = Request::decode(number, registers);
    if let Ok(request) = &request
        && let Some(result) = handle(request)
    {
        return match result {
            Ok(results) => {
                *registers = results;
                0
            }
            Err(error) => error as u64,
        };
    }
    match request {
        Ok(Request::Signal(call)) => {
            signal(call.notification, call.flags);
            0
        }
        Ok(Request::Wait(call)) => wait(call.notification, call.deadline, registers),
        Ok(Request::SignalAndWait(call)) => {
            signal(call.signalled, call.flags);
            wait(call.notification, call.deadline, registers)
        }
        other => panic!("the fake kernel does not implement {other:?}"),
    }
}

/// Returns the call's result, and the flags in the registers.
fn wait(notification: Slot, deadline_ns: u64, registers: &mut Registers) -> u64 {
    loop {
        match FLAGS[notification.0 as usize].swap(0, Ordering::SeqCst) {
            0 if clock::now_ns() >= deadline_ns => return Error::TimedOut as u64,
            0 => std::thread::yield_now(),
            flags => {
                registers[0] = flags;
                return 0;
            }
        }
    }
}
