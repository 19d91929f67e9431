//! The `root` endpoint: listing and moving the machine's domains.
//!
//! ```text
//! call:  word 0: the operation     words 1..: its values (see Request)     capabilities: see Keep
//! reply: word 0: 0, or a Refusal   words 1..: the answer's values          capabilities: see the operation
//! ```
//!
//! A move consists of these requests. Of the services only root and the switch export a client's state; other services are
//! looked up by name on the target, and only if they are stateless. On the source: [`Request::Export`] once the
//! domain is frozen, then [`Request::Revert`] if it stays or [`Request::Release`] when it has left. On the target:
//! [`Request::Admit`], [`Request::Bind`] for each outside object, [`Request::Keep`] when it is complete, then
//! [`Request::Adopt`] to run it or [`Request::Discard`] if the move is cancelled. From `Keep` on root holds every part of
//! the domain: the migration server may restart and ask root again.
//!
//! ```text
//! source: running --Export--> exported --Release--> (absent)
//!              \<---Revert------/
//!               \<--if it runs after the deadline of its freeze
//!
//! target: (absent) --Admit--> incoming --Keep--> prepared --Adopt--> running
//!                 \<--Discard---/<----Discard------/
//! ```
//!
//! | file | noun |
//! | --- | --- |
//! | `mod.rs` | [`DomainId`] |
//! | [`request`] | the requests to root |
//! | [`answer`](mod@answer) | its answers and refusals |
//! | [`record`] | its records of domains and memory |
//! | [`binding`] | an outside object in machine-independent form |

/// An enumeration that is encoded as a number and displayed as text.
macro_rules! numbered {
    ($($(#[$outer:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $number:literal: $text:literal;)* })*) => {$(
        $(#[$outer])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u64)]
        pub enum $name {
            $($(#[$doc])* $variant = $number,)*
        }

        impl $name {
            fn from_word(word: u64) -> Option<$name> {
                match word {
                    $($number => Some($name::$variant),)*
                    _ => None,
                }
            }

            /// A short description.
            pub fn text(self) -> &'static str {
                match self {
                    $($name::$variant => $text,)*
                }
            }
        }
    )*};
}

pub mod answer;
pub mod binding;
pub mod record;
pub mod request;

pub use answer::{Refusal, answer, done, refused};
pub use binding::Binding;
pub use record::{DomainRecord, DomainState, MemoryRecord};
pub use request::{KEEP_CAPABILITIES, KEEP_DOMAIN, KEEP_POOL, KEEP_WAKE, Request};

/// 128 random bits, drawn when a domain is created and never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DomainId(pub [u8; 16]);

impl DomainId {
    /// The words.
    pub fn to_words(self) -> [u64; 2] {
        let id = u128::from_le_bytes(self.0);
        [id as u64, (id >> 64) as u64]
    }

    /// The id in these words.
    pub fn from_words([low, high]: [u64; 2]) -> DomainId {
        DomainId((u128::from(high) << 64 | u128::from(low)).to_le_bytes())
    }
}
