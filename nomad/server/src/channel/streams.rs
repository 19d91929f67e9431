//! All page streams of this machine: [`Streams`].
//!
//! ```text
//!   Job --> Outbound --Data--> the session with the destination      any number of each at once, on one socket
//!              ^------Ack----
//!   Data --> Inbound --> events for the ledger
//! ```

use alloc::collections::BTreeMap;
use alloc::collections::btree_map::Entry;
use alloc::format;
use core::cell::RefCell;

use abi::calls::Yield;
use nomad_protocol::{Event, Instant, MachineId, TransactionId};
use nomad_shell::pages::SendError;
use nomad_shell::{Job, JobKind};
use nomad_transport::{Data, Datagram};
use runtime::system_call::invoke;

use crate::channel::inbound::Inbound;
use crate::channel::outbound::Outbound;
use crate::now::now;
use crate::server::Server;

/// The page streams by transaction.
#[derive(Default)]
pub struct Streams {
    outbound: RefCell<BTreeMap<TransactionId, Outbound>>,
    inbound: RefCell<BTreeMap<TransactionId, Inbound>>,
}

impl Streams {
    /// Begins a job of an outgoing domain.
    pub fn begin(&self, server: &Server, job: Job) {
        let transaction = job.transaction;
        if job.kind == JobKind::Close {
            if let Some(stream) = self.outbound.borrow_mut().remove(&transaction) {
                let line = format!("{}: stream, {}", transaction.short(), stream.statistics());
                server.deferred.log(line);
            }
            return;
        }
        let mut outbound = self.outbound.borrow_mut();
        let begun = {
            let shell = &mut server.shell.borrow_mut();
            let stream = match outbound.entry(transaction) {
                Entry::Occupied(known) => Some(known.into_mut()),
                Entry::Vacant(vacant) => {
                    let entry = shell.moves.entry(transaction);
                    entry.map(|entry| {
                        let rate_max = entry.options.rate_max;
                        let stream = Outbound::new(now(), transaction, entry.peer, rate_max);
                        vacant.insert(stream)
                    })
                }
            };
            stream.map_or(Err(SendError::Over), |stream| {
                stream.begin(now(), shell, job)
            })
        };
        if let Err(error) = begun {
            outbound.remove(&transaction);
            end(server, transaction, error);
        }
    }

    /// Ends the incoming streams that no transaction needs any more.
    pub fn end_unneeded(&self, server: &Server) {
        let shell = server.shell.borrow();
        let mut inbound = self.inbound.borrow_mut();
        inbound.retain(|transaction, _| shell.moves.awaits_pages(*transaction));
    }

    /// Handles a machine's datagram about pages.
    pub fn handle_datagram(&self, server: &Server, from: MachineId, bytes: &[u8]) {
        match Datagram::decode(bytes) {
            Some(Datagram::Data(data)) => self.handle_data(server, from, &data),
            Some(Datagram::Ack(ack)) => {
                let mut outbound = self.outbound.borrow_mut();
                let stream = outbound.get_mut(&ack.transaction);
                if let Some(stream) = stream.filter(|stream| stream.peer == from) {
                    stream.handle_ack(now(), &ack);
                }
            }
            None => log::debug!("from {from:?}: a malformed datagram about pages"),
        }
    }

    /// Handles pages. Pages of a stream that nothing awaits are dropped: their source learns from the ledger that the
    /// move is over.
    fn handle_data(&self, server: &Server, from: MachineId, data: &Data<'_>) {
        let transaction = data.transaction;
        let mut inbound = self.inbound.borrow_mut();
        let shell = &mut server.shell.borrow_mut();
        let is_awaited = shell.moves.awaits_pages(transaction);
        if !is_awaited || shell.moves.peer_of(transaction) != Some(from) {
            return;
        }
        let stream = inbound.entry(transaction);
        let stream = stream.or_insert_with(|| Inbound::new(transaction, from));
        if let Err(failure) = stream.handle_data(now(), shell, data) {
            shell.handle_event(now(), transaction, Event::Failed(failure));
        }
    }

    /// Sends the acknowledgements that are due.
    pub fn send_acks(&self, mut send: impl FnMut(MachineId, &[u8])) {
        for stream in self.inbound.borrow_mut().values_mut() {
            if let Some(ack) = stream.poll_ack(now()) {
                send(stream.peer, &ack.encode());
            }
        }
    }

    /// Sends one datagram of at most `bytes_max` bytes for each outgoing stream that has one to send now; returns whether any
    /// was sent. `send` returns whether there was room for it.
    pub fn send_pages(
        &self,
        server: &Server,
        bytes_max: usize,
        mut send: impl FnMut(MachineId, &[u8]) -> bool,
    ) -> bool {
        let mut has_sent = false;
        self.outbound.borrow_mut().retain(|transaction, stream| {
            if let Err(error) = advance(server, *transaction, stream) {
                end(server, *transaction, error);
                return false;
            }
            let peer = stream.peer;
            has_sent |= stream.transmit(now(), bytes_max, |datagram| send(peer, datagram));
            true
        });
        has_sent
    }

    /// When to send again.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let (outbound, inbound) = (self.outbound.borrow(), self.inbound.borrow());
        let outbound = outbound.values().filter_map(Outbound::poll_timeout);
        let inbound = inbound.values().filter_map(Inbound::poll_timeout);
        outbound.chain(inbound).min()
    }
}

/// Produces the next piece of a stream if there is room for it, and ends a segment that is over.
fn advance(
    server: &Server,
    transaction: TransactionId,
    stream: &mut Outbound,
) -> Result<(), SendError> {
    if stream.is_abandoned() {
        log::warn!(
            "{}: the destination acknowledges no pages",
            transaction.short()
        );
        server.report(transaction, Event::StreamBroken);
        return Err(SendError::Over);
    }
    if stream.wants_piece() {
        stream.produce(&mut server.shell.borrow_mut())?;
        // Yields to the domain that is copied, and to others of this priority. This call cannot fail.
        let _ = invoke(Yield {});
    }
    stream.report(now(), &mut server.shell.borrow_mut());
    let event = stream.end(now(), &mut server.shell.borrow_mut())?;
    if let Some(event) = event {
        server.report(transaction, event);
    }
    Ok(())
}

/// Reports the failure that ended an outgoing stream, if it was one.
fn end(server: &Server, transaction: TransactionId, error: SendError) {
    if let SendError::Failed(failure) = error {
        server.report(transaction, Event::Failed(failure));
    }
}
