//! The `root` endpoint: the machine's domains, for those who list and move them.
//!
//! ```text
//! call:  word 0: the operation     words 1..: its values (see Request)     capabilities: see Keep
//! reply: word 0: 0, or a Refusal   words 1..: the answer's values          capabilities: see the operation
//! ```
//!
//! A move in these verbs, which are those of every portable service. On the source: [`Request::Export`] once the
//! domain is frozen, then [`Request::Revert`] if it stays or [`Request::Release`] when it is gone. On the target:
//! [`Request::Admit`], [`Request::Bind`] for each outside object, [`Request::Keep`] when it is complete, then
//! [`Request::Adopt`] when it is to run or [`Request::Discard`] if it does not come. From `Keep` on root holds all that
//! the domain consists of: whoever moves it may end and ask root again.
//!
//! ```text
//! source: running --Export--> exported --Release--> (not here)
//!              \<---Revert------/
//!
//! target: (not here) --Admit--> incoming --Keep--> prepared --Adopt--> running
//!                  \<---Discard---/<----Discard------/
//! ```

use abi::register::{ObjectId, PageCount};

use super::name::Name;
use super::words::{Malformed, Reader, Words};

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

/// What root is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// The domain at this place of the list. Answer: a [`DomainRecord`], or [`Refusal::NoSuchDomain`] at the end.
    List {
        /// From 0 on, without gaps.
        index: u64,
    },
    /// A line of what was said on this machine. Answer: a [`journal::Line`](super::journal::Line), or
    /// [`Refusal::NoSuchObject`] if no line has this number yet.
    Log {
        /// The line's number.
        from: u64,
    },
    /// The domain of this name. Answer: a [`DomainRecord`] and, if the domain is here whole and may be moved, one
    /// capability: the Domain with every right but DESTROY and UNRETIRE.
    Find {
        /// The domain.
        name: Name,
    },
    /// What a domain holds this outside object as, or that this notification of its own is its `wake`. Answer: a
    /// [`Binding`], to be given to the target's root.
    NameOf {
        /// The domain.
        name: Name,
        /// What `DomainDescribe` showed.
        object: ObjectId,
        /// The badge shown there: several services share an endpoint.
        badge: u64,
    },
    /// Quiesces what root and the switch serve the domain with: its port's ring changes no more. Answered when
    /// that is so.
    Export {
        /// A running domain.
        name: Name,
    },
    /// Undoes `Export`.
    Revert {
        /// An exported domain.
        name: Name,
    },
    /// The domain has moved away: destroys its pool and detaches its port.
    Release {
        /// An exported domain.
        name: Name,
    },
    /// Undoes the retirement of a domain that was to move away; it is frozen again. Only where an operator forces it.
    Unretire {
        /// An exported domain.
        name: Name,
    },
    /// Reserves memory for a domain that comes from another machine. Answer: one capability, a Pool with every right.
    Admit {
        /// Its name.
        name: Name,
        /// Its id.
        id: DomainId,
        /// The pages of its pool.
        pages: PageCount,
        /// Whether it may move on.
        movable: bool,
    },
    /// This machine's capability for a name. Answer: one capability, with the rights that the domain shall have,
    /// except that `clock` can also be written.
    Bind {
        /// An incoming domain.
        name: Name,
        /// What the source's root said.
        binding: Binding,
    },
    /// The incoming domain is complete, its clock set, and frozen: root keeps it, in place of one that was complete
    /// before. Sends the capabilities [`KEEP_POOL`], [`KEEP_DOMAIN`] and [`KEEP_WAKE`].
    Keep {
        /// An incoming or prepared domain.
        name: Name,
    },
    /// The prepared domain runs from now on: root supervises and thaws it, the switch announces its port. To be asked
    /// for it again does nothing.
    Adopt {
        /// A prepared domain.
        name: Name,
        /// Its id.
        id: DomainId,
        /// How often it was activated, this time included.
        incarnation: u64,
    },
    /// The domain does not come: destroys its pool and all that was bound for it.
    Discard {
        /// An incoming or prepared domain.
        name: Name,
        /// Its id.
        id: DomainId,
    },
    /// Starts a domain that is at home here and may move: no other machine has it. Answered when it was tried.
    Start {
        /// A waiting domain, or one that was waiting and could not come from another machine.
        name: Name,
    },
    /// The machine's memory. Answer: a [`MemoryRecord`].
    Memory,
}

/// Which capability of `Keep` is the domain's Pool.
pub const KEEP_POOL: usize = 0;
/// Which capability of `Keep` is the Domain.
pub const KEEP_DOMAIN: usize = 1;
/// Which capability of `Keep` is the domain's `wake` Notification.
pub const KEEP_WAKE: usize = 2;
/// How many capabilities `Keep` sends.
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
    pub const LOG: u64 = 15;
}

impl Request {
    /// The call's words.
    pub fn pack(&self) -> Words {
        use operation::*;
        match *self {
            Request::List { index } => Words::new(LIST).with(index),
            Request::Log { from } => Words::new(LOG).with(from),
            Request::Find { name } => named(FIND, name),
            Request::NameOf {
                name,
                object,
                badge,
            } => named(NAME_OF, name).with(object.0).with(badge),
            Request::Export { name } => named(EXPORT, name),
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
            Request::Keep { name } => named(KEEP, name),
            Request::Adopt {
                name,
                id,
                incarnation,
            } => named(ADOPT, name).with_all(id.to_words()).with(incarnation),
            Request::Discard { name, id } => named(DISCARD, name).with_all(id.to_words()),
            Request::Unretire { name } => named(UNRETIRE, name),
            Request::Start { name } => named(START, name),
            Request::Memory => Words::new(MEMORY),
        }
    }

    /// Reads a call's words.
    ///
    /// # Errors
    /// [`Malformed`] says what is wrong with them.
    pub fn unpack(words: &[u64]) -> Result<Request, Malformed> {
        use operation::*;
        let mut reader = Reader::new(words);
        let operation = reader.word()?;
        match operation {
            LIST => {
                let index = reader.word()?;
                return Ok(Request::List { index });
            }
            LOG => {
                let from = reader.word()?;
                return Ok(Request::Log { from });
            }
            MEMORY => return Ok(Request::Memory),
            FIND..=START => {}
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
            EXPORT => Request::Export { name },
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
            DISCARD => Request::Discard {
                name,
                id: DomainId::from_words(reader.array()?),
            },
            KEEP => Request::Keep { name },
            UNRETIRE => Request::Unretire { name },
            _ => Request::Start { name },
        })
    }
}

fn named(operation: u64, name: Name) -> Words {
    Words::new(operation).with_all(name.to_words())
}

macro_rules! numbered {
    ($($(#[$outer:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $number:literal: $text:literal;)* })*) => {$(
        $(#[$outer])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    }

    /// What a domain is doing here.
    DomainState {
        /// It runs, as far as root knows.
        Running = 1: "running";
        /// It came to an end or could not be started.
        Stopped = 2: "stopped";
        /// It is on its way here.
        Incoming = 3: "incoming";
        /// It is on its way to another machine.
        Exported = 4: "exported";
        /// It is here whole, frozen: whether it is to run here is not decided.
        Prepared = 5: "prepared";
        /// It is not here yet: it is started when no other machine has it.
        Waiting = 6: "waiting";
    }
}

/// What root says of a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DomainRecord {
    /// Its name.
    pub name: Name,
    /// Its id.
    pub id: DomainId,
    /// How often it was activated.
    pub incarnation: u64,
    /// What it is doing.
    pub state: DomainState,
    /// Whether it may move.
    pub movable: bool,
    /// The pages of its pool.
    pub pages: PageCount,
    /// How many of them are spent.
    pub spent: PageCount,
}

impl DomainRecord {
    /// The answer's words.
    pub fn pack(&self) -> Words {
        done()
            .with_all(self.name.to_words())
            .with_all(self.id.to_words())
            .with_all([self.incarnation, self.state as u64, self.movable.into()])
            .with_all([self.pages.0, self.spent.0])
    }

    /// Reads the answer after [`answer`] has read its status.
    ///
    /// # Errors
    /// [`Malformed`] says what is wrong with it.
    pub fn read(reader: &mut Reader) -> Result<DomainRecord, Malformed> {
        let name = Name::read(reader)?;
        let id = DomainId::from_words(reader.array()?);
        let incarnation = reader.word()?;
        let state = reader.word()?;
        Ok(DomainRecord {
            name,
            id,
            incarnation,
            state: DomainState::from_word(state).ok_or(Malformed::Value(state))?,
            movable: reader.flag()?,
            pages: PageCount(reader.word()?),
            spent: PageCount(reader.word()?),
        })
    }
}

/// What root says of the machine's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryRecord {
    /// The pages of root's pool, which all other pools are split from.
    pub pages: PageCount,
    /// How many of them are spent, those of other pools included.
    pub spent: PageCount,
}

impl MemoryRecord {
    /// The answer's words.
    pub fn pack(&self) -> Words {
        done().with_all([self.pages.0, self.spent.0])
    }

    /// Reads the answer after [`answer`] has read its status.
    ///
    /// # Errors
    /// [`Malformed`] says what is wrong with it.
    pub fn read(reader: &mut Reader) -> Result<MemoryRecord, Malformed> {
        Ok(MemoryRecord {
            pages: PageCount(reader.word()?),
            spent: PageCount(reader.word()?),
        })
    }
}

impl core::fmt::Display for MemoryRecord {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(
            formatter,
            "memory {} of {} pages",
            self.spent.0, self.pages.0
        )
    }
}

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

    fn push(&self, words: Words) -> Words {
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
    extern crate std;
    use super::*;
    use std::vec::Vec;

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
            Request::Log { from: 4 },
            Request::Find { name },
            Request::NameOf {
                name,
                object: ObjectId(77),
                badge: 5,
            },
            Request::Export { name },
            Request::Revert { name },
            Request::Release { name },
            Request::Admit {
                name,
                id,
                pages: PageCount(20_000),
                movable: true,
            },
            Request::Bind { name, binding },
            Request::Keep { name },
            Request::Adopt {
                name,
                id,
                incarnation: 2,
            },
            Request::Discard { name, id },
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
    fn a_request_cut_short_is_refused() {
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
    fn an_unknown_operation_is_named() {
        assert_eq!(Request::unpack(&[99]), Err(Malformed::Operation(99)));
        assert_eq!(Request::unpack(&[0]), Err(Malformed::Operation(0)));
    }

    #[test]
    fn a_record_survives_a_message() {
        let record = DomainRecord {
            name: name("kv"),
            id: DomainId([7; 16]),
            incarnation: 3,
            state: DomainState::Exported,
            movable: true,
            pages: PageCount(100),
            spent: PageCount(99),
        };
        let words = record.pack();
        let read = DomainRecord::read(&mut answer(words.as_slice()).unwrap());
        assert_eq!(read, Ok(record));
    }

    #[test]
    fn the_machines_memory_survives_a_message_and_is_a_line() {
        let record = MemoryRecord {
            pages: PageCount(130_000),
            spent: PageCount(42),
        };
        let words = record.pack();
        let read = MemoryRecord::read(&mut answer(words.as_slice()).unwrap());
        assert_eq!(read, Ok(record));
        assert_eq!(std::format!("{record}"), "memory 42 of 130000 pages");
    }

    #[test]
    fn an_answer_is_values_or_a_refusal() {
        assert!(answer(done().as_slice()).is_ok());
        let words = refused(Refusal::NoMemory);
        assert_eq!(answer(words.as_slice()).err(), Some(Refusal::NoMemory));
        assert_eq!(answer(&[1234]).err(), Some(Refusal::Malformed));
        assert_eq!(answer(&[]).err(), Some(Refusal::Malformed));
    }
}
