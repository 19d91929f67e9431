//! The clock of a moved domain. It continues from its value on the source. It has two parts: the offset that the kernel
//! applies to the domain's deadlines, and the clock page.
//!
//! The time of day does not move with the domain: the page gets the time of day as this machine knows it.

use abi::PAGE_BYTES;
use abi::register::{Access, PageCount};
use runtime::capability::{Domain, Memory};
use runtime::mapping::Mapping;
use runtime::{Cap, Error, clock};

use crate::machine::Machine;

/// Root's name of a clock page.
pub const CLOCK: &str = "clock";

const _: () = assert!(size_of::<abi::clock_page::ClockPage>() as u64 <= PAGE_BYTES);

/// Sets the domain's clock to `now_ns`.
///
/// # Errors
/// The error of the kernel.
pub fn set(
    machine: &Machine,
    domain: Cap<Domain>,
    page: Option<Cap<Memory>>,
    incarnation: u64,
    now_ns: u64,
) -> Result<(), Error> {
    let scale = machine.scale_from_now(now_ns);
    let machine_ns = domain.set_clock(0)?;
    domain.set_clock(now_ns.wrapping_sub(machine_ns).cast_signed())?;
    if let Some(page) = page {
        let view = Mapping::new(machine.own, page, PageCount(1), Access::ReadWrite)?;
        clock::publish(view.memory(), incarnation, scale);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use abi::Request;
    use abi::register::Slot;
    use alloc::vec::Vec;
    use runtime::host::{DONE, with_kernel};

    use super::*;

    const DOMAIN: Cap<Domain> = Cap::from_slot(Slot(8));

    /// The offsets that a domain's clock is set to for the time `now_ns`.
    fn offsets(now_ns: u64) -> Vec<i64> {
        let (set, calls) = with_kernel(
            |request| match request {
                Request::DomainClock(_) => Ok([9_000, 0, 0, 0, 0, 0, 0, 0]),
                _ => DONE,
            },
            || set(&Machine::for_tests(), DOMAIN, None, 4, now_ns),
        );
        assert_eq!(set, Ok(()));
        let offsets = calls.iter().filter_map(|call| match call {
            Request::DomainClock(call) => Some(call.offset),
            _ => None,
        });
        offsets.collect()
    }

    #[test]
    fn the_domains_time_is_the_machines_and_an_offset_of_either_sign() {
        assert_eq!(offsets(2_000), [0, -7_000]);
        assert_eq!(offsets(10_000), [0, 1_000]);
    }
}
