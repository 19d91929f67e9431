//! Root's replies: a value, or a [`Refusal`].

use serde::{Deserialize, Serialize};

use crate::encoding::{Words, decode, encode};

/// The reason root rejected a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    /// The message is not one of this protocol.
    #[error("the request is malformed")]
    Malformed,
    /// No domain on this machine has this name.
    #[error("no domain of this name is on this machine: `list` shows the domains here")]
    NoSuchDomain,
    /// A domain of this name or id is already on this machine.
    #[error("a domain of this name or id is already on this machine")]
    AlreadyHere,
    /// Too few pages are free.
    #[error("too little memory is free")]
    NoMemory,
    /// The domain holds no such object, or no object on this machine has this name.
    #[error("no such object")]
    NoSuchObject,
    /// The domain is in a state that does not allow this.
    #[error("the domain's state does not allow this")]
    WrongState,
    /// The manifest does not allow the domain to move.
    #[error("the domain may not move")]
    NotMovable,
    /// A required capability was not sent, or has the wrong kind.
    #[error("a capability is missing or has the wrong kind")]
    Capability,
    /// A system call by root failed; root's log has the error.
    #[error("the kernel refused a call, see the log of root")]
    Kernel,
    /// Another domain on this machine has its Ethernet or IPv4 address.
    #[error("another domain on this machine has its address")]
    AddressTaken,
    /// The domain came from another machine, and is at home there.
    #[error("it is at home on another machine")]
    NotHome,
    /// The domain is part of the machine: its switch, a driver, its console or its migration server.
    #[error("it is part of the machine")]
    PartOfMachine,
    /// The domain is in the machine's boot archive.
    #[error("it is in the machine's boot archive, and stays")]
    OfArchive,
    /// Root remembers another guest that may have the domain.
    #[error("another guest may have a copy of it")]
    OnAnotherGuest,
    /// Another domain on the machine calls a service of this one.
    #[error("another domain on this machine needs it")]
    InUse,
    /// Root already keeps as many packages as it can.
    #[error("too many domains on this machine came in packages: `rm` some")]
    TooMany,
    /// The package is larger than root can keep.
    #[error("the package is too large")]
    TooLarge,
    /// The domain cannot be started; root's log has the reason.
    #[error("it cannot be started, see the log of root")]
    NotStarted,
    /// The endpoint `domains` accepts only requests that change nothing.
    #[error("only the migration server may request this")]
    NotPermitted,
}

/// A reply without a value.
pub fn done() -> Words {
    granted(&())
}

/// A reply with a value.
pub fn granted<T: Serialize>(value: &T) -> Words {
    encode(&Ok::<&T, Refusal>(value))
}

/// The reply to a refused request.
pub fn refused(refusal: Refusal) -> Words {
    encode(&Err::<(), Refusal>(refusal))
}

/// Decodes a reply with a value of this type.
///
/// # Errors
/// The refusal; [`Refusal::Malformed`] if the words are not such a reply.
pub fn decode_reply<T: for<'a> Deserialize<'a>>(words: &[u64]) -> Result<T, Refusal> {
    decode(words).unwrap_or(Err(Refusal::Malformed))
}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::string::ToString;

    use super::*;

    #[test]
    fn the_refusal_of_an_unknown_domain_names_the_command_that_lists_domains() {
        let text = Refusal::NoSuchDomain.to_string();
        assert!(text.ends_with("`list` shows the domains here"), "{text}");
    }

    #[test]
    fn a_reply_is_a_value_or_a_refusal() {
        assert_eq!(decode_reply(done().as_slice()), Ok(()));
        assert_eq!(decode_reply(granted(&7_u64).as_slice()), Ok(7_u64));
        let words = refused(Refusal::NoMemory);
        assert_eq!(
            decode_reply::<u64>(words.as_slice()),
            Err(Refusal::NoMemory)
        );
        for words in [&[][..], &[1234], &[1, 1]] {
            assert_eq!(decode_reply::<()>(words), Err(Refusal::Malformed));
        }
    }
}
