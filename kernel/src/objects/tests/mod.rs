//! Creating and destroying objects: all memory is returned, from any state and after any interruption.
//!
//! | file | tests |
//! | --- | --- |
//! | `checker` | the invariants between system calls |
//! | `contiguous` | contiguous Memories |
//! | `devices` | Memories of devices |
//! | `driver` | a domain that may drive devices |
//! | `ending` | destroying objects in every state, step by step, and pools in particular |
//! | `exhaustion` | a pool that runs out at every allocation |
//! | `hardware` | ports, random numbers, the restart of the machine |
//! | `interrupts` | shared lines, and message-signalled interrupts |
//! | `long` | operations of many steps, searches among them |
//! | `outrun` | destructions and revocations beside threads that create new capabilities and objects |
//! | `random` | random calls in random order |
//! | `released` | the state of an object when its frame is released |
//! | `self_destruction` | refusals to destroy what the caller is part of |

pub(crate) mod checker;
mod contiguous;
mod devices;
mod driver;
mod ending;
mod exhaustion;
mod hardware;
mod interrupts;
mod long;
mod outrun;
mod random;
mod released;
mod self_destruction;
