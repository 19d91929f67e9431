//! A leaving domain: the steps of a source, each a few calls of the kernel and of root.
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

use crate::budget::Reservation;
use crate::capture::backlog::Backlog;
use crate::capture::listing::{self, Read};
use crate::capture::pass::Scope;
use crate::capture::ring::{Ring, RingQuery};
use crate::capture::staging::Staging;
use crate::capture::while_frozen::while_frozen;
use crate::capture::{CaptureError, Found, names, state};
use crate::machine::Machine;
use crate::owned::Owned;

/// The version and digest of a frozen domain's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exported {
    /// The version before the state was read.
    pub version: u64,
    /// The state's digest.
    pub digest: Digest,
}

/// A leaving domain.
pub struct Outgoing {
    machine: Machine,
    domain: Owned<Domain>,
    identity: Identity,
    names: Names,
    numbering: Numbering,
    writer: Option<Writer>,
    backlog: Backlog,
    /// Room for copies, for as long as the capture lasts.
    staging: Option<Staging>,
    outline: Outline,
    frozen: Option<Frozen>,
    ring: Option<Ring>,
    is_described: bool,
    /// The token of the freeze in which the domain is handed over.
    token: Option<u64>,
    /// When the kernel ends that freeze.
    deadline_ns: u64,
    is_recovered: bool,
    is_exported: bool,
    is_ring_announced: bool,
    /// The memory of this server that its move may use.
    reservation: Reservation,
}

/// The state of the domain, read while it was frozen.
struct State {
    read: Read,
    parts: Parts,
}

/// A frozen domain, listed and described.
struct Frozen {
    read: Read,
    description: Description,
}

impl Outgoing {
    /// A domain that was looked up and of which nothing was refused.
    pub fn new(machine: Machine, name: Name, found: Found, reservation: Reservation) -> Outgoing {
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
            is_recovered: false,
            is_exported: false,
            is_ring_announced: false,
            reservation,
        }
    }

    /// A domain that an earlier life of this server was moving, with the token of its freeze if that life recorded one. The
    /// kernel may have thawed it by now.
    pub fn recovered(
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
            is_recovered: true,
            is_exported: true,
            token,
            ..Outgoing::new(machine, name, found, Reservation::default())
        }
    }

    /// The domain's name.
    pub fn name(&self) -> Name {
        self.identity.name
    }

    /// The address of its port, if it has one.
    pub fn port_address(&mut self) -> Option<Mac> {
        if self.is_recovered {
            // Its names were not read in this life yet. A failure now would fail later, too.
            let read = listing::read(self.domain.cap()).unwrap_or_default();
            let name = self.name();
            let _ = names::complete(self.machine.root, name, &read.listing, &mut self.names);
        }
        names::port_address(&self.names)
    }

    /// Starts the dirty log; at first all pages are to be sent.
    ///
    /// # Errors
    /// The error of the kernel.
    pub fn start_log(&mut self) -> Result<(), CaptureError> {
        self.staging = Some(Staging::new(&self.machine)?);
        self.refresh_dirty().map(|_| ())
    }

    /// Begins a round; returns how many pages it covers.
    pub fn begin_round(&mut self) -> u64 {
        self.backlog.begin_round();
        self.backlog.page_count()
    }

    /// Begins to send the frozen domain; returns how many pages that covers.
    ///
    /// # Errors
    /// The error of the kernel; [`CaptureError::FreezeEnded`] if the domain runs again.
    pub fn begin_freeze(&mut self) -> Result<u64, CaptureError> {
        let frozen = self.frozen.as_ref().ok_or(CaptureError::Inconsistent)?;
        let collected = self.backlog.collect_dirty(&frozen.read, Scope::Freeze);
        let begun = collected.and_then(|()| self.backlog.begin_freeze());
        begun.map_err(|error| self.hand_over_error(error.into()))?;
        Ok(self.backlog.page_count())
    }

    /// Appends a piece of the pass; returns whether there is more.
    ///
    /// # Errors
    /// The error of the kernel; [`CaptureError::FreezeEnded`] if the domain is being handed over and runs again.
    pub fn produce(&mut self, out: &mut Vec<u8>) -> Result<bool, CaptureError> {
        let writer = match &mut self.writer {
            Some(writer) => writer,
            none => {
                let mut writer = Writer::new(1, out);
                writer.outline(0, &self.outline, out);
                none.insert(writer)
            }
        };
        let staging = self.staging.as_mut().ok_or(CaptureError::Inconsistent)?;
        let produced = self
            .backlog
            .produce(staging, &mut self.numbering, writer, out);
        match &self.frozen {
            Some(_) => produced.map_err(|error| self.hand_over_error(error)),
            None => produced,
        }
    }

    /// Ends a round. The first round that can describe the domain does so: the destination tries to build it while it still
    /// runs here.
    ///
    /// # Errors
    /// The error of the kernel, or no round was begun.
    pub fn end_round(&mut self, number: u32, out: &mut Vec<u8>) -> Result<(), CaptureError> {
        let data_pages = self.backlog.end_pass()?;
        if !self.is_described {
            self.describe_running(out)?;
        }
        let writer = self.writer.as_mut().ok_or(CaptureError::Inconsistent)?;
        writer.round(0, Round { number, data_pages }, out);
        Ok(())
    }

    /// Adds the pages written since the last time; returns how many pages are to be sent now.
    ///
    /// # Errors
    /// The error of the kernel.
    pub fn refresh_dirty(&mut self) -> Result<u64, CaptureError> {
        let read = listing::read(self.domain.cap())?;
        self.backlog.collect_dirty(&read, Scope::Round)?;
        Ok(self.backlog.page_count())
    }

    /// Freezes the domain for the hand-over, for this long at most: then the kernel thaws it, unless it was retired.
    /// Returns the token of the freeze.
    ///
    /// # Errors
    /// The error of the kernel; [`CaptureError::FrozenByAnother`].
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
    /// The error of root or of the kernel; [`CaptureError::Refused`] if the domain holds something that cannot travel;
    /// [`CaptureError::FreezeEnded`] if it runs again.
    pub fn export(&mut self) -> Result<Exported, CaptureError> {
        let frozen_ns = self.deadline_ns.saturating_sub(clock::now_ns());
        if frozen_ns == 0 {
            // It runs, and its clients must reach it.
            return Err(CaptureError::FreezeEnded);
        }
        let frozen = self.read_for_export(frozen_ns);
        let frozen = frozen.map_err(|error| self.hand_over_error(error))?;
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

    /// Converts the error of a step that needs the domain frozen. If the freeze has ended, that is the reason: the data may
    /// be of different moments, and root serves the domain again.
    fn hand_over_error(&self, error: CaptureError) -> CaptureError {
        match clock::now_ns() < self.deadline_ns {
            true => error.of_frozen(),
            false => CaptureError::FreezeEnded,
        }
    }

    /// Appends the state of the running domain, or nothing if it cannot be described at this moment: only the frozen domain
    /// has to be.
    fn describe_running(&mut self, out: &mut Vec<u8>) -> Result<(), CaptureError> {
        let state = while_frozen(self.domain.cap(), || self.read_state())?;
        let described = state.map(|state| state.and_then(|state| self.describe(state)));
        if let Some(Ok(described)) = described {
            let writer = self.writer.as_mut().ok_or(CaptureError::Inconsistent)?;
            writer.state(0, &described.description, out);
            self.is_described = true;
        }
        Ok(())
    }

    /// Reads the frozen domain.
    fn read_state(&mut self) -> Result<State, CaptureError> {
        let (root, name) = (self.machine.root, self.name());
        // DuringRequest for the time counts as a change: first the time, then the version.
        let clock = state::clock(self.domain.cap())?;
        let read = listing::read(self.domain.cap())?;
        names::complete(root, name, &read.listing, &mut self.names)?;
        let parts = state::parts(root, self.domain.cap(), &self.identity, &read, clock)?;
        Ok(State { read, parts })
    }

    /// Describes the state, and finds the ring that travels along.
    fn describe(&mut self, state: State) -> Result<Frozen, CaptureError> {
        let State { read, parts } = state;
        let description = describe(&read.listing, &self.names, &mut self.numbering, parts)?;
        self.ring = Ring::find(&RingQuery {
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
    /// The error of the kernel, or it was not exported; [`CaptureError::FreezeEnded`] if the domain runs again.
    pub fn end_freeze(&mut self, out: &mut Vec<u8>) -> Result<(), CaptureError> {
        self.backlog.end_pass()?;
        let sent = self.send_ring_and_state(out);
        sent.map_err(|error| self.hand_over_error(error))
    }

    fn send_ring_and_state(&mut self, out: &mut Vec<u8>) -> Result<(), CaptureError> {
        let frozen = self.frozen.as_ref().ok_or(CaptureError::Inconsistent)?;
        let writer = self.writer.as_mut().ok_or(CaptureError::Inconsistent)?;
        if let Some(ring) = &self.ring {
            if !self.is_ring_announced {
                ring.announce(writer, out);
                self.is_ring_announced = true;
            }
            let staging = self.staging.as_mut().ok_or(CaptureError::Inconsistent)?;
            ring.send(staging, writer, out)?;
        }
        writer.state(0, &frozen.description, out);
        writer.seal(out);
        Ok(())
    }

    /// **Retires the domain**, if it is still at this version: it never runs here again.
    ///
    /// # Errors
    /// The error of the kernel; [`Error::VersionMoved`] if something changed it; [`CaptureError::FreezeEnded`] if it runs again.
    pub fn retire(&mut self, version: u64) -> Result<(), CaptureError> {
        let token = self.token.ok_or(CaptureError::Inconsistent)?;
        self.domain
            .cap()
            .retire(version, token)
            .map_err(CaptureError::of_freeze)
    }

    /// Lets root and the switch serve the domain again. An error changes nothing: the domain runs on.
    pub fn end_capture(&mut self) {
        self.forget_capture();
        if core::mem::take(&mut self.is_exported)
            && let Err(error) = self.machine.root.revert(self.name())
        {
            log::warn!("{}: {error}", self.name());
        }
    }

    /// Thaws the domain. One that an earlier life of this server froze without recording the token runs on when that freeze's
    /// deadline passes.
    ///
    /// # Errors
    /// The error of the kernel; it may run already.
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
    /// The error of root or of the kernel.
    pub fn unretire(&mut self) -> Result<(), CaptureError> {
        self.machine.root.unretire(self.name())?;
        self.token = None;
        self.end_capture();
        Ok(())
    }

    /// Gives the retired domain's memory back.
    ///
    /// # Errors
    /// The error of root.
    pub fn destroy(&mut self) -> Result<(), CaptureError> {
        self.forget_capture();
        Ok(self.machine.root.release(self.name())?)
    }

    fn forget_capture(&mut self) {
        self.backlog.clear();
        (self.frozen, self.ring, self.staging) = (None, None, None);
        self.reservation = Reservation::default();
    }
}

#[cfg(test)]
mod tests;
