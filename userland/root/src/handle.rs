//! A capability that is root's own: its slot is free again when the handle is dropped, whether or not the object still
//! exists. What others hold of the object stays.

use core::ops::Deref;

use runtime::Cap;
use runtime::capability::Kind;

/// Root's own capability.
#[derive(Debug)]
pub struct Handle<T: Kind>(Cap<T>);

impl<T: Kind> Handle<T> {
    /// Takes care of a capability.
    pub fn new(capability: Cap<T>) -> Handle<T> {
        Handle(capability)
    }
}

impl<T: Kind> Deref for Handle<T> {
    type Target = Cap<T>;

    fn deref(&self) -> &Cap<T> {
        &self.0
    }
}

impl<T: Kind> Drop for Handle<T> {
    fn drop(&mut self) {
        self.0.forget();
    }
}
