//! A kernel object that lives in a frame: [`Ref`].

use core::fmt;
use core::ops::Deref;
use core::ptr::NonNull;

use super::{FRAME_BYTES, Occupied, OwnedFrame};

/// A shared reference to a kernel object. Objects change through cells, under the kernel lock.
///
/// References can be copied, and compare by identity. The destruction of an object removes every stored copy before the
/// frame gets another use (see the module's invariant). Copies on the stack of the call in progress are not used after that.
pub struct Ref<T>(NonNull<T>);

impl<T> Ref<T> {
    /// Puts a value at the start of a frame. `make` gets the reference before the value exists, so it may store or pack but not
    /// dereference it. `make` also gets the frame, which is taken back when the value is destroyed.
    pub fn place(frame: OwnedFrame, make: impl FnOnce(Ref<T>, Occupied) -> T) -> Ref<T> {
        const { assert!(size_of::<T>() <= FRAME_BYTES as usize) };
        const { assert!(align_of::<T>() <= FRAME_BYTES as usize) };
        let pointer = frame.view().pointer().cast::<T>();
        let reference = Ref(NonNull::new(pointer).expect("the direct map does not begin at zero"));
        let value = make(reference, Occupied::new(frame));
        // SAFETY: the frame is in the direct map, is large and aligned enough by the assertions above, and was owned by the
        // caller, so nothing else refers into it.
        unsafe { pointer.write(value) };
        reference
    }

    /// Fills a frame with as many values as fit; `make` is as for [`Ref::place`]. Returns the frame, which is taken back
    /// when all of them have been destroyed.
    pub fn place_many(frame: OwnedFrame, mut make: impl FnMut(Ref<T>) -> T) -> Occupied {
        const { assert!(align_of::<T>() <= FRAME_BYTES as usize) };
        let first = frame.view().pointer().cast::<T>();
        for index in 0..FRAME_BYTES as usize / size_of::<T>() {
            // SAFETY: the frame has room for this many values, as just calculated.
            let pointer = unsafe { first.add(index) };
            let reference =
                Ref(NonNull::new(pointer).expect("the direct map does not begin at zero"));
            let value = make(reference);
            // SAFETY: as above; the frame is in the direct map and was owned by the caller.
            unsafe { pointer.write(value) };
        }
        Occupied::new(frame)
    }

    /// A plain reference, which the arch code uses from leaving the kernel to the next entry.
    pub fn as_static(self) -> &'static T {
        // SAFETY: as in `deref`; the arch code holds it only while the object is the running thread's.
        unsafe { self.0.as_ref() }
    }

    /// The object's address: its identity.
    pub fn address(self) -> u64 {
        self.0.as_ptr() as u64
    }

    /// The reference that [`Ref::address`] converted to this address.
    ///
    /// # Safety
    /// The object must still be alive, and of this type.
    pub unsafe fn from_address(address: u64) -> Option<Ref<T>> {
        NonNull::new(address as *mut T).map(Ref)
    }
}

impl<T> Deref for Ref<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: `place` put a value there, and the module's invariant keeps it until no `Ref` is left.
        unsafe { self.0.as_ref() }
    }
}

impl<T> Clone for Ref<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Ref<T> {}

impl<T> PartialEq for Ref<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<T> Eq for Ref<T> {}

impl<T> fmt::Debug for Ref<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Ref({:p})", self.0)
    }
}
