//! A moved domain's time goes on: the kernel's offset for its deadlines, and its clock page.

use abi::PAGE_BYTES;
use abi::register::{Access, PageCount};
use runtime::capability::{Domain, Memory};
use runtime::mapping::Mapping;
use runtime::{Cap, Error, clock};

use crate::machine::Machine;

/// The name under which root knows a clock page.
pub const CLOCK: &str = "clock";

const _: () = assert!(size_of::<abi::start_page::ClockPage>() as u64 <= PAGE_BYTES);

/// Lets it be `now_ns` in the domain at this moment.
///
/// # Errors
/// What the kernel says.
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
