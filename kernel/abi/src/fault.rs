//! The messages that the kernel itself sends: about faults and absent pages.
//!
//! They arrive at an endpoint like a call, with [`crate::MessageInfo::is_fault`] set and with the badge of the thread's
//! fault endpoint or the Memory's pager. The thread waits for a reply, and any reply resumes it: it retries the faulting
//! instruction, or continues after a trap.

/// Words in a fault message: the kind, two details, RIP.
pub const FAULT_WORDS: usize = 4;

/// The kind of fault: word 0 of a fault message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum FaultKind {
    /// A page is absent or the access is not allowed. Word 1: the address. Word 2: the hardware's error code
    /// (Intel SDM volume 3, 5.7). Sent to the thread's fault endpoint.
    Page = 1,
    /// Another exception. Word 1: the vector. Word 2: the hardware's error code.
    Exception = 2,
    /// A page is absent and its Memory has a pager, which gets this message. Word 1: the page's index. Word 2: the
    /// hardware's error code.
    AbsentPage = 3,
}
