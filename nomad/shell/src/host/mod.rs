//! The host of a shell: the calls that perform the steps of a move. The migration server implements them with
//! capabilities, the simulator with fake machines.
//!
//! | file | calls |
//! | --- | --- |
//! | `kernel` | [`Kernel`]: the kernel, to capture and rebuild domains |
//! | `root` | [`Root`]: the machine's root, about domains by name |
//! | `storage` | [`StableStorage`]: memory that outlives the shell |
//!
//! A [`Host`] is all of them, and a generator of random numbers.
//!
//! A failed call returns the protocol's reason; the host logs the details. The shell ignores failures of calls without
//! a result.

mod kernel;
mod root;
mod storage;

use identity::Name;
use nomad_protocol::MachineId;

pub use kernel::{AdmitError, DomainSummary, Exported, Kernel, Provenance, RetireError};
pub use root::{Root, RootError};
pub use storage::StableStorage;

/// All calls of a shell.
pub trait Host: Kernel + Root + StableStorage {
    /// A random number that cannot be guessed and was never drawn before.
    fn draw(&mut self) -> u128;

    /// The id of the machine with this name.
    fn machine_id(&self, name: Name) -> MachineId;

    /// Free bytes of this server's own heap.
    fn heap_free(&self) -> u64;

    /// The fewest bytes of that heap that were ever free.
    fn heap_least(&self) -> u64;
}
