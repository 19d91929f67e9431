//! Fake machines around the real hand-over: a seeded simulation and an exhaustive exploration. *nomad* is short for the
//! migration server of a machine.
//!
//! The code that ships runs here: [`nomad_shell::Shell`] on every machine. The [`hardware`] below it is fake: the
//! [`kernel`], the domains in it ([`domain`]: pages with contents that a running domain changes) and [`root`]; and
//! beside it the page streams ([`stream`]), which a simulation carries by `nomad-transport`, and the network. Except in
//! explorations, nomad's records are stored by the code that ships ([`record_store`]). `docs/verification.md` lists what is explored and simulated, and what is not.
//!
//! ```text
//!              World: Machines, Streams, History (the checker)
//!             /                                                   \
//!   Simulation: clocks, a seed, a network that loses,      Exploration: every order of deliveries, timers, faults
//!   doubles, delays and cuts; crashes; pauses; failures    within bounds, by stateright
//! ```
//!
//! Both judge by [`history`] at every step and by [`outcome`] at quiescence. [`machine::Mutant`]s prove that the judges
//! work: machines with one rule broken, each of which must be caught.

#![forbid(unsafe_code)]

pub mod domain;
pub mod exploration;
pub mod faults;
pub mod hardware;
pub mod history;
pub mod kernel;
pub mod machine;
mod misconduct;
pub mod network;
pub mod outcome;
pub mod random;
pub mod record_store;
pub mod root;
pub mod simulation;
pub mod stream;
pub mod world;
