//! The power state of a function (PCI Bus Power Management Interface 1.2, 3.2.4). Firmware may have left a card asleep: then its registers read
//! all ones.

use super::capability::{self, POWER};
use super::configuration::{Address, Configuration, read_half, write_half};

/// The time until a function that was woken may be accessed (5.6.1).
pub const WAKE_NS: u64 = 10_000_000;

const CONTROL: u8 = 4;
/// The state, 0 if it is awake.
const CONTROL_STATE: u16 = 0b11;
/// Writing a one clears it.
const CONTROL_EVENT: u16 = 1 << 15;

/// Wakes the function at an address. Returns whether it was asleep: then it may be accessed only after [`WAKE_NS`], and may have lost the
/// addresses of its regions.
pub fn wake(configuration: &impl Configuration, address: Address) -> bool {
    let Some(offset) = capability::find(configuration, address, POWER) else {
        return false;
    };
    let control = read_half(configuration, address, offset + CONTROL);
    let is_asleep = control & CONTROL_STATE != 0;
    if is_asleep {
        let awake = control & !(CONTROL_STATE | CONTROL_EVENT);
        write_half(configuration, address, offset + CONTROL, 0, awake);
    }
    is_asleep
}
