//! The faults, and the tests that find them: [`all`].
//!
//! | file | faults in |
//! | --- | --- |
//! | `authority` | rights, badges and the transfer of capabilities |
//! | `moving` | the code that a move depends on: versions, retirement, descriptions and the page transport |
//! | `processor` | the processor and time |
//! | `messages` | messages, replies, faults and flags |
//! | `accounts` | objects, memory and accounting |
//! | `destruction` | the destruction of memory in the background |
//! | `handover` | the migration server, and the services that root and the switch provide for it |
//! | `planning` | the plan of a move: when the domain is frozen, how much it is slowed down before, and what is reported meanwhile |
//! | `returns` | the moves of domains that return |
//! | `late_frames` | the frames that reach a machine for a domain that is leaving or has left |
//! | `cards` | the drivers of network cards |
//! | `frames` | the way of frames through the switch, the device's treatment of received frames, and leases |
//! | `edge` | the edge of a machine's network: what domains and strangers send, and `caravan netboot` |

use super::Finder::{self, Host, Machine};
use super::Mutation;

const MATRIX: Finder = Host("kernel", "syscalls::matrix");
const IPC: Finder = Host("kernel", "ipc");
const TLB: Finder = Host("kernel", "paging");
const RANDOM: Finder = Host("kernel", "objects::tests::random");
const LONG: Finder = Host("kernel", "objects::tests::long");
const RELEASED: Finder = Host("kernel", "objects::tests::released");
const DEVICES: Finder = Host("kernel", "objects::tests::devices");
const CONFORMANCE: Finder = Machine("conformance");

macro_rules! mutations {
    ($($name:literal in $file:literal: $before:literal => $after:literal; $harm:literal; $finder:expr;)*) => {
        /// The faults of this file.
        pub const MUTATIONS: &[Mutation] = &[$(Mutation {
            name: $name,
            file: $file,
            before: $before,
            after: $after,
            harm: $harm,
            finder: $finder,
        }),*];
    };
}

mod accounts;
mod authority;
mod cards;
mod destruction;
mod edge;
mod frames;
mod handover;
mod late_frames;
mod messages;
mod moving;
mod planning;
mod processor;
mod returns;

/// All faults, in the order of the page.
pub fn all() -> impl Iterator<Item = &'static Mutation> {
    [
        authority::MUTATIONS,
        moving::MUTATIONS,
        processor::MUTATIONS,
        messages::MUTATIONS,
        accounts::MUTATIONS,
        destruction::MUTATIONS,
        handover::MUTATIONS,
        planning::MUTATIONS,
        returns::MUTATIONS,
        late_frames::MUTATIONS,
        frames::MUTATIONS,
        edge::MUTATIONS,
        cards::MUTATIONS,
    ]
    .into_iter()
    .flatten()
}
