//! The system-call interface, defined once: the kernel decodes it and the runtime encodes it.
//!
//! | module | content |
//! | --- | --- |
//! | [`calls`] | every system call: number, arguments, results, in one table |
//! | [`register`] | the types of values in registers |
//! | [`error`] | the errors of calls |
//! | [`kind`] | the kinds of object and the rights over each |
//! | [`message`] | the messages of `call`, `send`, `receive` and `reply`; the message buffer |
//! | [`fault`] | the messages that the kernel itself sends |
//! | [`thread_state`] | a thread's state as data |
//! | [`record`] | the records that `DomainDescribe` writes about a domain |
//! | [`start_page`] | the page of information that a domain starts with |
//! | [`clock_page`] | the page from which a domain reads the time |
//! | `page_set` | the sets of a Memory's pages that `DomainPages` reads |
//! | `numbered` | the macro for enums whose variants travel as numbers |
//!
//! Registers: RAX holds the call's number, RDI RSI RDX R10 R8 R9 R12 R13 its arguments in this order. RAX
//! returns the status (zero, or an [`Error`]), and the same eight registers return the results. The SYSCALL instruction
//! overwrites RCX and R11; all others are preserved. `docs/abi.md` explains each call register by register.

#![no_std]
#![forbid(unsafe_code)]

pub mod calls;
pub mod clock_page;
pub mod error;
pub mod fault;
pub mod kind;
pub mod message;
mod numbered;
mod page_set;
pub mod record;
pub mod register;
pub mod start_page;
pub mod thread_state;

pub use calls::{Arguments, Number, Request};
pub use error::Error;
pub use kind::{
    DESTROY, DomainRights, EndpointRights, HardwareRights, InterruptRights, IoPortsRights,
    MemoryRights, NotificationRights, ObjectKind, PoolRights, Rights, ThreadRights,
};
pub use message::{MessageBuffer, MessageInfo};
pub use register::{REGISTER_COUNT, Register, Registers};

/// Bytes in a page.
pub const PAGE_BYTES: u64 = 4096;

/// Pages in one leaf table, and so the alignment at which Memories are mapped.
pub const PAGES_PER_TABLE: u64 = 512;

/// The alignment of the addresses at which Memories may be mapped: 2 MiB.
pub const MAP_STEP_BYTES: u64 = PAGE_BYTES * PAGES_PER_TABLE;

/// The end of the addresses that a domain may map. The last page below 2^47 must stay unmapped, since SYSRET with a
/// non-canonical RIP faults in ring 0 on Intel's processors. Mappings are aligned to 2 MiB, so the last 2 MiB stay unmapped.
pub const USER_END: u64 = (1 << 47) - MAP_STEP_BYTES;

/// The largest number of pages in one Memory. Together they have 64 GiB.
pub const MEMORY_PAGES_MAX: u64 = 64 << (30 - 12);

/// The largest number of slots in one domain's capability table.
pub const SLOTS_MAX: u32 = 512 * 64;

/// The deadline that never passes.
pub const NO_DEADLINE: u64 = u64::MAX;

/// The largest number of threads in one domain, so that reading all of them takes bounded time.
pub const THREADS_MAX: usize = 256;

/// The largest depth of a pool. The first pool, of which all others are descendants, has depth 0.
pub const POOL_DEPTH_MAX: u32 = 32;

/// The highest priority; the lowest is 0.
pub const PRIORITY_MAX: u8 = 63;
