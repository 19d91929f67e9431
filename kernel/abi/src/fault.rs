//! The messages that the kernel itself sends: about faults and absent pages.
//!
//! They arrive at an endpoint like a call ([`crate::MessageInfo::is_fault`] is set), with the badge of the
//! capability that the thread or Memory was given; the thread stays stopped at the faulting instruction. Any
//! reply resumes it there, so that the instruction is tried again.

/// Words in a fault message: what, where, more about it, RIP.
pub const FAULT_WORDS: usize = 4;

/// What happened: word 0 of a fault message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum FaultKind {
    /// A page is absent or the access is not allowed. Word 1: the address. Word 2: the hardware's error code
    /// (Intel SDM volume 3, 5.7). Sent to the thread's fault endpoint.
    Page = 1,
    /// Another exception. Word 1: the vector. Word 2: the hardware's error code.
    Exception = 2,
    /// A Memory's page is absent and the Memory has a pager, which gets this. Word 1: the page's index. Word
    /// 2: the hardware's error code.
    AbsentPage = 3,
}
