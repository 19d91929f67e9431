//! Calls for rebuilding a domain. They act through a capability in the domain's own table: the result is derived from that
//! capability, as if one of the domain's threads had made the call.

use abi::calls::{DomainHold, DomainMapOwn};
use abi::record::Held;
use abi::{DomainRights, EndpointRights, Error, MemoryRights, NotificationRights, ThreadRights};
use capabilities::Badge;

use super::thread::{self, Source};
use super::{CallResult, Outcome, domain, lookup, memory};
use crate::kernel::Kernel;
use crate::memory::Ref;
use crate::objects::Thread;
use crate::paging::{self, MapRequest};

pub fn map(kernel: &Kernel, caller: Ref<Thread>, call: DomainMapOwn) -> CallResult {
    let rights = DomainRights::MAP | DomainRights::INSTALL;
    let domain = lookup::domain(caller, call.domain, rights)?;
    let memory = lookup::own_memory(domain, call.memory, domain::rights_for(call.access))?;
    let request = MapRequest {
        memory,
        through: domain.place(call.memory)?,
        address: call.address.0,
        first_page: call.first_page.0,
        page_count: call.page_count.0,
        access: call.access,
        is_capture: false,
    };
    paging::map(kernel, domain, request)?;
    Ok(Outcome::DONE)
}

pub fn hold(kernel: &Kernel, caller: Ref<Thread>, call: DomainHold) -> CallResult {
    let domain = lookup::domain(caller, call.domain, DomainRights::INSTALL)?;
    let source = Source {
        place: domain.place(call.from)?,
        badge: Badge::new(call.badge),
    };
    match call.held {
        Held::Pager => {
            let memory = lookup::memory(caller, call.holder, MemoryRights::MANAGE)?;
            check_own(!memory.is_foreign_to(domain))?;
            lookup::own_endpoint(domain, call.from, EndpointRights::SEND)?;
            memory::hold_pager(kernel, memory, source)?;
        }
        Held::FaultEndpoint => {
            let thread = lookup::thread(caller, call.holder, ThreadRights::WRITE)?;
            check_own(thread.domain == domain)?;
            lookup::own_endpoint(domain, call.from, EndpointRights::SEND)?;
            thread::hold_fault_endpoint(kernel, thread, source)?;
        }
        Held::BoundNotification => {
            let thread = lookup::thread(caller, call.holder, ThreadRights::WRITE)?;
            check_own(thread.domain == domain)?;
            let notification =
                lookup::own_notification(domain, call.from, NotificationRights::WAIT)?;
            thread::hold_notification(kernel, thread, notification, source)?;
        }
    }
    Ok(Outcome::DONE)
}

/// Refuses an object that is not the domain's: the right to rebuild a domain does not permit taking capabilities out of it.
fn check_own(is_own: bool) -> Result<(), Error> {
    if is_own {
        Ok(())
    } else {
        Err(Error::WrongState)
    }
}
