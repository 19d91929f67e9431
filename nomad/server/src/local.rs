//! The shell's host: this machine's kernel and root, by capability ([`Local`]). `kernel` and `root` have its calls.
//!
//! A call that fails is logged here, where more is known about the failure than the protocol can express.

mod kernel;
mod root;

use alloc::rc::Rc;

use identity::Name;
use nomad_channel::{Keys, Random};
use nomad_protocol::{MachineId, Record, Timing, TransactionId};
use nomad_shell::{ByteStore, Host, Records, StableStorage};
use runtime::Start;
use runtime::shared::SharedMemory;

use crate::budget::Budget;
use crate::machine::Machine;

/// How much later than the protocol's limit the kernel ends a freeze.
const FREEZE_MARGIN_US: u64 = 3_000_000;

/// The host of this machine's shell.
pub struct Local {
    pub machine: Machine,
    /// How long the kernel keeps a domain frozen for this server.
    pub freeze_limit_ns: u64,
    pub records: Records<SharedStore>,
    pub random: Random,
    pub keys: Rc<Keys>,
    pub budget: Budget,
}

/// The Memory for records, which survives a restart of this server.
pub struct SharedStore(pub SharedMemory<'static>);

/// How long the kernel keeps a domain frozen before it thaws the domain by itself. It is the protocol's limit and a
/// margin, so that a live server ends the move first.
///
/// # Panics
/// If the manifest names a margin that is not a number.
pub fn freeze_limit_ns(start: Start, timing: &Timing) -> u64 {
    // For tests, in which a server stalls between the freeze and the commit point for as long as the test takes.
    let margin_us = start.argument_or("freeze-margin-us", FREEZE_MARGIN_US);
    (timing.freeze_limit_us + margin_us) * 1_000
}

impl ByteStore for SharedStore {
    fn bytes(&self) -> usize {
        self.0.bytes()
    }

    fn read(&self, offset: usize, bytes: &mut [u8]) {
        self.0.read(offset, bytes);
    }

    fn write(&mut self, offset: usize, bytes: &[u8]) {
        self.0.write(offset, bytes);
    }
}

impl StableStorage for Local {
    fn write_record(&mut self, record: &Record) {
        self.records.write_record(record);
    }

    fn erase(&mut self, transaction: TransactionId) {
        self.records.erase(transaction);
    }

    fn write_token(&mut self, transaction: TransactionId, token: u64) {
        self.records.write_token(transaction, token);
    }

    fn token_of(&self, transaction: TransactionId) -> Option<u64> {
        self.records.token_of(transaction)
    }
}

impl Host for Local {
    fn draw(&mut self) -> u128 {
        self.random.number()
    }

    fn machine_id(&self, name: Name) -> MachineId {
        self.keys.machine(name)
    }

    fn heap_least(&self) -> u64 {
        runtime::heap::least_uncommitted_bytes() as u64
    }

    fn heap_free(&self) -> u64 {
        runtime::heap::free_bytes() as u64
    }
}

#[cfg(test)]
mod tests {
    use nomad_protocol::BootId;
    use nomad_shell::Kernel as _;
    use runtime::host::{shared_memory, with_kernel};

    use super::*;
    use crate::restore::incoming::tests::{DOWNTIME_US, built, offsets};
    use crate::samples::kernel;

    fn local() -> Local {
        let memory = SharedStore(shared_memory(16 << 10));
        Local {
            machine: Machine::for_tests(),
            freeze_limit_ns: 0,
            records: Records::open(memory, BootId(1)).0,
            random: Random::new([1, 2, 3, 4]),
            keys: Rc::new(Keys::new("a test's", Name::try_new("a").expect("a name"))),
            budget: Budget::default(),
        }
    }

    #[test]
    fn a_domain_that_is_about_to_run_learns_its_downtime() {
        let ((), calls) = with_kernel(kernel, || local().add_downtime(&mut built(), DOWNTIME_US));
        let downtime_ns = 1_000 * DOWNTIME_US.cast_signed();
        assert_eq!(offsets(&calls).last(), Some(&downtime_ns));
    }
}
