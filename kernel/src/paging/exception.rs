//! Exceptions of user code. A page fault that only needs a link, or nothing at all, is resolved here, and so is a thread's
//! first use of the vector registers. Every other exception becomes a message to the Memory's pager or the thread's fault
//! endpoint.

use abi::fault::FaultKind;
use abi::register::Access;
use bitflags::bitflags;
use capabilities::Storage;

use super::map::link_at;
use crate::arch::{self, VirtAddr};
use crate::ipc;
use crate::kernel::Kernel;
use crate::memory::{Ref, SlotStorage, Translation};
use crate::objects::{Domain, Fault, FaultHandler, MemoryObject, Thread};

/// The processor's vector for a use of disabled vector registers.
const DEVICE_NOT_AVAILABLE: u8 = 7;
/// The processor's vector for page faults.
const PAGE_FAULT: u8 = 14;

bitflags! {
    /// The error code of a page fault (Intel SDM volume 3, 5.7).
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    struct PageFaultError: u64 {
        const WRITE = 1 << 1;
        const FETCH = 1 << 4;
    }
}

/// The handling of a page fault.
enum Verdict {
    /// The instruction can be retried.
    Resolved,
    /// The Memory's pager receives a message about this page of it.
    Pager(Ref<MemoryObject>, u64),
    /// The thread's fault endpoint receives a message.
    Fault,
}

/// Handles an exception of the running thread.
///
/// # Panics
/// If no thread runs: the kernel's own exceptions are handled elsewhere.
#[inline(never)]
pub fn handle_exception(kernel: &Kernel, vector: u8, error: u64, address: u64) {
    let thread = kernel
        .scheduler
        .current()
        .expect("only user code raises exceptions");
    match vector {
        DEVICE_NOT_AVAILABLE if !thread.uses_vectors.get() => {
            kernel.scheduler.loaded.allow_vectors(thread)
        }
        PAGE_FAULT => handle_page_fault(kernel, thread, error, address),
        _ => {
            let words = [FaultKind::Exception as u64, u64::from(vector), error];
            raise_exception(kernel, thread, words);
        }
    }
}

/// Reports an exception that no pager handles to the thread's fault endpoint.
fn raise_exception(kernel: &Kernel, thread: Ref<Thread>, words: [u64; 3]) {
    let handler = FaultHandler::FaultEndpoint;
    let held = SlotStorage.slot(thread.fault_endpoint()).capability();
    ipc::raise_fault(kernel, thread, Fault { words, handler }, held);
}

/// Walks a domain's tables to an address; links a leaf table on the way if only that is missing.
pub fn translate(kernel: &Kernel, domain: Ref<Domain>, address: u64) -> Option<Translation> {
    domain.space.translate(address).or_else(|| {
        let mapping = domain.mapping_at(address)?;
        link_at(kernel, mapping, address).ok()?;
        domain.space.translate(address)
    })
}

fn handle_page_fault(kernel: &Kernel, thread: Ref<Thread>, error: u64, address: u64) {
    match classify(
        kernel,
        thread.domain,
        PageFaultError::from_bits_truncate(error),
        address,
    ) {
        Verdict::Resolved => arch::flush_page(VirtAddr::new_truncate(address)),
        Verdict::Pager(memory, page) => {
            let words = [FaultKind::AbsentPage as u64, page, error];
            let handler = FaultHandler::Pager(address);
            let held = SlotStorage.slot(memory.pager()).capability();
            ipc::raise_fault(kernel, thread, Fault { words, handler }, held);
        }
        Verdict::Fault => {
            let words = [FaultKind::Page as u64, address, error];
            raise_exception(kernel, thread, words);
        }
    }
}

fn classify(kernel: &Kernel, domain: Ref<Domain>, error: PageFaultError, address: u64) -> Verdict {
    let Some(mapping) = domain
        .mapping_at(address)
        .filter(|mapping| allows(mapping.access.get(), error))
    else {
        return Verdict::Fault;
    };
    let memory = mapping.memory.get().expect("a mapping in use has a Memory");
    let page = mapping.page_at(address);
    if memory.is_present(page) {
        return if link_at(kernel, mapping, address).is_ok() {
            Verdict::Resolved
        } else {
            Verdict::Fault
        };
    }
    // A pager serves the Memory's users; a debugger that maps a captured domain never waits for it.
    if mapping.is_capture.get() || SlotStorage.slot(memory.pager()).is_empty() {
        Verdict::Fault
    } else {
        Verdict::Pager(memory, page)
    }
}

fn allows(access: Access, error: PageFaultError) -> bool {
    let write_allowed = access == Access::ReadWrite || !error.contains(PageFaultError::WRITE);
    let fetch_allowed = access == Access::ReadExecute || !error.contains(PageFaultError::FETCH);
    write_allowed && fetch_allowed
}
