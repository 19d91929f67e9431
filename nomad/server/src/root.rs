//! Client for the machine's root server: domains, and the names of the outside objects that they refer to.

use alloc::vec::Vec;

use abi::register::ObjectId;
use identity::{DomainId, Incarnation, Name};
use nomad_image::OutsideKey;
pub use nomad_shell::RootError;
use runtime::capability::{Any, Domain, Endpoint, Kind, Notification, Pool};
use runtime::protocol::journal::Line;
use runtime::protocol::log::{TEXT_BYTES_MAX, Text};
use runtime::protocol::root::{
    Binding, DomainRecord, Installation, MemoryRecord, Refusal, Request,
};
use runtime::protocol::{Malformed, decode, encode};
use runtime::{Cap, Message};
use serde::de::DeserializeOwned;

use crate::owned::Owned;

/// The `root` endpoint.
#[derive(Clone, Copy, Debug)]
pub struct Root {
    endpoint: Cap<Endpoint>,
}

impl Root {
    pub fn new(endpoint: Cap<Endpoint>) -> Root {
        Root { endpoint }
    }

    /// The domain at this index of root's list; `None` at its end.
    ///
    /// # Errors
    /// [`RootError`].
    pub fn at(self, index: u64) -> Result<Option<DomainRecord>, RootError> {
        match self.get(Request::List { index }) {
            Err(RootError::Refused(Refusal::NoSuchDomain)) => Ok(None),
            record => record.map(Some),
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
        let reply = self.call(Request::Find { name }, 1)?;
        let record = value(&reply);
        let domain = match reply.capabilities() {
            [] => None,
            _ => Some(Owned::new(capability(reply)?)),
        };
        Ok((record?, domain))
    }

    /// The name under which a domain holds an object; `None` if root has none for it.
    ///
    /// # Errors
    /// [`RootError`].
    pub fn name_of(self, name: Name, key: OutsideKey) -> Result<Option<Binding>, RootError> {
        let OutsideKey { object, badge } = key;
        let request = Request::NameOf {
            name,
            object,
            badge,
        };
        match self.get(request) {
            Err(RootError::Refused(Refusal::NoSuchObject)) => Ok(None),
            binding => binding.map(Some),
        }
    }

    /// Whether an object of the domain is the notification that wakes it.
    ///
    /// # Errors
    /// [`RootError`].
    pub fn is_wake(self, name: Name, object: ObjectId) -> Result<bool, RootError> {
        let binding = self.name_of(name, OutsideKey { object, badge: 0 })?;
        Ok(binding.is_some_and(|binding| binding.name.as_str() == "wake"))
    }

    /// Stops serving the domain, whose freeze ends in this many nanoseconds.
    ///
    /// # Errors
    /// [`RootError`].
    pub fn export(self, name: Name, frozen_ns: u64) -> Result<(), RootError> {
        self.execute(Request::Export { name, frozen_ns })
    }

    /// Undoes [`Root::export`].
    ///
    /// # Errors
    /// [`RootError`].
    pub fn revert(self, name: Name) -> Result<(), RootError> {
        self.execute(Request::Revert { name })
    }

    /// Has root forget a domain that has moved away: to this guest, or to a machine of the fleet. Root keeps the domain's
    /// memory. Returns a capability without rights, which shows whether that memory still exists.
    ///
    /// # Errors
    /// [`RootError`].
    pub fn release(
        self,
        name: Name,
        id: DomainId,
        guest: Option<Name>,
    ) -> Result<Cap<Pool>, RootError> {
        self.get_capability(Request::Release { name, id, guest })
    }

    /// Lets root destroy the memory of a domain that has left as this incarnation. An error is only logged: root destroys the
    /// memory anyway when it is needed.
    pub fn reclaim(self, id: DomainId, incarnation: Incarnation) {
        if let Err(error) = self.execute(Request::Reclaim { id, incarnation }) {
            log::warn!("memory is kept in vain: {error}");
        }
    }

    /// Undoes the retirement of a domain that was to move away, and thaws the domain.
    ///
    /// # Errors
    /// [`RootError`].
    pub fn unretire(self, name: Name) -> Result<(), RootError> {
        self.execute(Request::Unretire { name })
    }

    /// Reserves memory for a domain that arrives, from this guest if it comes from one.
    ///
    /// # Errors
    /// [`RootError`].
    pub fn admit(
        self,
        name: Name,
        id: DomainId,
        pages: u64,
        guest: Option<Name>,
    ) -> Result<Cap<Pool>, RootError> {
        let request = Request::Admit {
            name,
            id,
            pages,
            movable: true,
            guest,
        };
        self.get_capability(request)
    }

    /// This machine's object of this name, for a domain that arrives.
    ///
    /// # Errors
    /// [`RootError`].
    pub fn bind(self, name: Name, binding: Binding) -> Result<Cap<Any>, RootError> {
        let request = Request::Bind { name, binding };
        self.get_capability(request)
    }

    /// Hands a complete domain to root, which keeps it from now on, frozen with this token.
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
        let request = Request::Keep { name, token, home };
        let message = Message::of(encode(&request).as_slice());
        let message = message.capability(pool).capability(domain).capability(wake);
        value(&self.endpoint.call_idempotent(&message)?)
    }

    /// Lets the domain that root keeps run.
    ///
    /// # Errors
    /// [`RootError`].
    pub fn adopt(
        self,
        name: Name,
        id: DomainId,
        incarnation: Incarnation,
    ) -> Result<(), RootError> {
        self.execute(Request::Adopt {
            name,
            id,
            incarnation,
        })
    }

    /// Stops the copy here permanently, because a copy of this higher incarnation runs elsewhere.
    ///
    /// # Errors
    /// [`RootError`].
    pub fn outlive(
        self,
        name: Name,
        id: DomainId,
        incarnation: Incarnation,
        guest: Option<Name>,
    ) -> Result<(), RootError> {
        self.execute(Request::Outlive {
            name,
            id,
            incarnation,
            guest,
        })
    }

    /// Has root remember a guest that has an absent domain.
    ///
    /// # Errors
    /// [`RootError`].
    pub fn remember_guest(self, name: Name, guest: Name) -> Result<(), RootError> {
        self.execute(Request::RememberGuest { name, guest })
    }

    /// Releases the memory of a domain whose move was aborted. Succeeds if the domain is not here.
    ///
    /// # Errors
    /// [`RootError`].
    pub fn discard(self, name: Name, id: DomainId) -> Result<(), RootError> {
        self.give_up(Request::Discard { name, id })
    }

    /// Destroys an outlived copy. Succeeds if the copy is not here.
    ///
    /// # Errors
    /// [`RootError`].
    pub fn drop_outlived(self, name: Name, id: DomainId) -> Result<(), RootError> {
        self.give_up(Request::DropOutlived { name, id })
    }

    fn give_up(self, request: Request) -> Result<(), RootError> {
        match self.execute(request) {
            Err(RootError::Refused(Refusal::NoSuchDomain)) => Ok(()),
            result => result,
        }
    }

    /// Starts a domain whose home is here and that no other machine has.
    ///
    /// # Errors
    /// [`RootError`].
    pub fn start(self, name: Name) -> Result<(), RootError> {
        self.execute(Request::Start { name })
    }

    /// The machine's memory, and how much of it is spent.
    ///
    /// # Errors
    /// [`RootError`].
    pub fn memory(self) -> Result<MemoryRecord, RootError> {
        self.get(Request::Memory)
    }

    /// Stops a domain. If `restart`, it is started afresh.
    ///
    /// # Errors
    /// [`RootError`].
    pub fn stop(self, name: Name, restart: bool) -> Result<(), RootError> {
        self.execute(Request::Stop { name, restart })
    }

    /// Forgets a domain that came with a package, and the package.
    ///
    /// # Errors
    /// [`RootError`].
    pub fn remove(self, name: Name) -> Result<(), RootError> {
        self.execute(Request::Remove { name })
    }

    /// The line of the log with this number, or the oldest kept line after it; `None` if there is none yet.
    ///
    /// # Errors
    /// [`RootError`].
    pub fn log_line(self, from: u64) -> Result<Option<Line>, RootError> {
        match self.get(Request::ReadLog { from }) {
            Err(RootError::Refused(Refusal::NoSuchObject)) => Ok(None),
            line => line.map(Some),
        }
    }

    /// Begins to receive a package.
    ///
    /// # Errors
    /// [`RootError`].
    pub fn begin_package(self, bytes: u32) -> Result<(), RootError> {
        self.execute(Request::BeginPackage { bytes })
    }

    /// Adds bytes to the package, in as many requests as that takes.
    ///
    /// # Errors
    /// [`RootError`].
    pub fn append_package(self, offset: u32, bytes: &[u8]) -> Result<(), RootError> {
        let pieces = bytes.chunks(TEXT_BYTES_MAX).enumerate();
        pieces.into_iter().try_for_each(|(index, piece)| {
            self.execute(Request::AppendPackage {
                offset: offset + (index * TEXT_BYTES_MAX) as u32,
                piece: Text::of(piece),
            })
        })
    }

    /// Adds the domain of the complete package.
    ///
    /// # Errors
    /// [`RootError`].
    pub fn install_package(self) -> Result<Installation, RootError> {
        self.get(Request::InstallPackage)
    }

    /// Restarts the machine; returns only if that fails.
    ///
    /// # Errors
    /// [`RootError`].
    pub fn reboot(self) -> Result<(), RootError> {
        self.execute(Request::Reboot)
    }

    fn execute(self, request: Request) -> Result<(), RootError> {
        self.get(request)
    }

    /// Sends a request whose reply is a value.
    fn get<T: DeserializeOwned>(self, request: Request) -> Result<T, RootError> {
        value(&self.call(request, 0)?)
    }

    /// Sends a request whose reply is a capability.
    fn get_capability<T: Kind>(self, request: Request) -> Result<Cap<T>, RootError> {
        let mut reply = self.call(request, 1)?;
        match value::<()>(&reply) {
            Ok(()) => capability(reply),
            Err(error) => {
                reply.discard_capabilities();
                Err(error)
            }
        }
    }

    fn call(self, request: Request, capabilities: usize) -> Result<Message, RootError> {
        let message = Message::of(encode(&request).as_slice());
        let reply = self
            .endpoint
            .call_idempotent_accepting(&message, capabilities);
        Ok(reply?)
    }
}

fn value<T: DeserializeOwned>(reply: &Message) -> Result<T, RootError> {
    match decode::<Result<T, Refusal>>(reply.words()) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(refusal)) => Err(RootError::Refused(refusal)),
        Err(Malformed) => Err(RootError::Malformed),
    }
}

/// The one capability of a reply. Further capabilities, or one of another kind, are discarded.
fn capability<T: Kind>(mut reply: Message) -> Result<Cap<T>, RootError> {
    match reply.reader().capability() {
        Ok(capability) => Ok(capability),
        Err(_) => {
            reply.discard_capabilities();
            Err(RootError::Malformed)
        }
    }
}
