//! Capabilities with an owner: [`Owned`], and the destruction of an object that may have ended already.

use runtime::Cap;
use runtime::capability::Kind;

/// A capability that only this owner uses. Dropping it frees the slot, whether or not the object still exists.
#[derive(Debug)]
pub struct Owned<T: Kind>(Cap<T>);

impl<T: Kind> Owned<T> {
    /// Takes ownership of a capability whose slot nothing else frees.
    pub fn new(capability: Cap<T>) -> Owned<T> {
        Owned(capability)
    }

    /// The capability, which must not be used after this is dropped.
    pub fn cap(&self) -> Cap<T> {
        self.0
    }
}

impl<T: Kind> Drop for Owned<T> {
    fn drop(&mut self) {
        self.0.forget();
    }
}

/// Destroys an object, whether or not it has ended already.
pub fn destroy_or_forget<T: Kind>(capability: Cap<T>) {
    if capability.destroy().is_err() {
        capability.forget();
    }
}

#[cfg(test)]
mod tests {
    use abi::Request;
    use abi::calls::CapabilityDelete;
    use abi::register::Slot;
    use runtime::capability::Domain;
    use runtime::host::{DONE, with_kernel};

    use super::*;

    #[test]
    fn its_slot_is_freed_once() {
        let slot = Slot(9);
        let owned = || Owned::<Domain>::new(Cap::from_slot(slot));
        let ((), calls) = with_kernel(|_| DONE, || drop(owned()));
        assert_eq!(
            calls,
            [Request::CapabilityDelete(CapabilityDelete { slot })]
        );
    }
}
