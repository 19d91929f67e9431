//! A domain on its way out: the steps that the protocol asks of a source, each a few calls of the kernel and of root.
//!
//! Order of the last steps: freeze, export all, last dirty pass, retire.

use alloc::vec::Vec;

use identity::{Digest, Name};
use nomad_image::{
    Description, Identity, Names, Numbering, Outline, Parts, Round, Writer, describe,
};
use runtime::capability::Domain;
use runtime::protocol::Mac;
use runtime::protocol::root::DomainRecord;
use runtime::{Error, clock};

use crate::budget::Share;
use crate::capture::backlog::Backlog;
use crate::capture::listing::{self, Read};
use crate::capture::pass::Scope;
use crate::capture::ring::{Ring, Whose};
use crate::capture::staging::Staging;
use crate::capture::standing::while_frozen;
use crate::capture::{CaptureError, Found, names, state};
use crate::machine::Machine;
use crate::owned::Owned;

/// A frozen domain's state was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exported {
    /// The version before it was.
    pub version: u64,
    /// The state's digest.
    pub digest: Digest,
}

/// A domain on its way out.
pub struct Outgoing {
    machine: Machine,
    domain: Owned<Domain>,
    identity: Identity,
    names: Names,
    numbering: Numbering,
    writer: Option<Writer>,
    backlog: Backlog,
    /// Room for copies, from the beginning of the capture to its end.
    staging: Option<Staging>,
    outline: Outline,
    frozen: Option<Frozen>,
    ring: Option<Ring>,
    is_described: bool,
    /// The token of the freeze in which the domain is handed over.
    token: Option<u64>,
    /// When the kernel ends that freeze.
    deadline_ns: u64,
    is_left_behind: bool,
    is_exported: bool,
    is_ring_announced: bool,
    /// What its move may take of this server's memory.
    share: Share,
}

/// What was read of the domain while it stood still.
struct State {
    read: Read,
    parts: Parts,
}

/// What a domain that stands still consists of.
struct Frozen {
    read: Read,
    description: Description,
}

impl Outgoing {
    /// A domain that was found and of which nothing was refused.
    pub fn new(machine: Machine, name: Name, found: Found, share: Share) -> Outgoing {
        let identity = Identity {
            id: found.record.id,
            incarnation: found.record.incarnation,
            name,
            home: found.record.home,
        };
        Outgoing {
            machine,
            outline: Outline {
                identity: identity.clone(),
                pool_pages: found.record.pool_pages,
                present_pages: found.read.present_pages(),
            },
            identity,
            names: found.names,
            numbering: Numbering::default(),
            writer: None,
            backlog: Backlog::new(found.domain.cap()),
            domain: found.domain,
            staging: None,
            frozen: None,
            ring: None,
            is_described: false,
            token: None,
            deadline_ns: 0,
            is_left_behind: false,
            is_exported: false,
            is_ring_announced: false,
            share,
        }
    }

    /// A domain that an earlier life of this server was moving, and the token of its freeze, if that life noted one. By now the
    /// kernel may have thawed it.
    pub fn left_behind(
        machine: Machine,
        name: Name,
        record: &DomainRecord,
        domain: Owned<Domain>,
        token: Option<u64>,
    ) -> Outgoing {
        let found = Found {
            record: *record,
            domain,
            read: Read::default(),
            names: Names::new(),
        };
        Outgoing {
            is_left_behind: true,
            is_exported: true,
            token,
            ..Outgoing::new(machine, name, found, Share::default())
        }
    }

    /// The domain's name.
    pub fn name(&self) -> Name {
        self.identity.name
    }

    /// The address of its port, if it has one.
    pub fn port_address(&mut self) -> Option<Mac> {
        if self.is_left_behind {
            // Nothing was looked up of it in this life yet. What cannot be is missing later, too.
            let read = listing::read(self.domain.cap()).unwrap_or_default();
            let name = self.name();
            let _ = names::complete(self.machine.root, name, &read.listing, &mut self.names);
        }
        names::port_address(&self.names)
    }

    /// Starts to log which pages are written; at first all are to be sent.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn start_log(&mut self) -> Result<(), CaptureError> {
        self.staging = Some(Staging::new(&self.machine)?);
        self.look_again().map(|_| ())
    }

    /// Begins a round; says how many pages it covers.
    pub fn begin_round(&mut self) -> u64 {
        self.backlog.begin_round();
        self.backlog.page_count()
    }

    /// Begins to send the frozen domain; says how many pages that covers.
    ///
    /// # Errors
    /// What the kernel says; [`CaptureError::FreezeEnded`] if the domain runs again.
    pub fn begin_freeze(&mut self) -> Result<u64, CaptureError> {
        let frozen = self.frozen.as_ref().ok_or(CaptureError::Confused)?;
        let collected = self.backlog.collect_dirty(&frozen.read, Scope::Freeze);
        let begun = collected.and_then(|()| self.backlog.begin_freeze());
        begun.map_err(|error| self.of_hand_over(error.into()))?;
        Ok(self.backlog.page_count())
    }

    /// Appends a piece of what is being sent; says whether there is more.
    ///
    /// # Errors
    /// What the kernel says; [`CaptureError::FreezeEnded`] if the domain is being handed over and runs again.
    pub fn produce(&mut self, out: &mut Vec<u8>) -> Result<bool, CaptureError> {
        let writer = match &mut self.writer {
            Some(writer) => writer,
            none => {
                let mut writer = Writer::new(1, out);
                writer.outline(0, &self.outline, out);
                none.insert(writer)
            }
        };
        let staging = self.staging.as_mut().ok_or(CaptureError::Confused)?;
        let produced = self
            .backlog
            .produce(staging, &mut self.numbering, writer, out);
        match &self.frozen {
            Some(_) => produced.map_err(|error| self.of_hand_over(error)),
            None => produced,
        }
    }

    /// Ends a round. The first in which that is possible says what the domain consists of at that moment: the target
    /// tries to build it while it still runs here.
    ///
    /// # Errors
    /// None was begun, or what the kernel says.
    pub fn end_round(&mut self, number: u32, out: &mut Vec<u8>) -> Result<(), CaptureError> {
        let data_pages = self.backlog.end_pass()?;
        if !self.is_described {
            self.describe_running(out)?;
        }
        let writer = self.writer.as_mut().ok_or(CaptureError::Confused)?;
        writer.round(0, Round { number, data_pages }, out);
        Ok(())
    }

    /// Adds what was written since the last time; says how many pages are to be sent now.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn look_again(&mut self) -> Result<u64, CaptureError> {
        let read = listing::read(self.domain.cap())?;
        self.backlog.collect_dirty(&read, Scope::Round)?;
        Ok(self.backlog.page_count())
    }

    /// Stops the domain for the hand-over, for this long at most: then the kernel lets it run on, unless it was retired.
    /// Returns the token of the freeze.
    ///
    /// # Errors
    /// What the kernel says; [`CaptureError::FrozenByAnother`].
    pub fn freeze(&mut self, limit_ns: u64) -> Result<u64, CaptureError> {
        let deadline_ns = clock::now_ns().saturating_add(limit_ns);
        let freeze = self
            .domain
            .cap()
            .freeze(deadline_ns)
            .map_err(CaptureError::of_freeze)?;
        (self.token, self.deadline_ns) = (Some(freeze.token), deadline_ns);
        Ok(freeze.token)
    }

    /// Reads the frozen domain's state, after root and the switch have stopped serving it.
    ///
    /// # Errors
    /// Root or the kernel said no, or the domain holds what cannot travel; [`CaptureError::FreezeEnded`] if it runs again.
    pub fn export(&mut self) -> Result<Exported, CaptureError> {
        let frozen_ns = self.deadline_ns.saturating_sub(clock::now_ns());
        if frozen_ns == 0 {
            // It runs, and its clients are to reach it.
            return Err(CaptureError::FreezeEnded);
        }
        let frozen = self.read_for_export(frozen_ns);
        let frozen = frozen.map_err(|error| self.of_hand_over(error))?;
        let frozen = self.frozen.insert(frozen);
        Ok(Exported {
            version: frozen.read.version,
            digest: frozen.description.digest(),
        })
    }

    fn read_for_export(&mut self, frozen_ns: u64) -> Result<Frozen, CaptureError> {
        self.is_exported = true;
        self.machine.root.export(self.name(), frozen_ns)?;
        let state = self.read_state()?;
        self.describe(state)
    }

    /// Why a step failed for which the domain must stand still. If its freeze has ended, that is why: what was read may be of
    /// different moments, and root serves the domain again.
    fn of_hand_over(&self, error: CaptureError) -> CaptureError {
        match clock::now_ns() < self.deadline_ns {
            true => error.of_frozen(),
            false => CaptureError::FreezeEnded,
        }
    }

    /// Appends the state of the running domain. What cannot be described at this moment is left out: what counts is
    /// whether it can when it is frozen.
    fn describe_running(&mut self, out: &mut Vec<u8>) -> Result<(), CaptureError> {
        let state = while_frozen(self.domain.cap(), || self.read_state())?;
        let described = state.map(|state| state.and_then(|state| self.describe(state)));
        if let Some(Ok(described)) = described {
            let writer = self.writer.as_mut().ok_or(CaptureError::Confused)?;
            writer.state(0, &described.description, out);
            self.is_described = true;
        }
        Ok(())
    }

    /// Reads the domain, which stands still.
    fn read_state(&mut self) -> Result<State, CaptureError> {
        let (root, name) = (self.machine.root, self.name());
        // Asking for the time counts as a change: first the time, then the version.
        let clock = state::clock(self.domain.cap())?;
        let read = listing::read(self.domain.cap())?;
        names::complete(root, name, &read.listing, &mut self.names)?;
        let parts = state::parts(root, self.domain.cap(), &self.identity, &read, clock)?;
        Ok(State { read, parts })
    }

    /// Describes what was read, and finds the ring that is to go along.
    fn describe(&mut self, state: State) -> Result<Frozen, CaptureError> {
        let State { read, parts } = state;
        let description = describe(&read.listing, &self.names, &mut self.numbering, parts)?;
        self.ring = Ring::find(&Whose {
            domain: self.domain.cap(),
            read: &read,
            description: &description,
            numbering: &self.numbering,
        });
        Ok(Frozen { read, description })
    }

    /// Sends the state, and the ring of the domain's port with the frames that wait in it.
    ///
    /// # Errors
    /// It was not exported, or what the kernel says; [`CaptureError::FreezeEnded`] if the domain runs again.
    pub fn end_freeze(&mut self, out: &mut Vec<u8>) -> Result<(), CaptureError> {
        self.backlog.end_pass()?;
        let sent = self.send_ring_and_state(out);
        sent.map_err(|error| self.of_hand_over(error))
    }

    fn send_ring_and_state(&mut self, out: &mut Vec<u8>) -> Result<(), CaptureError> {
        let frozen = self.frozen.as_ref().ok_or(CaptureError::Confused)?;
        let writer = self.writer.as_mut().ok_or(CaptureError::Confused)?;
        if let Some(ring) = &self.ring {
            if !self.is_ring_announced {
                ring.announce(writer, out);
                self.is_ring_announced = true;
            }
            let staging = self.staging.as_mut().ok_or(CaptureError::Confused)?;
            ring.send(staging, writer, out)?;
        }
        writer.state(0, &frozen.description, out);
        writer.seal(out);
        Ok(())
    }

    /// **Retires the domain**, if it is still at this version: it never runs here again.
    ///
    /// # Errors
    /// What the kernel says; [`Error::VersionMoved`] if something changed it; [`CaptureError::FreezeEnded`] if it runs again.
    pub fn retire(&mut self, version: u64) -> Result<(), CaptureError> {
        let token = self.token.ok_or(CaptureError::Confused)?;
        self.domain
            .cap()
            .retire(version, token)
            .map_err(CaptureError::of_freeze)
    }

    /// Lets root and the switch serve the domain again. What fails here changes nothing: the domain runs on.
    pub fn end_capture(&mut self) {
        self.forget_capture();
        if core::mem::take(&mut self.is_exported)
            && let Err(error) = self.machine.root.revert(self.name())
        {
            log::warn!("{}: {error}", self.name());
        }
    }

    /// Lets the domain run on. One that an earlier life of this server froze without a note of the token runs on when that
    /// freeze's deadline passes.
    ///
    /// # Errors
    /// What the kernel says; that it runs already is none.
    pub fn thaw(&mut self) -> Result<(), CaptureError> {
        let Some(token) = self.token.take() else {
            return Ok(());
        };
        match self.domain.cap().thaw(token) {
            Ok(()) | Err(Error::WrongState) => Ok(()),
            Err(error) => Err(CaptureError::of_freeze(error)),
        }
    }

    /// Has root undo the retirement and let the domain run on as if it had never been frozen.
    ///
    /// # Errors
    /// Root or the kernel said no.
    pub fn run_again(&mut self) -> Result<(), CaptureError> {
        self.machine.root.unretire(self.name())?;
        self.token = None;
        self.end_capture();
        Ok(())
    }

    /// Gives the retired domain's memory back.
    ///
    /// # Errors
    /// Root said no.
    pub fn destroy(&mut self) -> Result<(), CaptureError> {
        self.forget_capture();
        Ok(self.machine.root.release(self.name())?)
    }

    fn forget_capture(&mut self) {
        self.backlog.clear();
        (self.frozen, self.ring, self.staging) = (None, None, None);
        self.share = Share::default();
    }
}

#[cfg(test)]
mod tests;
