//! The last steps of a source, in this order: freeze, export, send the state and the last dirty pages, retire. Also the
//! steps that return to a running domain.

use alloc::vec::Vec;

use identity::{Digest, Name};
use nomad_image::{Identity, Parts, describe};
use runtime::{Error, clock};

use super::{Frozen, Outgoing};
use crate::capture::listing::{self, Read};
use crate::capture::ring::{Ring, RingQuery};
use crate::capture::while_frozen::while_frozen;
use crate::capture::{CaptureError, names, state};
use crate::kept::{Kept, MEMORIES_MAX};
use crate::owned::Owned;
use crate::root::RootError;

/// The version and digest of a frozen domain's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exported {
    /// The version before the state was read.
    pub version: u64,
    /// The state's digest.
    pub digest: Digest,
}

/// The state of the domain, read while it was frozen.
struct State {
    read: Read,
    parts: Parts,
}

impl Outgoing {
    /// Freezes the domain for the hand-over, for at most this long. Then the kernel thaws the domain, unless it was
    /// retired. Returns the token of the freeze.
    ///
    /// # Errors
    /// The error of the kernel; [`CaptureError::FrozenByAnother`].
    pub fn freeze(&mut self, limit_ns: u64) -> Result<u64, CaptureError> {
        self.timeline.end();
        self.timeline.begin();
        let deadline_ns = clock::now_ns().saturating_add(limit_ns);
        let freeze = self
            .domain
            .cap()
            .freeze(deadline_ns)
            .map_err(CaptureError::of_freeze)?;
        (self.token, self.deadline_ns) = (Some(freeze.token), deadline_ns);
        self.timeline.mark("freeze");
        Ok(freeze.token)
    }

    /// Stops the running domain for at most this long; returns the token that resumes it.
    ///
    /// # Errors
    /// The error of the kernel.
    pub fn pause(&self, limit_ns: u64) -> Result<u64, Error> {
        let deadline_ns = clock::now_ns().saturating_add(limit_ns);
        let freeze = self.domain.cap().freeze(deadline_ns)?;
        Ok(freeze.token)
    }

    /// Resumes a domain that was stopped with this token. Has no effect if the kernel has resumed the domain already.
    pub fn resume(&self, token: u64) {
        let _ = self.domain.cap().thaw(token);
    }

    /// Reads the frozen domain's state, after root and the switch have stopped serving the domain.
    ///
    /// # Errors
    /// The error of root or of the kernel; [`CaptureError::Refused`] if the domain holds something that cannot move;
    /// [`CaptureError::FreezeEnded`] if it runs again.
    pub fn export(&mut self) -> Result<Exported, CaptureError> {
        let frozen_ns = self.deadline_ns.saturating_sub(clock::now_ns());
        if frozen_ns == 0 {
            // The domain runs again, so its port must stay open: root is not asked to stop serving it.
            return Err(CaptureError::FreezeEnded);
        }
        let frozen = self.read_for_export(frozen_ns);
        let frozen = frozen.map_err(|error| self.hand_over_error(error))?;
        let frozen = self.frozen.insert(frozen);
        let exported = Exported {
            version: frozen.read.version,
            digest: frozen.description.digest(),
        };
        self.timeline.mark("digest");
        Ok(exported)
    }

    fn read_for_export(&mut self, frozen_ns: u64) -> Result<Frozen, CaptureError> {
        self.is_exported = true;
        self.timeline.mark("decide");
        self.machine.root.export(self.name(), frozen_ns)?;
        self.timeline.mark("close_port");
        let state = self.read_state()?;
        self.timeline.mark("read_state");
        let described = self.describe(state);
        self.timeline.mark("describe");
        described
    }

    /// Converts the error of a step that needs the domain frozen. If the freeze has ended, that is reported instead:
    /// the data may belong to different moments, and root serves the domain again.
    pub(super) fn hand_over_error(&self, error: CaptureError) -> CaptureError {
        if clock::now_ns() < self.deadline_ns {
            error.of_frozen()
        } else {
            CaptureError::FreezeEnded
        }
    }

    /// Appends the state of the running domain, or nothing if the domain cannot be described at this moment. A
    /// description is required only of the frozen domain.
    pub(super) fn describe_running(&mut self, out: &mut Vec<u8>) -> Result<(), CaptureError> {
        let state = while_frozen(self.domain.cap(), || self.read_state())?;
        let described = state.map(|state| state.and_then(|state| self.describe(state)));
        if let Some(Ok(described)) = described {
            self.announce_ring(out)?;
            let writer = self.writer.as_mut().ok_or(CaptureError::Inconsistent)?;
            writer.state(0, &described.description, out);
            self.is_described = true;
        }
        Ok(())
    }

    /// Reads the frozen domain.
    fn read_state(&mut self) -> Result<State, CaptureError> {
        let (root, name) = (self.machine.root, self.name());
        // Reading the time counts as a change to the domain, so the time is read before the version.
        let clock = state::clock(self.domain.cap())?;
        let read = listing::read(self.domain.cap())?;
        names::complete(root, name, &read.listing, &mut self.names)?;
        let wake = state::wake(root, name, &read, &mut self.wake)?;
        let parts = state::parts(self.domain.cap(), &self.identity, &read, clock, wake)?;
        Ok(State { read, parts })
    }

    /// Describes the state, and finds the ring whose frames move with the domain.
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

    /// Whether the state may be sent before the last pages, so that the destination builds the domain while they are on their
    /// way: after a state no Memory can be announced.
    pub(super) fn may_begin_with_state(&self) -> bool {
        let is_ring_known = self.ring.is_none() || self.is_ring_announced;
        is_ring_known && self.backlog.announces_none()
    }

    /// Sends the state, unless it was sent already.
    pub(super) fn send_state(&mut self, out: &mut Vec<u8>) -> Result<(), CaptureError> {
        if core::mem::replace(&mut self.is_state_sent, true) {
            return Ok(());
        }
        let frozen = self.frozen.as_ref().ok_or(CaptureError::Inconsistent)?;
        let writer = self.writer.as_mut().ok_or(CaptureError::Inconsistent)?;
        writer.state(0, &frozen.description, out);
        self.timeline.mark("write_state");
        Ok(())
    }

    /// Sends the ring of the domain's port with the frames that wait in it, and the state if it was not sent first.
    ///
    /// # Errors
    /// The error of the kernel; [`CaptureError::Inconsistent`] if the domain was not exported;
    /// [`CaptureError::FreezeEnded`] if it runs again.
    pub fn end_freeze(&mut self, out: &mut Vec<u8>) -> Result<(), CaptureError> {
        self.timeline.mark("send");
        self.sent.in_pause = self.backlog.end_pass()?;
        self.sent.all += self.sent.in_pause;
        let sent = self.send_ring_and_state(out);
        self.timeline.mark("seal");
        sent.map_err(|error| self.hand_over_error(error))
    }

    fn send_ring_and_state(&mut self, out: &mut Vec<u8>) -> Result<(), CaptureError> {
        self.announce_ring(out)?;
        let writer = self.writer.as_mut().ok_or(CaptureError::Inconsistent)?;
        if let Some(ring) = &self.ring {
            let staging = self.staging.as_mut().ok_or(CaptureError::Inconsistent)?;
            ring.send(staging, writer, out)?;
        }
        self.timeline.mark("copy");
        self.send_state(out)?;
        let writer = self.writer.as_mut().ok_or(CaptureError::Inconsistent)?;
        writer.seal(out);
        Ok(())
    }

    /// Announces the Memory of the domain's ring, if it has one that was not announced yet.
    fn announce_ring(&mut self, out: &mut Vec<u8>) -> Result<(), CaptureError> {
        if let Some(ring) = self.ring.as_ref().filter(|_| !self.is_ring_announced) {
            let writer = self.writer.as_mut().ok_or(CaptureError::Inconsistent)?;
            ring.announce(writer, out);
            self.is_ring_announced = true;
        }
        Ok(())
    }

    /// **Retires the domain**, if it is still at this version: from here on the destination decides where it runs.
    ///
    /// # Errors
    /// The error of the kernel; [`Error::VersionMoved`] if something changed the domain; [`CaptureError::FreezeEnded`] if
    /// it runs again.
    pub fn retire(&mut self, version: u64) -> Result<(), CaptureError> {
        self.timeline.mark("send");
        let token = self.token.ok_or(CaptureError::Inconsistent)?;
        let retired = self.domain.cap().retire(version, token);
        self.timeline.mark("retire");
        retired.map_err(CaptureError::of_freeze)
    }

    /// Forgets what was captured, and lets root and the switch serve the domain again if they have stopped that.
    ///
    /// # Errors
    /// The error of root, which is to be called again.
    pub fn end_capture(&mut self) -> Result<(), RootError> {
        self.forget_capture();
        match core::mem::take(&mut self.is_exported) {
            true => self.machine.root.revert(self.name()),
            false => Ok(()),
        }
    }

    /// Thaws the domain. If an earlier run of this server froze it without recording the token, the kernel thaws it at
    /// that freeze's deadline instead.
    ///
    /// # Errors
    /// The error of the kernel. It is not an error if the domain runs already.
    pub fn thaw(&mut self) -> Result<(), CaptureError> {
        let Some(token) = self.token.take() else {
            return Ok(());
        };
        match self.domain.cap().thaw(token) {
            Ok(()) | Err(Error::WrongState) => Ok(()),
            Err(error) => Err(CaptureError::of_freeze(error)),
        }
    }

    /// Has root undo the retirement and run the domain as if it had never been frozen. Root does not serve it yet.
    ///
    /// # Errors
    /// The error of root or of the kernel.
    pub fn unretire(&mut self) -> Result<(), CaptureError> {
        self.machine.root.unretire(self.name())?;
        self.token = None;
        Ok(())
    }

    /// Has root forget the retired domain, which has moved to this guest or to a machine of the fleet. Returns the copy of
    /// the domain. Returns `None`, and has root destroy the copy, if an earlier run of this server has sent the domain, or if
    /// the list of its Memories is too long to be kept.
    ///
    /// # Errors
    /// The error of root.
    pub fn release(&mut self, guest: Option<Name>) -> Result<Option<Kept>, CaptureError> {
        let Identity {
            name,
            id,
            incarnation,
            ..
        } = self.identity;
        let pool = Owned::new(self.machine.root.release(name, id, guest)?);
        let memories = self.backlog.sent_memories(&mut self.numbering);
        self.forget_capture();
        let domain = match self.is_recovered || memories.len() > MEMORIES_MAX {
            true => None,
            false => self.domain.cap().duplicate().ok(),
        };
        let Some(domain) = domain else {
            self.machine.root.reclaim(id, incarnation);
            return Ok(None);
        };
        Ok(Some(Kept::new(
            (id, incarnation),
            Owned::new(domain),
            pool,
            memories,
        )))
    }
}
