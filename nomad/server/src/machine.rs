//! This server's authority over the machine that it runs on.

use core::mem::offset_of;
use core::sync::atomic::Ordering;

use abi::clock_page::ClockPage;
use abi::register::ObjectId;
use runtime::capability::{Any, Domain, Pool};
use runtime::clock::Scale;
use runtime::shared::SharedMemory;
use runtime::{Cap, Start};

use crate::root::Root;

/// The capabilities that every step of a move may use.
#[derive(Clone, Copy, Debug)]
pub struct Machine {
    pub root: Root,
    /// This server's own domain, into which it maps the Memories that it reads and writes.
    pub own: Cap<Domain>,
    pub pool: Cap<Pool>,
    clock: SharedMemory<'static>,
}

impl Machine {
    /// The capabilities that the start page names.
    ///
    /// # Panics
    /// If the start page lacks one of them.
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

    /// The object of one of this server's capabilities.
    ///
    /// # Errors
    /// The error of `CapabilityIdentify`.
    pub fn identify(&self, capability: Cap<Any>) -> Result<ObjectId, runtime::Error> {
        self.own.identify(capability.slot())
    }

    /// The scale from this machine's ticks to a domain's time, which is `ns` now, and to the time of day as this
    /// machine knows it.
    pub fn scale_from_now(&self, ns: u64) -> Scale {
        let multiplier = self.clock.word64(offset_of!(ClockPage, multiplier));
        Scale {
            base_ticks: runtime::clock::ticks(),
            base_ns: ns,
            multiplier: multiplier.load(Ordering::Relaxed),
            base_utc: runtime::clock::now_utc(),
        }
    }
}

#[cfg(test)]
impl Machine {
    /// A machine whose calls a test's kernel handles.
    pub fn for_tests() -> Machine {
        use abi::register::Slot;
        Machine {
            root: Root::new(Cap::from_slot(Slot(1))),
            own: Cap::from_slot(Slot(2)),
            pool: Cap::from_slot(Slot(3)),
            clock: runtime::host::shared_memory(size_of::<ClockPage>()),
        }
    }
}
