//! An outside object as every machine has it: [`Binding`].

use super::done;
use crate::name::Name;
use crate::words::{Malformed, Reader, Words};

/// An outside object as every machine has it: its name, and what its service must know to serve the same client
/// elsewhere. Only the two roots look into `state`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Binding {
    /// `log`, `port`, `doorbell`, `clock`, `faults`, or a service.
    pub name: Name,
    /// Of a port: its Ethernet address and its IPv4 address. Of others zeros.
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
    /// [`Malformed`] says what is wrong with it.
    pub fn read(reader: &mut Reader) -> Result<Binding, Malformed> {
        Ok(Binding {
            name: Name::read(reader)?,
            state: reader.array()?,
        })
    }
}
