//! Calls, replies, signals, waits and fault messages.
//!
//! | file | contents |
//! | --- | --- |
//! | `rendezvous` | sending and receiving |
//! | `transfer` | copying a message: words, capabilities |
//! | `reply` | replies, and abandoned reply rights |
//! | `notify` | flags: signal, wait, deadlines |
//! | `interrupt` | devices' interrupts: delivery, acknowledgement |
//! | `fault` | sending a fault as a message |
//! | `authority` | checks that a blocked thread still has the right to its operation |
//! | `vectors` | a set of interrupt vectors |
//! | `waiting` | ending, rolling back and releasing waits |
//!
//! Invariant: a thread's RIP is *at* the system call (see [`crate::objects::Thread`]) until the call completes.

mod authority;
mod fault;
mod interrupt;
mod notify;
mod rendezvous;
mod reply;
mod transfer;
mod vectors;
mod waiting;

#[cfg(test)]
mod tests;

/// The maximum number of blocked threads that one step of a call tries. A peer that cannot be served has its wait aborted, so
/// the next step makes progress.
const PEERS_PER_STEP: usize = 16;

pub use fault::raise_fault;
pub use interrupt::{
    acknowledge_interrupt, deliver, deliver_interrupt, deliver_undelivered, unmask_if_acknowledged,
};
pub use notify::{deliver_bound_flags, machine_deadline, signal, time_out, wait};
pub use rendezvous::{receive, send};
pub use reply::{abandon, awaits, install_reply, may_grant, replies_to_fault, reply};
pub use transfer::{Message, message_buffer};
pub use vectors::Vectors;
pub use waiting::{end_wait, hold, is_trapped, leave, release, stop};
