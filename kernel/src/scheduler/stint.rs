//! How long one entry goes on with a long call before interrupts are let in: [`Stint`].

use crate::arch;

/// Microseconds of a stint. The step in which it ends comes on top, and every step is shorter than that.
const STINT_US: u64 = 5;

/// A stretch of time for the steps of a long call.
#[derive(Clone, Copy, Debug)]
pub struct Stint {
    end_ticks: u64,
}

impl Stint {
    /// A stint that begins now.
    pub fn begin() -> Stint {
        let ticks = arch::ticks_per_second() * STINT_US / 1_000_000;
        Stint {
            end_ticks: arch::ticks().saturating_add(ticks),
        }
    }

    /// Whether it is over.
    pub fn is_over(self) -> bool {
        arch::ticks() >= self.end_ticks
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arch::fake::Machine;

    #[test]
    fn a_stint_lasts_its_microseconds() {
        let machine = Machine::new(1);
        machine.set_ticks_step(0);
        machine.set_ticks(1_000);
        let stint = Stint::begin();
        let ticks = arch::ticks_per_second() / 1_000_000 * STINT_US;
        machine.set_ticks(1_000 + ticks - 1);
        assert!(!stint.is_over());
        machine.set_ticks(1_000 + ticks);
        assert!(stint.is_over());
    }
}
