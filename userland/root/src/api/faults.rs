//! `faults`: faults of domains, sent by the kernel.

use runtime::fault::Fault;

use crate::badge::DomainNumber;
use crate::clock;
use crate::fault_text::FaultText;
use crate::supervisor::Supervisor;

/// Handles a fault, which has stopped a thread of the domain. The domain is restarted or kept for inspection, according
/// to its policy.
pub fn handle(root: &mut Supervisor, number: DomainNumber, fault: Fault) {
    let Some(domain) = root.domains.by_number_mut(number) else {
        log::error!("an unknown domain has {}", FaultText(fault));
        return;
    };
    log::error!("{} has {}", domain.name, FaultText(fault));
    if let Some(delay_ns) = domain.restart_after_fault(clock::now_ns()) {
        root.end(number);
        // If the start fails, the domain is stopped, and the log has the reason.
        let _ = root.start_in(number, delay_ns);
    } else if domain.record_fault() {
        root.switchboard.stop(number);
        root.ring_for_commands();
    }
}
