//! How root answers: values, or a [`Refusal`].

use crate::words::{Reader, Words};

numbered! {
    /// Why root did not do what it was asked.
    Refusal {
        /// The message is not one of this protocol.
        Malformed = 1: "the request is malformed";
        /// No domain here has this name.
        NoSuchDomain = 2: "no domain of this name is here";
        /// A domain of this name or id is here.
        AlreadyHere = 3: "a domain of this name or id is here already";
        /// Too few pages are free.
        NoMemory = 4: "too little memory is free";
        /// The domain holds no such object, or no object here has this name.
        NoSuchObject = 5: "no such object";
        /// The domain is in a state that does not allow this.
        WrongState = 6: "the domain's state does not allow this";
        /// The manifest does not say that it may move.
        NotMovable = 7: "the domain may not move";
        /// A capability that the request needs was not sent, or is not what it must be.
        Capability = 8: "a capability is missing or of another kind";
        /// The kernel refused; root's log says what.
        Kernel = 9: "the kernel refused";
        /// The domain's Ethernet or IPv4 address is another domain's here.
        AddressTaken = 10: "its address is another domain's here";
        /// The domain cannot be started; root's log says why.
        NotStarted = 11: "it cannot be started, as the log explains";
    }
}

/// The words of an answer without values.
pub fn done() -> Words {
    Words::new(0)
}

/// The words of an answer that refuses.
pub fn refused(refusal: Refusal) -> Words {
    Words::new(refusal as u64)
}

/// What an answer says: its values, or why not.
///
/// # Errors
/// The refusal; one that this side does not know reads as [`Refusal::Malformed`].
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
