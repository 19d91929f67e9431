//! The time that one entry may spend on a long call before it admits interrupts: [`TimeBudget`].

use crate::arch;

/// The budget in microseconds. The step during which it runs out is completed; every step is shorter than the budget.
const BUDGET_US: u64 = 5;

/// The time budget of the steps of a long call in one entry.
#[derive(Clone, Copy, Debug)]
pub struct TimeBudget {
    end_ticks: u64,
}

impl TimeBudget {
    /// A budget that runs from now on.
    pub fn start() -> TimeBudget {
        let ticks = arch::ticks_per_second() * BUDGET_US / 1_000_000;
        TimeBudget {
            end_ticks: arch::ticks().saturating_add(ticks),
        }
    }

    pub fn is_spent(self) -> bool {
        arch::ticks() >= self.end_ticks
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arch::fake::Machine;

    #[test]
    fn a_budget_lasts_its_microseconds() {
        let machine = Machine::new(1);
        machine.set_ticks_step(0);
        machine.set_ticks(1_000);
        let budget = TimeBudget::start();
        let ticks = arch::ticks_per_second() / 1_000_000 * BUDGET_US;
        machine.set_ticks(1_000 + ticks - 1);
        assert!(!budget.is_spent());
        machine.set_ticks(1_000 + ticks);
        assert!(budget.is_spent());
    }
}
