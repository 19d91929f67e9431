//! The high-precision event timer, a reference clock for measurements.

use super::clock::read_closely;
use crate::arch::rate::Measurement;
use x86_64::VirtAddr;

/// Offsets of the registers in use, in bytes.
const CAPABILITIES: u64 = 0;
const CONFIGURATION: u64 = 0x10;
const COUNTER: u64 = 0xf0;

/// The number of reads after which the counter is considered not to count.
const POLLS_MAX: u32 = 10_000_000;

/// The timer's registers, mapped.
#[derive(Clone, Copy)]
pub(super) struct Hpet {
    registers: VirtAddr,
}

impl Hpet {
    /// The bytes from the first to the last register in use.
    pub(super) const BYTES: u64 = COUNTER + 8;

    /// The timer whose registers are mapped here, uncached and permanently.
    pub(super) fn new(registers: VirtAddr) -> Self {
        Self { registers }
    }

    /// Measures the rate of the processor's clock over 50 ms.
    pub(super) fn measure(self) -> Measurement {
        self.rate().map_or(Measurement::NoClock, Measurement::Rate)
    }

    /// The rate; `None` if the timer does not count. A pause of a virtual core does no harm: the counter wraps only after 40 s
    /// or more.
    fn rate(self) -> Option<u64> {
        const FEMTOSECONDS: u64 = 1_000_000_000_000_000;
        let period = self.read(CAPABILITIES) >> 32;
        let needed = (FEMTOSECONDS / 20).checked_div(period)?;
        self.write(CONFIGURATION, self.read(CONFIGURATION) | 1);
        // The lower half is enough, and a 32-bit timer has only that.
        let counter = || self.read(COUNTER) & 0xffff_ffff;
        let first = read_closely(counter);
        let since_first = |value: u64| value.wrapping_sub(first.value) & 0xffff_ffff;
        (0..POLLS_MAX).find(|_| since_first(counter()) >= needed)?;
        let last = read_closely(counter);
        let elapsed = u128::from(last.ticks - first.ticks) * u128::from(FEMTOSECONDS);
        let counted = u128::from(since_first(last.value)) * u128::from(period);
        u64::try_from(elapsed.checked_div(counted)?).ok()
    }

    fn read(self, register: u64) -> u64 {
        let address = (self.registers + register).as_ptr::<u64>();
        // SAFETY: the boot code mapped the registers here permanently.
        unsafe { address.read_volatile() }
    }

    fn write(self, register: u64, value: u64) {
        let address = (self.registers + register).as_mut_ptr::<u64>();
        // SAFETY: as for `read`; the timer's interrupts are not used.
        unsafe { address.write_volatile(value) }
    }
}
