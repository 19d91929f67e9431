//! The service that the subject's threads call. It is outside the subject: the driver's second thread serves it.

use guest_workloads::calls::{receive, reply_and_receive, yield_times};
use guest_workloads::scrambled;
use runtime::abi::PAGE_BYTES;
use runtime::abi::register::{Access, PageCount, UserAddress};
use runtime::mapping::Mapping;
use runtime::system_call::invoke;
use runtime::{Error, Slot};

use crate::subject::{Lender, PRIORITY};

const STACK_PAGES: u64 = 4;

/// Starts the driver's second thread. It does not use the runtime's state, which belongs to the first thread.
pub fn start(lender: &Lender) -> Result<(), Error> {
    let stack = lender
        .pool
        .create_populated_memory(PageCount(STACK_PAGES))?;
    let pages = PageCount(STACK_PAGES);
    let mapping = Mapping::new(lender.domain, stack, pages, Access::ReadWrite)?.leak();
    let top = mapping.address() + STACK_PAGES * PAGE_BYTES - 8;
    let reply = runtime::slots::take()?;
    let argument = u64::from(lender.service.slot().0) | u64::from(reply.0) << 32;
    let thread = lender.domain.create_thread()?;
    thread.set_priority(PRIORITY)?;
    let (instruction, stack) = (UserAddress(serves as *const () as u64), UserAddress(top));
    thread.prepare(instruction, stack, argument, UserAddress(0))?;
    thread.start()
}

/// Replies to each call after a varying delay.
extern "C" fn serves(slots: u64) -> ! {
    let endpoint = Slot(slots as u32);
    let reply = Slot((slots >> 32) as u32);
    let mut request = invoke(receive(endpoint, reply));
    for delay in (0..4_u64).cycle() {
        let number = request.map_or(0, |request| scrambled(request.words[0]));
        yield_times(delay);
        // If the caller is gone by now, its reply right is gone too.
        request = invoke(reply_and_receive(endpoint, number, reply));
    }
    runtime::entry::stop()
}
