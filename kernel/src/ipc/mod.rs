//! Calls, replies, signals, waits and fault messages.
//!
//! | file | what it does |
//! | --- | --- |
//! | `rendezvous` | a sender meets a receiver |
//! | `transfer` | the message goes over: words, capabilities |
//! | `reply` | answers, and reply rights that are given up |
//! | `notify` | flags: signal, wait, interrupts, deadlines |
//! | `fault` | a thread's fault becomes a message |
//! | `waiting` | leaving whatever a thread waits in |
//!
//! Every function here finds a thread's RIP *at* the system call (see [`crate::objects::Thread`]), and leaves it
//! there unless the call is complete.

mod fault;
mod notify;
mod rendezvous;
mod reply;
mod transfer;
mod waiting;

#[cfg(test)]
mod tests;

pub use fault::raise_fault;
pub use notify::{deliver_interrupt, signal, time_out, wait};
pub use rendezvous::{receive, send};
pub use reply::{abandon, awaits, install_reply, reply};
pub use transfer::{Message, message_buffer};
pub use waiting::{end_wait, leave, roll_back, stop};
