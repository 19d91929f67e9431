//! Fake machines around the real hand-over: a seeded simulation and an exhaustive exploration.
//!
//! What ships is what runs here: [`nomad_shell::Shell`] on every machine. Fake is the [`hardware`] below it: the
//! [`kernel`], the domains in it ([`domain`]: pages with contents that a running domain changes) and [`root`]; and
//! beside it the page streams ([`stream`]) and the network. nomad's [`notes`] are kept by the code that ships, but in
//! explorations. `docs/verification.md` lists what is explored and simulated, and what is not.
//!
//! ```text
//!              World: Machines, Streams, History (the checker)
//!             /                                                   \
//!   Simulation: clocks, a seed, a network that loses,      Exploration: every order of deliveries, timers, faults
//!   doubles, delays and cuts; crashes; pauses; failures    within bounds, by stateright
//! ```
//!
//! Both judge by [`history`] at every step and by [`outcome`] once all is quiet. That the judges are awake is proved by
//! [`machine::Mutant`]s: machines with one rule broken, each of which must be caught.

#![forbid(unsafe_code)]

pub mod domain;
pub mod exploration;
pub mod faults;
pub mod hardware;
pub mod history;
pub mod kernel;
pub mod machine;
mod mistaken;
pub mod network;
pub mod notes;
pub mod outcome;
pub mod random;
pub mod root;
pub mod simulation;
pub mod stream;
pub mod world;
