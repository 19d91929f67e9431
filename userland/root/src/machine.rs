//! What root was born with or made for itself at first: the authority that everything else here comes from.

use abi::Error;
use abi::register::{Access, PageCount};
use abi::start_page::root_slots;
use runtime::Start;
use runtime::capability::{Cap, Domain, Endpoint, Hardware, Memory, Notification, Pool};
use runtime::mapping::Mapping;
use runtime::shared::SharedMemory;

use crate::clock;

/// The machine's capabilities.
#[derive(Clone, Copy, Debug)]
pub struct Machine {
    /// All memory.
    pub pool: Cap<Pool>,
    /// Root's own domain, to map into.
    pub domain: Cap<Domain>,
    /// All devices.
    pub hardware: Cap<Hardware>,
    /// The endpoint that root serves.
    pub endpoint: Cap<Endpoint>,
    /// What wakes the switch. It is root's, so that ports outlive a switch that is started again.
    pub doorbell: Cap<Notification>,
    /// What nobody raises a flag of, to wait for a moment.
    never: Cap<Notification>,
    /// Ticks of the time-stamp counter in a second.
    pub ticks_per_second: u64,
}

impl Machine {
    /// Takes what the kernel gave, and makes root's endpoint and the doorbell.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn new(start: &Start) -> Result<Machine, Error> {
        let pool = Cap::<Pool>::from_slot(root_slots::POOL);
        Ok(Machine {
            pool,
            domain: Cap::from_slot(root_slots::DOMAIN),
            hardware: Cap::from_slot(root_slots::HARDWARE),
            endpoint: pool.create_endpoint()?,
            doorbell: pool.create_notification()?,
            never: pool.create_notification()?,
            ticks_per_second: start.page().ticks_per_second,
        })
    }

    /// Maps a Memory for as long as `work` writes into it.
    ///
    /// # Errors
    /// What mapping it says.
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

    /// Lets so much time pass, in which everybody else runs and nobody is answered: for hardware, which cannot be waited for
    /// otherwise.
    ///
    /// # Errors
    /// What `Wait` says.
    pub fn sleep_ns(&self, time_ns: u64) -> Result<(), Error> {
        let until_ns = clock::now_ns().saturating_add(time_ns);
        self.never.wait_until_ns(until_ns).map(drop)
    }

    /// Draws random bytes.
    ///
    /// # Errors
    /// What the kernel says.
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
    /// A machine of which a test's kernel answers all that is asked.
    pub fn of_tests() -> Machine {
        use abi::register::Slot;
        Machine {
            pool: Cap::from_slot(Slot(1)),
            domain: Cap::from_slot(Slot(2)),
            hardware: Cap::from_slot(Slot(3)),
            endpoint: Cap::from_slot(Slot(4)),
            doorbell: Cap::from_slot(Slot(5)),
            never: Cap::from_slot(Slot(6)),
            ticks_per_second: 1_000_000_000,
        }
    }
}
