//! Calls, replies, signals, waits and fault messages.
//!
//! | file | what it does |
//! | --- | --- |
//! | `rendezvous` | a sender meets a receiver |
//! | `transfer` | the message goes over: words, capabilities |
//! | `reply` | answers, and reply rights that are given up |
//! | `notify` | flags: signal, wait, deadlines |
//! | `interrupt` | devices' interrupts: delivering, acknowledging |
//! | `fault` | a thread's fault becomes a message |
//! | `standing` | whether a blocked thread may still have what it waits for |
//! | `vectors` | a set of interrupt vectors |
//! | `waiting` | leaving whatever a thread waits in |
//!
//! Every function here finds a thread's RIP *at* the system call (see [`crate::objects::Thread`]), and leaves it
//! there unless the call is complete.

mod fault;
mod interrupt;
mod notify;
mod rendezvous;
mod reply;
mod standing;
mod transfer;
mod vectors;
mod waiting;

#[cfg(test)]
mod tests;

/// Blocked threads that one step of a call tries to meet. One that cannot be met is taken out of its queue, so that the next
/// step meets the next ones.
const MET_PER_STEP: usize = 16;

pub use fault::raise_fault;
pub use interrupt::{
    acknowledge_interrupt, deliver, deliver_interrupt, deliver_undelivered, unmask_if_all_are_ready,
};
pub use notify::{machine_deadline, offer_flags, signal, time_out, wait};
pub use rendezvous::{receive, send};
pub use reply::{abandon, answers_fault, awaits, install_reply, may_grant, reply};
pub use transfer::{Message, message_buffer};
pub use vectors::Vectors;
pub use waiting::{end_wait, hold, is_trapped, leave, release, roll_back, stop};
