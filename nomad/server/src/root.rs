//! The machine's root, as the server asks it: which domains there are, and what their outside objects are called.

use alloc::vec::Vec;

use abi::register::{ObjectId, PageCount};
use nomad_image::{Name, OutsideKey};
pub use nomad_shell::RootError;
use runtime::capability::{Any, Domain, Endpoint, Kind, Notification, Pool};
use runtime::protocol::root::{
    self, Binding, DomainId, DomainRecord, MemoryRecord, Refusal, Request,
};
use runtime::protocol::{Name as RootName, Words};
use runtime::{Cap, Message};

use crate::owned::Owned;

/// The `root` endpoint.
#[derive(Clone, Copy, Debug)]
pub struct Root {
    endpoint: Cap<Endpoint>,
}

impl Root {
    /// Root, by its endpoint.
    pub fn new(endpoint: Cap<Endpoint>) -> Root {
        Root { endpoint }
    }

    /// The domain at this place of root's list; `None` at its end.
    ///
    /// # Errors
    /// [`RootError`].
    pub fn at(self, index: u64) -> Result<Option<DomainRecord>, RootError> {
        match self.ask(&Request::List { index }.pack(), 0) {
            Err(RootError::Refused(Refusal::NoSuchDomain)) => Ok(None),
            answer => record(&answer?).map(Some),
        }
    }

    /// All of root's domains.
    ///
    /// # Errors
    /// [`RootError`].
    pub fn all(self) -> Result<Vec<DomainRecord>, RootError> {
        let mut records = Vec::new();
        while let Some(record) = self.at(records.len() as u64)? {
            records.push(record);
        }
        Ok(records)
    }

    /// The domain of this name, and the authority over it if it may move.
    ///
    /// # Errors
    /// [`RootError`].
    pub fn find(self, name: Name) -> Result<(DomainRecord, Option<Owned<Domain>>), RootError> {
        let name = to_root(name)?;
        let answer = self.ask(&Request::Find { name }.pack(), 1)?;
        let record = record(&answer);
        let domain = match answer.capabilities() {
            [] => None,
            _ => Some(Owned::new(capability(answer)?)),
        };
        Ok((record?, domain))
    }

    /// What a domain holds an object as; `None` if root knows no name for it.
    ///
    /// # Errors
    /// [`RootError`].
    pub fn name_of(self, name: Name, key: OutsideKey) -> Result<Option<Binding>, RootError> {
        let OutsideKey { object, badge } = key;
        let name = to_root(name)?;
        match self.ask(
            &Request::NameOf {
                name,
                object,
                badge,
            }
            .pack(),
            0,
        ) {
            Err(RootError::Refused(Refusal::NoSuchObject)) => Ok(None),
            answer => {
                let answer = answer?;
                let mut reader = values(&answer)?;
                Binding::read(&mut reader)
                    .map(Some)
                    .map_err(|_| RootError::Malformed)
            }
        }
    }

    /// Whether an object of the domain's own is the notification that wakes it.
    ///
    /// # Errors
    /// [`RootError`].
    pub fn is_wake(self, name: Name, object: ObjectId) -> Result<bool, RootError> {
        let binding = self.name_of(name, OutsideKey { object, badge: 0 })?;
        Ok(binding.is_some_and(|binding| binding.name.as_str() == "wake"))
    }

    /// Quiesces what serves the domain, whose freeze ends in this many nanoseconds.
    ///
    /// # Errors
    /// [`RootError`].
    pub fn export(self, name: Name, frozen_ns: u64) -> Result<(), RootError> {
        self.tell(Request::Export {
            name: to_root(name)?,
            frozen_ns,
        })
    }

    /// Undoes [`Root::export`].
    ///
    /// # Errors
    /// [`RootError`].
    pub fn revert(self, name: Name) -> Result<(), RootError> {
        self.tell(Request::Revert {
            name: to_root(name)?,
        })
    }

    /// The domain has moved away: its memory is given back.
    ///
    /// # Errors
    /// [`RootError`].
    pub fn release(self, name: Name) -> Result<(), RootError> {
        self.tell(Request::Release {
            name: to_root(name)?,
        })
    }

    /// Undoes the retirement of a domain that was to move away: it is frozen again.
    ///
    /// # Errors
    /// [`RootError`].
    pub fn unretire(self, name: Name) -> Result<(), RootError> {
        self.tell(Request::Unretire {
            name: to_root(name)?,
        })
    }

    /// Reserves memory for a domain that comes.
    ///
    /// # Errors
    /// [`RootError`].
    pub fn admit(self, name: Name, id: [u8; 16], pages: u64) -> Result<Cap<Pool>, RootError> {
        let request = Request::Admit {
            name: to_root(name)?,
            id: DomainId(id),
            pages: PageCount(pages),
            movable: true,
        };
        capability(self.ask(&request.pack(), 1)?)
    }

    /// This machine's object of a name, for a domain that comes.
    ///
    /// # Errors
    /// [`RootError`].
    pub fn bind(self, name: Name, binding: Binding) -> Result<Cap<Any>, RootError> {
        let request = Request::Bind {
            name: to_root(name)?,
            binding,
        };
        capability(self.ask(&request.pack(), 1)?)
    }

    /// The domain that comes is complete, and root keeps it from now on, in the freeze of this token.
    ///
    /// # Errors
    /// [`RootError`].
    pub fn keep(
        self,
        name: Name,
        pool: Cap<Pool>,
        domain: Cap<Domain>,
        token: u64,
        home: Option<Name>,
        wake: Cap<Notification>,
    ) -> Result<(), RootError> {
        let request = Request::Keep {
            name: to_root(name)?,
            token,
            home: home.map(to_root).transpose()?,
        };
        let message = Message::of(request.pack().as_slice());
        let message = message.capability(pool).capability(domain).capability(wake);
        let answer = self.endpoint.call_idempotent(&message)?;
        values(&answer).map(|_| ())
    }

    /// The domain that root keeps runs from now on.
    ///
    /// # Errors
    /// [`RootError`].
    pub fn adopt(self, name: Name, id: [u8; 16], incarnation: u64) -> Result<(), RootError> {
        self.tell(Request::Adopt {
            name: to_root(name)?,
            id: DomainId(id),
            incarnation,
        })
    }

    /// A copy of this incarnation, higher than that of the one here, runs elsewhere: the one here stands still from now on.
    ///
    /// # Errors
    /// [`RootError`].
    pub fn outlive(self, name: Name, id: [u8; 16], incarnation: u64) -> Result<(), RootError> {
        self.tell(Request::Outlive {
            name: to_root(name)?,
            id: DomainId(id),
            incarnation,
        })
    }

    /// The domain does not come: its memory is given back. That it is not here any more is no error.
    ///
    /// # Errors
    /// [`RootError`].
    pub fn discard(self, name: Name, id: [u8; 16]) -> Result<(), RootError> {
        self.give_up(Request::Discard {
            name: to_root(name)?,
            id: DomainId(id),
        })
    }

    /// An outlived copy is given up. That it is not here any more is no error.
    ///
    /// # Errors
    /// [`RootError`].
    pub fn drop_outlived(self, name: Name, id: [u8; 16]) -> Result<(), RootError> {
        self.give_up(Request::DropOutlived {
            name: to_root(name)?,
            id: DomainId(id),
        })
    }

    fn give_up(self, request: Request) -> Result<(), RootError> {
        match self.tell(request) {
            Err(RootError::Refused(Refusal::NoSuchDomain)) => Ok(()),
            told => told,
        }
    }

    /// Starts a domain that is at home here and that no other machine has.
    ///
    /// # Errors
    /// [`RootError`].
    pub fn start(self, name: Name) -> Result<(), RootError> {
        self.tell(Request::Start {
            name: to_root(name)?,
        })
    }

    /// What memory the machine has, and what of it is spent.
    ///
    /// # Errors
    /// [`RootError`].
    pub fn memory(self) -> Result<MemoryRecord, RootError> {
        let answer = self.ask(&Request::Memory.pack(), 0)?;
        MemoryRecord::read(&mut values(&answer)?).map_err(|_| RootError::Malformed)
    }

    fn tell(self, request: Request) -> Result<(), RootError> {
        self.ask(&request.pack(), 0).map(|_| ())
    }

    fn ask(self, words: &Words, capabilities: usize) -> Result<Message, RootError> {
        let question = Message::of(words.as_slice());
        let answer = self
            .endpoint
            .call_idempotent_accepting(&question, capabilities)?;
        values(&answer)?;
        Ok(answer)
    }
}

fn values(answer: &Message) -> Result<runtime::protocol::Reader<'_>, RootError> {
    root::answer(answer.words()).map_err(RootError::Refused)
}

fn record(answer: &Message) -> Result<DomainRecord, RootError> {
    DomainRecord::read(&mut values(answer)?).map_err(|_| RootError::Malformed)
}

/// The one capability of an answer. What else came with it, or is of another kind, is not kept.
fn capability<T: Kind>(mut answer: Message) -> Result<Cap<T>, RootError> {
    match answer.reader().capability() {
        Ok(capability) => Ok(capability),
        Err(_) => {
            answer.discard_capabilities();
            Err(RootError::Malformed)
        }
    }
}

fn to_root(name: Name) -> Result<RootName, RootError> {
    RootName::try_new(name.as_str()).ok_or(RootError::Malformed)
}
