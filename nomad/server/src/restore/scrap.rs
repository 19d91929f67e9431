//! Capabilities that are not needed any more.

use runtime::capability::Kind;
use runtime::{Cap, slots};

/// Gives up a capability, whether or not its object still exists.
pub fn forget<T: Kind>(capability: Cap<T>) {
    if capability.delete().is_err() {
        // Its object ended, and so the slot is empty already.
        slots::give_back(capability.slot());
    }
}

/// Ends an object, whether or not it ended already.
pub fn destroy<T: Kind>(capability: Cap<T>) {
    if capability.destroy().is_err() {
        forget(capability);
    }
}
