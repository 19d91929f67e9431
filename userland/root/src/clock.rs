//! A domain's clock: a page by which it turns ticks into its own time, and the kernel's offset that agrees with it.

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

/// What a domain knows its clock page by.
pub const NAME: &str = "clock";

/// Where a domain finds its clock page.
pub const RANGE: Range = Range {
    start: CLOCK,
    bytes: PAGE_BYTES,
};

const ONE_PAGE: PageCount = PageCount(1);

/// The incarnation of a domain that has not moved yet.
pub const FIRST_INCARNATION: u64 = 1;

/// A page for a domain's clock, empty. It is root's, so that it outlives what is mapped of it.
///
/// # Errors
/// What the kernel says.
pub fn make_page(machine: &Machine) -> Result<Cap<Memory>, Error> {
    machine.pool.create_populated_memory(ONE_PAGE)
}

/// The page, for the domain that reads it.
pub fn grant(page: Cap<Memory>) -> Grant<'static> {
    Grant::new(NAME, page, MemoryRights::READ).mapped(Place {
        address: CLOCK,
        pages: ONE_PAGE,
        access: Access::Read,
    })
}

/// Lets a new domain's time begin now, at zero.
///
/// # Errors
/// What the kernel says.
pub fn start(machine: &Machine, domain: Cap<Domain>, page: Cap<Memory>) -> Result<(), Error> {
    // The counter is read between two questions for the machine's time, so that the two agree to within half the
    // cost of a call.
    let before = domain.set_clock(0)?;
    let ticks = clock::ticks();
    let after = domain.set_clock(0)?;
    let origin = before + after.saturating_sub(before) / 2;
    domain.set_clock(0i64.wrapping_sub_unsigned(origin))?;
    let scale = Scale::of_frequency(machine.ticks_per_second, ticks, 0);
    machine.write_to(page, ONE_PAGE, |memory| {
        clock::publish(memory, FIRST_INCARNATION, scale);
    })
}

/// Root's own time.
pub fn now_ns() -> u64 {
    clock::now_ns()
}
