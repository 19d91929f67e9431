//! A leaving domain: the steps of a source, each a few calls of the kernel and of root. `hand_over` has the steps from the
//! freeze on.

mod hand_over;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use abi::register::ObjectId;
use identity::Name;
use nomad_image::{Description, Identity, Names, Numbering, Outline, Round, Writer};
use runtime::capability::Domain;
use runtime::protocol::Mac;
use runtime::protocol::root::DomainRecord;

use crate::budget::Reservation;
use crate::capture::backlog::Backlog;
use crate::capture::captured::Log;
use crate::capture::listing::{self, Read};
use crate::capture::ring::Ring;
use crate::capture::staging::Staging;
use crate::capture::{CaptureError, Found, names};
use crate::machine::Machine;
use crate::owned::Owned;
use crate::timeline::Timeline;
use nomad_shell::page_state::Scope;
use nomad_shell::returns::Visited;

/// A leaving domain.
pub struct Outgoing {
    machine: Machine,
    domain: Owned<Domain>,
    identity: Identity,
    names: Names,
    /// The notification that wakes it, once root has named it.
    wake: Option<ObjectId>,
    numbering: Numbering,
    writer: Option<Writer>,
    backlog: Backlog,
    /// Memory for copies of pages, for as long as the capture lasts.
    staging: Option<Staging>,
    outline: Outline,
    frozen: Option<Frozen>,
    ring: Option<Ring>,
    is_described: bool,
    /// The token of the freeze in which the domain is handed over.
    token: Option<u64>,
    /// When the kernel ends that freeze, by this server's clock.
    deadline_ns: u64,
    is_recovered: bool,
    is_exported: bool,
    is_ring_announced: bool,
    /// Whether the pass over a frozen domain begins with its state. This is possible if no Memory is announced after the
    /// state. Later in the pass, the state would interrupt a chunk.
    begins_with_state: bool,
    /// Whether the state of the current freeze was sent.
    is_state_sent: bool,
    /// The memory of this server that its move may use.
    reservation: Reservation,
    /// The steps of its pause.
    timeline: Timeline,
    /// The pages that were sent.
    sent: SentPages,
}

/// Numbers of pages that were sent with their bytes. Pages of zeros are only announced.
#[derive(Clone, Copy, Debug, Default)]
struct SentPages {
    /// By all rounds and freezes.
    all: u64,
    /// By the last freeze.
    in_pause: u64,
}

/// A frozen domain that was listed and described.
struct Frozen {
    read: Read,
    description: Description,
}

impl Outgoing {
    /// A domain that was looked up and may move.
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
            wake: None,
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
            begins_with_state: false,
            is_state_sent: false,
            reservation,
            timeline: Timeline::default(),
            sent: SentPages::default(),
        }
    }

    /// A domain that an earlier run of this server was moving. `token` is the token of its freeze, if that run
    /// recorded one. The kernel may have thawed the domain by now.
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
            // This run of the server has not read the names of the domain's objects. A call that fails now would fail
            // later, too.
            let read = listing::read(self.domain.cap()).unwrap_or_default();
            let name = self.name();
            let _ = names::complete(self.machine.root, name, &read.listing, &mut self.names);
        }
        names::port_address(&self.names)
    }

    /// Starts the dirty log; at first all pages are to be sent. These logs continue, if no other owner has begun one.
    ///
    /// # Errors
    /// The error of the kernel.
    pub fn start_log(&mut self, visited: Vec<Visited<Log>>) -> Result<(), CaptureError> {
        self.staging = Some(Staging::new(&self.machine)?);
        self.backlog.continue_logs(visited);
        self.refresh_dirty().map(|_| ())
    }

    /// Begins a round; returns the number of pages that it covers.
    pub fn begin_round(&mut self) -> u64 {
        self.backlog.begin_round();
        self.backlog.page_count()
    }

    /// Begins to send the frozen domain; returns the number of pages that this covers.
    ///
    /// # Errors
    /// The error of the kernel; [`CaptureError::FreezeEnded`] if the domain runs again.
    pub fn begin_freeze(&mut self) -> Result<u64, CaptureError> {
        self.timeline.mark("decide");
        let frozen = self.frozen.as_ref().ok_or(CaptureError::Inconsistent)?;
        let begun = self.backlog.begin_freeze(&frozen.read);
        begun.map_err(|error| self.hand_over_error(error.into()))?;
        self.begins_with_state = self.may_begin_with_state();
        self.is_state_sent = false;
        self.timeline.mark("dirty_pages");
        Ok(self.backlog.page_count())
    }

    /// Appends a piece of the pass; returns whether there is more.
    ///
    /// # Errors
    /// The error of the kernel; [`CaptureError::FreezeEnded`] if the domain is being handed over and runs again.
    pub fn produce(&mut self, out: &mut Vec<u8>) -> Result<bool, CaptureError> {
        self.timeline.mark("send");
        if self.writer.is_none() {
            let mut writer = Writer::new(1, out);
            writer.outline(0, &self.outline, out);
            self.writer = Some(writer);
        }
        if self.frozen.is_some() && self.begins_with_state {
            self.send_state(out)?;
        }
        let writer = self.writer.as_mut().ok_or(CaptureError::Inconsistent)?;
        let staging = self.staging.as_mut().ok_or(CaptureError::Inconsistent)?;
        let produced = self
            .backlog
            .produce(staging, &mut self.numbering, writer, out);
        self.timeline.mark("copy");
        match &self.frozen {
            Some(_) => produced.map_err(|error| self.hand_over_error(error)),
            None => produced,
        }
    }

    /// The number of pages that are still to be sent in this pass.
    pub fn pages_left(&self) -> u64 {
        self.backlog.page_count()
    }

    /// Ends a round; returns whether the domain is described. The first round in which the domain can be described also sends
    /// the description, from which the destination builds the domain on trial while the domain still runs here.
    ///
    /// # Errors
    /// The error of the kernel, or no round was begun.
    pub fn end_round(&mut self, number: u32, out: &mut Vec<u8>) -> Result<bool, CaptureError> {
        let data_pages = self.backlog.end_pass()?;
        self.sent.all += data_pages;
        if !self.is_described {
            self.describe_running(out)?;
        }
        let writer = self.writer.as_mut().ok_or(CaptureError::Inconsistent)?;
        writer.round(0, Round { number, data_pages }, out);
        Ok(self.is_described)
    }

    /// Adds the pages written since the last call; returns the number of pages that are to be sent now.
    ///
    /// # Errors
    /// The error of the kernel.
    pub fn refresh_dirty(&mut self) -> Result<u64, CaptureError> {
        let read = listing::read(self.domain.cap())?;
        self.backlog.collect_dirty(&read, Scope::Round)?;
        Ok(self.backlog.page_count())
    }

    /// Ends the measurement of its pause, since it runs elsewhere. Returns the steps, the number of pages sent in the pause,
    /// and the number of all pages sent.
    pub fn end_pause(&mut self) -> Option<String> {
        self.timeline.mark("await_activated");
        let steps = self.timeline.end()?;
        let SentPages { in_pause, all } = self.sent;
        Some(format!("{steps}, sent {in_pause} of {all} pages"))
    }

    fn forget_capture(&mut self) {
        self.backlog.clear();
        (self.frozen, self.ring, self.staging) = (None, None, None);
        self.reservation = Reservation::default();
    }
}

#[cfg(test)]
mod tests;
