//! The restart of the machine.

use runtime::protocol::root::done;

use super::{Response, kernel};
use crate::supervisor::Supervisor;

/// Stops the devices from writing to memory, then restarts the machine. The firmware and the boot loader, which use the same
/// memory next, would otherwise find late frames in it. Returns only if the kernel refuses.
pub fn reboot(root: &mut Supervisor) -> Response {
    log::warn!("the machine restarts at an operator's request");
    root.devices.stop_mastering();
    root.machine.hardware.reboot().map_err(kernel)?;
    Ok((done(), None))
}
