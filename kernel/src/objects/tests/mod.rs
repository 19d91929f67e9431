//! Making and ending objects: what it costs comes back, whatever state they are in and wherever it is interrupted.
//!
//! | file | what it tests |
//! | --- | --- |
//! | `checker` | what holds between any two system calls |
//! | `contiguous` | Memories whose frames are in a row |
//! | `devices` | Memories of devices |
//! | `driver` | a domain that may drive devices |
//! | `ending` | objects that end in every state, a step at a time |
//! | `exhaustion` | a pool that is full at every allocation |
//! | `hardware` | ports and random numbers |
//! | `interrupts` | lines that several share, and messages |
//! | `long` | what takes many steps |
//! | `oneself` | ends of what holds the caller |
//! | `outrun` | what takes away, beside threads that make more of it |
//! | `random` | any calls, in any order |
//! | `released` | what an object holds when its frame is released |

pub(crate) mod checker;
mod contiguous;
mod devices;
mod driver;
mod ending;
mod exhaustion;
mod hardware;
mod interrupts;
mod long;
mod oneself;
mod outrun;
mod random;
mod released;
