//! The message buffer of the domain's first thread: the page that the kernel reads and writes in addition to the registers.
//!
//! The buffer is accessed only by functions that make no system call. So no reference into the page is alive while the kernel
//! writes it.

use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};

use abi::MessageBuffer;
use abi::message::{CAPABILITIES_MAX, DATA_BYTES, WORDS_MAX};
use abi::register::Slot;

/// A buffer without a message.
pub(crate) const EMPTY: MessageBuffer = MessageBuffer {
    words: [0; WORDS_MAX],
    send: [0; CAPABILITIES_MAX],
    receive: [Slot::NONE.0; CAPABILITIES_MAX],
    reserved: [0; 188],
    data: [0; DATA_BYTES],
};

static BUFFER: AtomicPtr<MessageBuffer> = AtomicPtr::new(ptr::null_mut());

/// Sets the message buffer of the domain's first thread to the page at this address.
///
/// # Safety
/// The page must stay mapped writable as long as the domain lives, and nothing else may use it.
pub(crate) unsafe fn install(address: u64) {
    BUFFER.store(address as *mut MessageBuffer, Ordering::Relaxed);
    with(|buffer| buffer.receive.fill(Slot::NONE.0));
}

/// Runs `work`, which makes no system call, on the buffer; `None` if no buffer is installed.
#[cfg(target_os = "caravan")]
pub(crate) fn with<T>(work: impl FnOnce(&mut MessageBuffer) -> T) -> Option<T> {
    let buffer = BUFFER.load(Ordering::Relaxed);
    // SAFETY: the caller of `install` guarantees that the page is mapped and unused by anything else. One thread uses it,
    // `work` receives the only reference, and the kernel writes the page only during system calls.
    unsafe { buffer.as_mut() }.map(work)
}

#[cfg(not(target_os = "caravan"))]
pub(crate) use crate::host::with_buffer as with;

/// Copies the beginning of the data area into `into`.
pub(crate) fn read_data(into: &mut [u8]) {
    let bytes = into.len().min(DATA_BYTES);
    with(|buffer| into[..bytes].copy_from_slice(&buffer.data[..bytes]));
}

/// Copies `from` to the beginning of the data area.
pub(crate) fn write_data(from: &[u8]) {
    let bytes = from.len().min(DATA_BYTES);
    with(|buffer| buffer.data[..bytes].copy_from_slice(&from[..bytes]));
}
