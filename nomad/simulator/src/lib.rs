//! Fake machines around the real hand-over: a seeded simulation and an exhaustive exploration. *nomad* is short for the
//! migration server of a machine.
//!
//! The code that ships runs here: [`nomad_shell::Shell`] on every machine. The [`hardware`] below it is fake: the
//! [`kernel`], the domains in it ([`domain`]: pages with contents that a running domain changes) and [`root`]. The
//! network is fake, too, and so are the page streams ([`stream`]), which a simulation carries by `nomad-transport`.
//! Except in explorations, nomad's records are stored by the code that ships ([`record_store`]). `docs/verification.md`
//! lists what is explored and simulated, and what is not.
//!
//! ```text
//!              World: Machines, Streams, History (the checker)
//!             /                                                   \
//!   Simulation: clocks, a seed, a network that loses,      Exploration: every order of deliveries, timers, faults
//!   doubles, delays and cuts; crashes; pauses; failures    within bounds, by stateright
//! ```
//!
//! Both judge by [`history`] at every step and by [`outcome`] at quiescence. A [`machine::Mutant`] is a machine that
//! breaks one rule. Every mutant must be caught, which proves that the judges work.

#![forbid(unsafe_code)]

pub mod clocks;
pub mod domain;
pub mod exploration;
pub mod faults;
pub mod frames;
pub mod hardware;
pub mod history;
pub mod kernel;
pub mod machine;
pub mod memory;
mod misconduct;
pub mod network;
pub mod outcome;
pub mod random;
pub mod record_store;
pub mod root;
pub mod shared;
pub mod simulation;
pub mod stream;
pub mod world;
