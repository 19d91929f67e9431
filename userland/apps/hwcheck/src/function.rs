//! The texts that name a PCI function.

use alloc::format;
use alloc::string::String;

use runtime::protocol::inventory::FunctionRecord;

/// A function's address, as in the rest of the log.
pub fn address(function: &FunctionRecord) -> String {
    let (bus, device, function) = function.address;
    format!("{bus:02x}:{device:02x}.{function}")
}

/// A function's vendor and device.
pub fn identity(function: &FunctionRecord) -> String {
    let (vendor, device) = function.identity;
    format!("{vendor:04x}:{device:04x}")
}
