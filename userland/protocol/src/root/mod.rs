//! The `root` endpoint: the machine's domains, for those who list and move them.
//!
//! ```text
//! call:  word 0: the operation     words 1..: its values (see Request)     capabilities: see Keep
//! reply: word 0: 0, or a Refusal   words 1..: the answer's values          capabilities: see the operation
//! ```
//!
//! A move in these verbs, which say what becomes of a domain; of services only root and the switch take part in them, others are
//! found again by name, and only if they keep nothing of a client. On the source: [`Request::Export`] once the
//! domain is frozen, then [`Request::Revert`] if it stays or [`Request::Release`] when it is gone. On the target:
//! [`Request::Admit`], [`Request::Bind`] for each outside object, [`Request::Keep`] when it is complete, then
//! [`Request::Adopt`] when it is to run or [`Request::Discard`] if it does not come. From `Keep` on root holds all that
//! the domain consists of: whoever moves it may end and ask root again.
//!
//! ```text
//! source: running --Export--> exported --Release--> (not here)
//!              \<---Revert------/
//!               \<--if it runs after the deadline of its freeze
//!
//! target: (not here) --Admit--> incoming --Keep--> prepared --Adopt--> running
//!                  \<---Discard---/<----Discard------/
//! ```
//!
//! | file | noun |
//! | --- | --- |
//! | `mod.rs` | [`DomainId`] |
//! | [`request`] | what root is asked |
//! | [`answer`](mod@answer) | how it answers, and why not |
//! | [`record`] | what it says of domains and memory |
//! | [`binding`] | an outside object as every machine has it |

/// An enumeration that travels as a number and is shown as text.
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

            /// It in a few words.
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
