//! A domain's clock: the page with which the domain converts ticks to its own time and to UTC, and the offset with which the
//! kernel computes the same time.

use abi::kind::MemoryRights;
use abi::register::{Access, PageCount};
use abi::start_page::Range;
use abi::{Error, PAGE_BYTES};
use runtime::Cap;
use runtime::capability::{Domain, Memory};
use runtime::clock::{self, Scale};

use crate::grant::{Grant, Place};
use crate::layout::CLOCK;
use crate::machine::Machine;

/// The name of the clock page's capability.
pub const NAME: &str = "clock";

/// The address range of the clock page.
pub const RANGE: Range = Range {
    start: CLOCK,
    bytes: PAGE_BYTES,
};

const ONE_PAGE: PageCount = PageCount(1);

/// The incarnation of a domain that has not moved yet.
pub const FIRST_INCARNATION: u64 = 1;

/// Creates an empty clock page. Root owns it, so that it outlives its mappings.
///
/// # Errors
/// The kernel's refusal.
pub fn create_page(machine: &Machine) -> Result<Cap<Memory>, Error> {
    machine.pool.create_populated_memory(ONE_PAGE)
}

/// The page as a read-only grant, mapped.
pub fn grant(page: Cap<Memory>) -> Grant<'static> {
    Grant::new(NAME, page, MemoryRights::READ).mapped(Place {
        address: CLOCK,
        pages: ONE_PAGE,
        access: Access::Read,
    })
}

/// Starts a new domain's own time at zero, and publishes UTC to it.
///
/// # Errors
/// The kernel's refusal.
pub fn start(machine: &Machine, domain: Cap<Domain>, page: Cap<Memory>) -> Result<(), Error> {
    // The counter is read between two readings of the machine's time. It belongs to their mean, to within half the cost of a
    // call.
    let before = domain.set_clock(0)?;
    let ticks = clock::ticks();
    let after = domain.set_clock(0)?;
    let origin = before + after.saturating_sub(before) / 2;
    domain.set_clock(0i64.wrapping_sub_unsigned(origin))?;
    let scale = Scale {
        base_utc: machine.utc_at_zero.map(|utc| utc.plus_ns(origin)),
        ..Scale::of_frequency(machine.ticks_per_second, ticks, 0)
    };
    machine.write_to(page, ONE_PAGE, |memory| {
        clock::publish(memory, FIRST_INCARNATION, scale);
    })
}

/// The current time on root's clock.
pub fn now_ns() -> u64 {
    clock::now_ns()
}
