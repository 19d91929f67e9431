//! Root's answers: values, or a [`Refusal`].

use crate::words::{Reader, Words};

numbered! {
    /// The reason root rejected a request.
    Refusal {
        /// The message is not one of this protocol.
        Malformed = 1: "the request is malformed";
        /// No domain on this machine has this name.
        NoSuchDomain = 2: "no domain of this name is on this machine";
        /// A domain of this name or id is already on this machine.
        AlreadyHere = 3: "a domain of this name or id is already on this machine";
        /// Too few pages are free.
        NoMemory = 4: "too little memory is free";
        /// The domain holds no such object, or no object on this machine has this name.
        NoSuchObject = 5: "no such object";
        /// The domain is in a state that does not allow this.
        WrongState = 6: "the domain's state does not allow this";
        /// The manifest does not allow the domain to move.
        NotMovable = 7: "the domain may not move";
        /// A required capability was not sent, or is of the wrong kind.
        Capability = 8: "a capability is missing or of the wrong kind";
        /// A system call of root's failed; root's log has the error.
        Kernel = 9: "the kernel refused a call, see the log of root";
        /// Another domain on this machine has its Ethernet or IPv4 address.
        AddressTaken = 10: "another domain on this machine has its address";
        /// The domain cannot be started; root's log has the reason.
        NotStarted = 11: "it cannot be started, see the log of root";
    }
}

/// The words of an answer without values.
pub fn done() -> Words {
    Words::new(0)
}

/// The words of a refusal.
pub fn refused(refusal: Refusal) -> Words {
    Words::new(refusal as u64)
}

/// Reads an answer's status; the reader then has its values.
///
/// # Errors
/// The refusal; an unknown one reads as [`Refusal::Malformed`].
pub fn answer(words: &[u64]) -> Result<Reader<'_>, Refusal> {
    let mut reader = Reader::new(words);
    match reader.word() {
        Ok(0) => Ok(reader),
        Ok(status) => Err(Refusal::from_word(status).unwrap_or(Refusal::Malformed)),
        Err(_) => Err(Refusal::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_values_or_a_refusal() {
        assert!(answer(done().as_slice()).is_ok());
        let words = refused(Refusal::NoMemory);
        assert_eq!(answer(words.as_slice()).err(), Some(Refusal::NoMemory));
        assert_eq!(answer(&[1234]).err(), Some(Refusal::Malformed));
        assert_eq!(answer(&[]).err(), Some(Refusal::Malformed));
    }
}
