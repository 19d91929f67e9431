//! The pages of a domain that arrives: [`Inbound`].

use nomad_image::Limits;
use nomad_protocol::{DestinationEvent, Event, Instant, LocalFailure, MachineId, TransactionId};
use nomad_shell::Shell;
use nomad_transport::{Ack, Data, Receiver};

use crate::channel::page_stream::{PageStream, StreamEvent};
use crate::local::Local;

/// How often the ledger is notified that bytes arrive. It must be more often than the ledger's limit for a stream
/// without bytes.
const ARRIVING_US: u64 = 1_000_000;

/// The incoming stream of a transaction: puts its bytes in order and reads them.
pub struct Inbound {
    transaction: TransactionId,
    /// The source.
    pub peer: MachineId,
    receiver: Receiver,
    reader: PageStream,
    /// Whether the stream was rejected. Then nothing more of it is accepted or acknowledged.
    is_rejected: bool,
    /// When the ledger was last notified that bytes arrive.
    notified: Option<Instant>,
}

impl Inbound {
    /// A stream from a machine, of which nothing has arrived.
    pub fn new(transaction: TransactionId, peer: MachineId) -> Inbound {
        Inbound {
            transaction,
            peer,
            receiver: Receiver::new(transaction),
            reader: PageStream::new(Limits::default()),
            is_rejected: false,
            notified: None,
        }
    }

    /// Handles a datagram, and reports the resulting events to the ledger, each before the bytes that follow it are read.
    ///
    /// # Errors
    /// The reason the domain cannot arrive.
    pub fn handle_data(
        &mut self,
        now: Instant,
        shell: &mut Shell<Local>,
        data: &Data<'_>,
    ) -> Result<(), LocalFailure> {
        let Inbound {
            transaction,
            peer,
            receiver,
            reader,
            is_rejected,
            notified,
        } = self;
        if *is_rejected {
            return Ok(());
        }
        let source = (*transaction, *peer);
        let handled = receiver.handle(now, data, |bytes| {
            if notified.is_none_or(|notified| now.us_since(notified) >= ARRIVING_US) {
                *notified = Some(now);
                let arriving = Event::Destination(DestinationEvent::Arriving);
                shell.handle_event(now, *transaction, arriving);
            }
            read(now, reader, shell, source, bytes)
        });
        *is_rejected = handled.is_err();
        handled
    }

    /// The acknowledgement to send now, if one is due.
    pub fn poll_ack(&mut self, now: Instant) -> Option<Ack> {
        let is_rejected = self.is_rejected;
        self.receiver.poll_ack(now).filter(|_| !is_rejected)
    }

    /// When to call [`Inbound::poll_ack`].
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.receiver.poll_timeout()
    }
}

/// Reads the next bytes of the stream.
fn read(
    now: Instant,
    reader: &mut PageStream,
    shell: &mut Shell<Local>,
    (transaction, peer): (TransactionId, MachineId),
    mut bytes: &[u8],
) -> Result<(), LocalFailure> {
    while !bytes.is_empty() {
        let (used, event) = reader.read(bytes).map_err(|error| {
            log::warn!("{}: {error}", transaction.short());
            LocalFailure::BadImage
        })?;
        bytes = &bytes[used..];
        match event {
            None => {}
            Some(StreamEvent::SegmentBegin(header)) => {
                let begun = shell.begin_segment(now, peer, transaction, &header);
                begun.map_err(|_| {
                    log::warn!("{}: {header:?} is not expected", transaction.short());
                    LocalFailure::BadImage
                })?;
                if let Some(incoming) = shell.moves.incoming(transaction) {
                    let limits = incoming.extent().limits();
                    reader.limit(limits);
                }
            }
            Some(StreamEvent::Image(event)) => shell.handle_arrival(transaction, event)?,
            Some(StreamEvent::SegmentEnd(header)) => {
                let ended = shell.end_segment(&header)?;
                shell.handle_event(now, transaction, ended);
            }
        }
    }
    Ok(())
}
