//! A capability that is given up when it is not needed any more: [`Owned`].

use runtime::Cap;
use runtime::capability::Kind;

/// A capability that this server alone uses. Its slot is free again when this is dropped, whether or not the object still
/// exists.
#[derive(Debug)]
pub struct Owned<T: Kind>(Cap<T>);

impl<T: Kind> Owned<T> {
    /// The capability in a slot of this server's that nothing else gives up.
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

#[cfg(test)]
mod tests {
    use abi::Request;
    use abi::calls::CapabilityDelete;
    use abi::register::Slot;
    use runtime::capability::Domain;
    use runtime::host::{DONE, with_kernel};

    use super::*;

    #[test]
    fn is_given_up_once() {
        let slot = Slot(9);
        let owned = || Owned::<Domain>::new(Cap::from_slot(slot));
        let ((), calls) = with_kernel(|_| DONE, || drop(owned()));
        assert_eq!(
            calls,
            [Request::CapabilityDelete(CapabilityDelete { slot })]
        );
    }
}
