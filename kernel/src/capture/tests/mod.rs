//! A frozen domain is data: what freezing, reading, rebuilding and thawing do, on the fake machine.
//!
//! | file | what it tests |
//! | --- | --- |
//! | `scene` | what the others look at |
//! | `phases` | a thread in each phase: how it reads, that it goes on in place and elsewhere |
//! | `freezing` | whose a freeze is, when it ends, that it takes bounded steps |
//! | `versions` | what counts as a change of a frozen domain |
//! | `copying` | pages copied out, and the dirty log |
//! | `retiring` | what a retirement does to outsiders |
//! | `writers` | who else can write a domain's Memory |
//! | `states` | thread states that lie |
//! | `derivation` | what was derived from what |

mod copying;
mod derivation;
mod freezing;
pub mod phases;
mod retiring;
pub mod scene;
mod states;
mod versions;
mod writers;
