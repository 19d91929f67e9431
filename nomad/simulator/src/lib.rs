//! Two fake machines around the real hand-over: a seeded simulation and an exhaustive exploration.
//!
//! What ships is what runs here: [`nomad_protocol::Ledger`] on both machines. Fake are the kernels ([`kernel`]), the
//! domain ([`domain`]: pages with contents that a running domain changes), the page streams ([`stream`]) and the network.
//!
//! ```text
//!              World: two Machines, Streams, History (the checker)
//!             /                                                   \
//!   Simulation: a clock, a seed, a network that loses,     Exploration: every order of deliveries, timers, faults
//!   doubles, delays and cuts; crashes; pages checked       within bounds, by stateright
//! ```
//!
//! Both judge by [`history`] at every step and by [`outcome`] once all is quiet. That the judges are awake is proved by
//! [`machine::Mutant`]s: machines with one rule broken, each of which must be caught.

#![forbid(unsafe_code)]

pub mod domain;
pub mod exploration;
pub mod faults;
pub mod history;
pub mod kernel;
pub mod machine;
pub mod network;
pub mod outcome;
pub mod random;
pub mod simulation;
pub mod stream;
pub mod world;
