//! The machine that this server runs on, as far as it may touch it.

use core::mem::offset_of;
use core::sync::atomic::Ordering;

use abi::register::ObjectId;
use abi::start_page::ClockPage;
use runtime::capability::{Any, Domain, Pool};
use runtime::clock::Scale;
use runtime::shared::SharedMemory;
use runtime::{Cap, Start};

use crate::root::Root;

/// What every step of a move may use.
#[derive(Clone, Copy, Debug)]
pub struct Machine {
    /// The machine's root.
    pub root: Root,
    /// This server's own domain, into which it maps what it reads and writes.
    pub own: Cap<Domain>,
    /// This server's own pool.
    pub pool: Cap<Pool>,
    clock: SharedMemory<'static>,
}

impl Machine {
    /// What the start page names.
    ///
    /// # Panics
    /// If something is missing: whoever started the server forgot it.
    pub fn new(start: Start) -> Machine {
        Machine {
            root: Root::new(start.require("root")),
            own: start.require("domain"),
            pool: start.require("pool"),
            clock: start
                .shared_memory("clock")
                .expect("started without a clock"),
        }
    }

    /// Which object a capability of this server's own is for.
    ///
    /// # Errors
    /// What `CapabilityIdentify` says.
    pub fn identify(&self, capability: Cap<Any>) -> Result<ObjectId, runtime::Error> {
        self.own.identify(capability.slot())
    }

    /// A scale by which it is `ns` at this moment, in ticks of this machine.
    pub fn scale_from_now(&self, ns: u64) -> Scale {
        let multiplier = self.clock.word64(offset_of!(ClockPage, multiplier));
        Scale {
            base_ticks: runtime::clock::ticks(),
            base_ns: ns,
            multiplier: multiplier.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
impl Machine {
    /// A machine of which a test's kernel answers all that is asked.
    pub fn of_tests() -> Machine {
        use abi::register::Slot;
        Machine {
            root: Root::new(Cap::from_slot(Slot(1))),
            own: Cap::from_slot(Slot(2)),
            pool: Cap::from_slot(Slot(3)),
            clock: runtime::host::shared_memory(size_of::<ClockPage>()),
        }
    }
}
