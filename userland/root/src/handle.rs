//! An owned capability in root's table: dropping the handle deletes the capability and frees its slot, whether or not the object
//! still exists. Other capabilities to the object stay.

use core::mem;
use core::ops::Deref;

use runtime::Cap;
use runtime::capability::Kind;

/// An owned capability.
#[derive(Debug)]
pub struct Handle<T: Kind>(Cap<T>);

impl<T: Kind> Handle<T> {
    /// Takes ownership of a capability.
    pub fn new(capability: Cap<T>) -> Handle<T> {
        Handle(capability)
    }

    /// Destroys the object, unless it is destroyed already.
    pub fn destroy(self) {
        let capability = self.0;
        match capability.destroy() {
            // That has freed the slot.
            Ok(()) => mem::forget(self),
            Err(_) => drop(self),
        }
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
