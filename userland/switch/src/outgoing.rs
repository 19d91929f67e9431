//! A frame to be sent to one or several ports: [`Outgoing`].

use runtime::port::{HeldFrame, Ring, SendError};

/// A frame to be sent.
#[derive(Clone, Copy, Debug)]
pub enum Outgoing<'a> {
    /// A frame in the switch's own memory.
    Own(&'a [u8]),
    /// A frame in the ring of the port from which it came. So far only its head was copied; the whole frame is copied for each target.
    Held(&'a HeldFrame<'a>),
}

impl Outgoing<'_> {
    /// The length in bytes.
    pub fn length(&self) -> usize {
        match self {
            Outgoing::Own(frame) => frame.len(),
            Outgoing::Held(frame) => frame.length(),
        }
    }

    /// Copies the frame into a buffer of its length.
    pub fn copy_to(&self, into: &mut [u8]) {
        match self {
            Outgoing::Own(frame) => into.copy_from_slice(frame),
            Outgoing::Held(frame) => frame.copy_to(into),
        }
    }

    /// Puts the frame into a ring.
    ///
    /// # Errors
    /// A [`SendError`]; then nothing is queued.
    pub fn put_into(&self, ring: &Ring<'_>) -> Result<(), SendError> {
        match self {
            Outgoing::Own(frame) => ring.send(frame),
            Outgoing::Held(frame) => ring.forward(frame),
        }
    }
}
