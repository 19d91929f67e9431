//! The requests to root: [`Request`].

use abi::register::{ObjectId, PageCount};

use super::{Binding, DomainId};
use crate::name::Name;
use crate::words::{Malformed, Reader, Words};

/// A request to root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// The domain at this index of the list. Answer: a [`DomainRecord`], or [`Refusal::NoSuchDomain`] at the end.
    List {
        /// From 0, without gaps.
        index: u64,
    },
    /// The domain of this name. Answer: a [`DomainRecord`] and, if the domain is complete, not arriving, and movable by
    /// its manifest, one capability: the Domain with every right but DESTROY and UNRETIRE.
    Find {
        /// The domain.
        name: Name,
    },
    /// The name under which a domain holds this outside object, `wake` for its own notification. Answer: a
    /// [`Binding`] for the target's root.
    NameOf {
        /// The domain.
        name: Name,
        /// The object, from `DomainDescribe`.
        object: ObjectId,
        /// The badge, from there too: several services share an endpoint.
        badge: u64,
    },
    /// Quiesces the services of root and of the switch for the domain: its port's ring no longer changes. Answered once
    /// that is done.
    Export {
        /// A running domain.
        name: Name,
        /// The time in nanoseconds until its freeze ends. If it runs some time after that, root undoes the `Export` by itself.
        frozen_ns: u64,
    },
    /// Undoes `Export`. Repeating it has no effect.
    Revert {
        /// An exported domain.
        name: Name,
    },
    /// The domain has moved away: destroys its pool and detaches its port.
    Release {
        /// An exported domain.
        name: Name,
    },
    /// Undoes the retirement of a domain that was about to leave, and lets it run. Only at an operator's request. Repeating it
    /// has no effect.
    Unretire {
        /// An exported domain.
        name: Name,
    },
    /// Reserves memory for a domain that arrives from another machine. Answer: one capability, a Pool with every right.
    Admit {
        /// Its name.
        name: Name,
        /// Its id.
        id: DomainId,
        /// The pages of its pool.
        pages: PageCount,
        /// Whether it may move again.
        movable: bool,
    },
    /// This machine's capability for a name. Answer: one capability with the rights that the domain receives,
    /// except that `clock` is also writable.
    Bind {
        /// An incoming domain.
        name: Name,
        /// The answer of the source's root.
        binding: Binding,
    },
    /// The incoming domain is complete, its clock set, and frozen: root keeps it, and replaces an earlier complete
    /// one. Transfers the capabilities [`KEEP_POOL`], [`KEEP_DOMAIN`] and [`KEEP_WAKE`].
    Keep {
        /// An incoming or prepared domain.
        name: Name,
        /// The token of its freeze, with which root thaws it.
        token: u64,
        /// The one machine that starts it; `None` if every machine does.
        home: Option<Name>,
    },
    /// Runs the prepared domain: root supervises and thaws it, the switch announces its port. Repeating it has no
    /// effect.
    Adopt {
        /// A prepared domain.
        name: Name,
        /// Its id.
        id: DomainId,
        /// The number of times it was activated, this time included.
        incarnation: u64,
    },
    /// A younger copy of the domain runs on another machine: stops this one for good. Repeating it has no effect.
    Outlive {
        /// A running domain.
        name: Name,
        /// Its id.
        id: DomainId,
        /// The incarnation of the other copy, higher than that of this one.
        incarnation: u64,
    },
    /// The domain will not arrive: destroys its pool and its bindings.
    Discard {
        /// An incoming or prepared domain.
        name: Name,
        /// Its id.
        id: DomainId,
    },
    /// Destroys an outlived copy. It may be the last one, so only an operator's request leads to this.
    DropOutlived {
        /// An outlived domain.
        name: Name,
        /// Its id.
        id: DomainId,
    },
    /// Starts a movable domain that is at home here and that no other machine has. Answered after the attempt.
    Start {
        /// A waiting or away domain.
        name: Name,
    },
    /// The machine's memory. Answer: a [`MemoryRecord`].
    Memory,
}

/// The index of the domain's Pool among the capabilities of `Keep`.
pub const KEEP_POOL: usize = 0;
/// The index of the Domain.
pub const KEEP_DOMAIN: usize = 1;
/// The index of the domain's `wake` Notification.
pub const KEEP_WAKE: usize = 2;
/// The number of capabilities that `Keep` transfers.
pub const KEEP_CAPABILITIES: usize = 3;

/// The operations' numbers, in word 0.
mod operation {
    pub const LIST: u64 = 1;
    pub const FIND: u64 = 2;
    pub const NAME_OF: u64 = 3;
    pub const EXPORT: u64 = 4;
    pub const REVERT: u64 = 5;
    pub const RELEASE: u64 = 6;
    pub const ADMIT: u64 = 7;
    pub const BIND: u64 = 8;
    pub const ADOPT: u64 = 9;
    pub const DISCARD: u64 = 10;
    pub const KEEP: u64 = 11;
    pub const UNRETIRE: u64 = 12;
    pub const START: u64 = 13;
    pub const MEMORY: u64 = 14;
    pub const OUTLIVE: u64 = 15;
    pub const DROP_OUTLIVED: u64 = 16;
}

impl Request {
    /// The call's words.
    pub fn pack(&self) -> Words {
        use operation::*;
        match *self {
            Request::List { index } => Words::new(LIST).with(index),
            Request::Find { name } => named(FIND, name),
            Request::NameOf {
                name,
                object,
                badge,
            } => named(NAME_OF, name).with(object.0).with(badge),
            Request::Export { name, frozen_ns } => named(EXPORT, name).with(frozen_ns),
            Request::Revert { name } => named(REVERT, name),
            Request::Release { name } => named(RELEASE, name),
            Request::Admit {
                name,
                id,
                pages,
                movable,
            } => named(ADMIT, name)
                .with_all(id.to_words())
                .with(pages.0)
                .with(movable.into()),
            Request::Bind { name, binding } => binding.push(named(BIND, name)),
            Request::Keep { name, token, home } => named(KEEP, name)
                .with(token)
                .with_all(Name::optional_to_words(home)),
            Request::Adopt {
                name,
                id,
                incarnation,
            } => named(ADOPT, name).with_all(id.to_words()).with(incarnation),
            Request::Outlive {
                name,
                id,
                incarnation,
            } => named(OUTLIVE, name)
                .with_all(id.to_words())
                .with(incarnation),
            Request::Discard { name, id } => named(DISCARD, name).with_all(id.to_words()),
            Request::DropOutlived { name, id } => {
                named(DROP_OUTLIVED, name).with_all(id.to_words())
            }
            Request::Unretire { name } => named(UNRETIRE, name),
            Request::Start { name } => named(START, name),
            Request::Memory => Words::new(MEMORY),
        }
    }

    /// Reads a call's words.
    ///
    /// # Errors
    /// [`Malformed`], with the reason.
    pub fn unpack(words: &[u64]) -> Result<Request, Malformed> {
        use operation::*;
        let mut reader = Reader::new(words);
        let operation = reader.word()?;
        match operation {
            LIST => {
                let index = reader.word()?;
                return Ok(Request::List { index });
            }
            MEMORY => return Ok(Request::Memory),
            FIND..=START | OUTLIVE | DROP_OUTLIVED => {}
            _ => return Err(Malformed::Operation(operation)),
        }
        let name = Name::read(&mut reader)?;
        Ok(match operation {
            FIND => Request::Find { name },
            NAME_OF => Request::NameOf {
                name,
                object: ObjectId(reader.word()?),
                badge: reader.word()?,
            },
            EXPORT => Request::Export {
                name,
                frozen_ns: reader.word()?,
            },
            REVERT => Request::Revert { name },
            RELEASE => Request::Release { name },
            ADMIT => Request::Admit {
                name,
                id: DomainId::from_words(reader.array()?),
                pages: PageCount(reader.word()?),
                movable: reader.flag()?,
            },
            BIND => Request::Bind {
                name,
                binding: Binding::read(&mut reader)?,
            },
            ADOPT => Request::Adopt {
                name,
                id: DomainId::from_words(reader.array()?),
                incarnation: reader.word()?,
            },
            OUTLIVE => Request::Outlive {
                name,
                id: DomainId::from_words(reader.array()?),
                incarnation: reader.word()?,
            },
            DISCARD => Request::Discard {
                name,
                id: DomainId::from_words(reader.array()?),
            },
            DROP_OUTLIVED => Request::DropOutlived {
                name,
                id: DomainId::from_words(reader.array()?),
            },
            KEEP => Request::Keep {
                name,
                token: reader.word()?,
                home: Name::read_optional(&mut reader)?,
            },
            UNRETIRE => Request::Unretire { name },
            _ => Request::Start { name },
        })
    }
}

fn named(operation: u64, name: Name) -> Words {
    Words::new(operation).with_all(name.to_words())
}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::vec::Vec;

    use super::*;

    fn name(text: &str) -> Name {
        Name::try_new(text).unwrap()
    }

    fn every_request() -> Vec<Request> {
        let binding = Binding {
            name: name("port"),
            state: [0x5254_0000_0014, 24 << 32 | 0x0a4d_0014],
        };
        let name = name("counter");
        let id = DomainId(*b"0123456789abcdef");
        std::vec![
            Request::List { index: 3 },
            Request::Find { name },
            Request::NameOf {
                name,
                object: ObjectId(77),
                badge: 5,
            },
            Request::Export { name, frozen_ns: 8 },
            Request::Revert { name },
            Request::Release { name },
            Request::Admit {
                name,
                id,
                pages: PageCount(20_000),
                movable: true,
            },
            Request::Bind { name, binding },
            Request::Keep {
                name,
                token: 3,
                home: Some(name),
            },
            Request::Adopt {
                name,
                id,
                incarnation: 2,
            },
            Request::Outlive {
                name,
                id,
                incarnation: 4,
            },
            Request::Discard { name, id },
            Request::DropOutlived { name, id },
            Request::Unretire { name },
            Request::Start { name },
            Request::Memory,
        ]
    }

    #[test]
    fn requests_survive_a_message() {
        for request in every_request() {
            assert_eq!(Request::unpack(request.pack().as_slice()), Ok(request));
        }
    }

    #[test]
    fn rejects_truncated_requests() {
        for request in every_request() {
            let words = request.pack();
            for count in 0..words.as_slice().len() {
                assert!(
                    Request::unpack(&words.as_slice()[..count]).is_err(),
                    "{request:?} {count}"
                );
            }
        }
    }

    #[test]
    fn an_error_contains_the_unknown_operation() {
        assert_eq!(Request::unpack(&[99]), Err(Malformed::Operation(99)));
        assert_eq!(Request::unpack(&[0]), Err(Malformed::Operation(0)));
    }
}
