//! The machine-independent form of an outside object: [`Binding`].

use super::done;
use crate::name::Name;
use crate::words::{Malformed, Reader, Words};

/// An outside object in machine-independent form: its name, and the state that its service needs to serve the same client
/// on another machine. Only the two roots read `state`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Binding {
    /// `log`, `port`, `doorbell`, `clock`, `faults`, or a service.
    pub name: Name,
    /// For a port, its Ethernet address and its IPv4 address; otherwise zeros.
    pub state: [u64; 2],
}

impl Binding {
    /// The answer's words.
    pub fn pack(&self) -> Words {
        self.push(done())
    }

    pub(super) fn push(&self, words: Words) -> Words {
        words.with_all(self.name.to_words()).with_all(self.state)
    }

    /// Reads a binding.
    ///
    /// # Errors
    /// [`Malformed`], with the reason.
    pub fn read(reader: &mut Reader) -> Result<Binding, Malformed> {
        Ok(Binding {
            name: Name::read(reader)?,
            state: reader.array()?,
        })
    }
}
