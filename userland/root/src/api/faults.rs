//! `faults`: faults of domains, sent by the kernel.

use runtime::fault::Fault;

use crate::badge::DomainNumber;
use crate::supervisor::Supervisor;

/// Handles a fault, which has stopped a thread of the domain.
pub fn handle(root: &mut Supervisor, domain: DomainNumber, fault: Fault) {
    root.fault(domain, fault);
}
