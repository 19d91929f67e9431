//! A frozen domain is data: what freezing, reading, rebuilding and thawing do, on the fake machine.
//!
//! | file | what it tests |
//! | --- | --- |
//! | `scene` | what the others look at |
//! | `phases` | a thread in each phase: how it reads, that it goes on in place and elsewhere |
//! | `freezing` | whose a freeze is, when it ends |
//! | `settling` | how a domain of many threads stops and goes on in steps |
//! | `versions` | what counts as a change of a frozen domain |
//! | `copying` | pages copied out, and the dirty log |
//! | `retiring` | what a retirement does to outsiders |
//! | `writers` | who else can write a domain's Memory |
//! | `states` | thread states that lie |
//! | `derivation` | what was derived from what |
//! | `records` | the records of mappings and of the clock |
//! | `attributes` | Memories that a device may write |

mod attributes;
mod copying;
mod derivation;
mod freezing;
pub mod phases;
mod records;
mod retiring;
pub mod scene;
mod settling;
mod states;
mod versions;
mod writers;
