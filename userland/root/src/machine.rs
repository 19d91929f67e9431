//! Root's initial authority: the kernel's capabilities and the first objects that root creates from them.

use abi::Error;
use abi::register::{Access, PageCount};
use abi::start_page::root_slots;
use runtime::Start;
use runtime::capability::{Cap, Domain, Endpoint, Hardware, Memory, Notification, Pool};
use runtime::clock;
use runtime::mapping::Mapping;
use runtime::shared::SharedMemory;
use runtime::utc::UtcTime;

use crate::keyboard::Keyboard;

/// The machine's capabilities.
#[derive(Clone, Copy, Debug)]
pub struct Machine {
    /// All free memory.
    pub pool: Cap<Pool>,
    /// Root's own domain, for mapping.
    pub domain: Cap<Domain>,
    /// All devices and I/O ports.
    pub hardware: Cap<Hardware>,
    /// The endpoint of all of root's interfaces.
    pub endpoint: Cap<Endpoint>,
    /// The notification that wakes the switch. Root owns it, so that ports outlive a restarted switch.
    pub doorbell: Cap<Notification>,
    /// A notification that is never signalled, for waits with a time limit.
    unsignalled: Cap<Notification>,
    /// The frequency of the time-stamp counter.
    pub ticks_per_second: u64,
    /// UTC at the zero of root's clock, if the machine knows it.
    pub utc_at_zero: Option<UtcTime>,
    /// The keyboard, if the machine has one.
    pub keyboard: Option<Keyboard>,
    /// Root's arguments: the kernel's, and the words of its command line.
    pub arguments: &'static str,
}

impl Machine {
    /// Takes the kernel's capabilities, and creates root's endpoint and the doorbell.
    ///
    /// # Errors
    /// The kernel's refusal.
    pub fn new(start: &Start) -> Result<Machine, Error> {
        let pool = Cap::<Pool>::from_slot(root_slots::POOL);
        Ok(Machine {
            pool,
            domain: Cap::from_slot(root_slots::DOMAIN),
            hardware: Cap::from_slot(root_slots::HARDWARE),
            endpoint: pool.create_endpoint()?,
            doorbell: pool.create_notification()?,
            unsignalled: pool.create_notification()?,
            ticks_per_second: start.page().ticks_per_second,
            utc_at_zero: None,
            keyboard: None,
            arguments: start.page().arguments(),
        })
    }

    /// Whether it was started by the menu's safe entry: the kernel has the same option.
    pub fn is_safe(&self) -> bool {
        self.arguments.lines().any(|line| line == "safe")
    }

    /// Maps a Memory while `work` writes to it.
    ///
    /// # Errors
    /// The refusal to map it.
    pub fn write_to(
        &self,
        memory: Cap<Memory>,
        pages: PageCount,
        work: impl FnOnce(SharedMemory),
    ) -> Result<(), Error> {
        let mapping = Mapping::new(self.domain, memory, pages, Access::ReadWrite)?;
        work(mapping.memory());
        Ok(())
    }

    /// Sleeps, for hardware that does not signal completion. Other domains run meanwhile, but root handles no call.
    ///
    /// # Errors
    /// The refusal of `Wait`.
    pub fn sleep_ns(&self, time_ns: u64) -> Result<(), Error> {
        let until_ns = clock::now_ns().saturating_add(time_ns);
        self.unsignalled.wait_until_ns(until_ns).map(drop)
    }

    /// Random words from the hardware.
    ///
    /// # Errors
    /// The kernel's refusal.
    pub fn random<const WORDS: usize>(&self) -> Result<[u64; WORDS], Error> {
        let mut words = [0; WORDS];
        for word in &mut words {
            *word = self.hardware.random()?;
        }
        Ok(words)
    }
}

#[cfg(test)]
impl Machine {
    /// A machine whose calls go to a test's kernel.
    pub fn for_tests() -> Machine {
        use abi::register::Slot;
        Machine {
            pool: Cap::from_slot(Slot(1)),
            domain: Cap::from_slot(Slot(2)),
            hardware: Cap::from_slot(Slot(3)),
            endpoint: Cap::from_slot(Slot(4)),
            doorbell: Cap::from_slot(Slot(5)),
            unsignalled: Cap::from_slot(Slot(6)),
            ticks_per_second: 1_000_000_000,
            utc_at_zero: None,
            keyboard: None,
            arguments: "",
        }
    }
}
