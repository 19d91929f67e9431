//! A frozen domain is data: freezing, reading, rebuilding and thawing on the fake machine. In these tests the manager is the
//! domain that freezes and reads; the subject is the domain that is frozen and read.
//!
//! | file | tests |
//! | --- | --- |
//! | `scene` | the fixture |
//! | `phases` | a thread in each phase: its exported state, and how it continues in place and elsewhere |
//! | `freezing` | the owner and the end of a freeze |
//! | `settling` | stopping and releasing a domain of many threads in steps |
//! | `versions` | changes to a frozen domain, which raise its version |
//! | `copying` | copies of pages, and the dirty log |
//! | `granting` | a retired domain's pages for another Memory |
//! | `retiring` | the effects of a retirement on other domains |
//! | `writers` | the other domains that can write a domain's Memory |
//! | `states` | invalid thread states, and vector registers |
//! | `derivation` | derivations of capabilities |
//! | `records` | the records of mappings and of the clock |
//! | `attributes` | Memories that are listed but not captured |

mod attributes;
mod copying;
mod derivation;
mod freezing;
mod granting;
pub mod phases;
mod records;
mod retiring;
pub mod scene;
mod settling;
mod states;
mod versions;
mod writers;
