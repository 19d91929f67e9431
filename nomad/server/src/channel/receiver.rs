//! A task that receives a domain's pages.

use alloc::vec;

use embassy_net::tcp::TcpSocket;
use embassy_net::{IpAddress, Stack};
use embassy_time::Duration;
use nomad_image::Limits;
use nomad_protocol::{Event, LocalFailure, PORT, StreamHeader, TargetEvent, TransactionId};

use crate::channel::segments::{Arrival, Segments, StreamError};
use crate::peers;
use crate::shell::Shell;

/// Bytes on their way.
const RECEIVE_BYTES: usize = 256 * 1024;
/// Nothing but acknowledgements goes back.
const SEND_BYTES: usize = 1024;
/// Bytes that are looked at together.
const PIECE_BYTES: usize = 32 * 1024;
/// How long a connection may stay silent.
const SILENCE_LIMIT: Duration = Duration::from_secs(150);

/// Why a stream ends.
enum End {
    /// The other side ended it, or the connection broke.
    Broken,
    /// It says what it should not.
    Lied(StreamError),
    /// It is of a transaction that its sender has no part in.
    Stranger,
    /// The domain could not take it in.
    Failed(LocalFailure),
}

/// Receives one stream after the other, for ever.
pub async fn run(shell: &'static Shell, stack: Stack<'static>) {
    let mut receive = vec![0; RECEIVE_BYTES];
    let mut send = vec![0; SEND_BYTES];
    loop {
        let mut socket = TcpSocket::new(stack, &mut receive, &mut send);
        socket.set_timeout(Some(SILENCE_LIMIT));
        if socket.accept(PORT).await.is_err() {
            continue;
        }
        let mut stream = Stream {
            shell,
            transaction: None,
            segments: Segments::new(Limits::default()),
        };
        let end = stream.take_from(&mut socket).await;
        stream.report(end);
        socket.abort();
        // The reset, if it is one, goes out with the next poll of the stack.
        let _ = socket.flush().await;
    }
}

/// A page stream.
struct Stream<'a> {
    shell: &'a Shell,
    transaction: Option<TransactionId>,
    segments: Segments,
}

impl Stream<'_> {
    async fn take_from(&mut self, socket: &mut TcpSocket<'_>) -> End {
        let Some(from) = socket.remote_endpoint().map(|endpoint| endpoint.addr) else {
            return End::Broken;
        };
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            match socket.read(&mut piece).await {
                Ok(0) | Err(_) => return End::Broken,
                Ok(length) => {
                    if let Err(end) = self.take(&piece[..length], from) {
                        return end;
                    }
                }
            }
        }
    }

    fn take(&mut self, mut bytes: &[u8], from: IpAddress) -> Result<(), End> {
        while !bytes.is_empty() {
            let (used, arrival) = self.segments.read(bytes).map_err(End::Lied)?;
            bytes = &bytes[used..];
            match arrival {
                None => {}
                Some(Arrival::Begins(header)) => {
                    let transaction = transaction_of(&header);
                    let known = *self.transaction.get_or_insert(transaction);
                    if known != transaction || !is_from(self.shell, transaction, from) {
                        return Err(End::Stranger);
                    }
                }
                Some(Arrival::Says(event)) => {
                    let transaction = self.transaction.ok_or(End::Stranger)?;
                    self.shell
                        .with_incoming(transaction, |incoming| incoming.take(event))
                        .map_err(End::Failed)?;
                }
                Some(Arrival::Ends(header)) => {
                    self.shell.report(transaction_of(&header), ended(&header));
                }
            }
        }
        Ok(())
    }

    fn report(&self, end: End) {
        let Some(transaction) = self.transaction else {
            return;
        };
        match end {
            End::Broken => self.shell.report(transaction, Event::StreamBroken),
            End::Lied(error) => {
                log::warn!("{error}");
                let event = Event::Failed(LocalFailure::BadImage);
                self.shell.report(transaction, event);
            }
            End::Stranger => {
                log::warn!("pages for a transaction that their sender has no part in");
            }
            End::Failed(failure) => self.shell.report(transaction, Event::Failed(failure)),
        }
    }
}

/// Whether the transaction is one with the machine at this address.
fn is_from(shell: &Shell, transaction: TransactionId, from: IpAddress) -> bool {
    let IpAddress::Ipv4(from) = from;
    shell.peer_of(transaction) == Some(peers::machine_at(from))
}

fn transaction_of(header: &StreamHeader) -> TransactionId {
    match header {
        StreamHeader::Round { transaction, .. } | StreamHeader::Freeze { transaction, .. } => {
            *transaction
        }
    }
}

fn ended(header: &StreamHeader) -> Event {
    Event::Target(match *header {
        StreamHeader::Round { number, pages, .. } => TargetEvent::RoundReceived { number, pages },
        StreamHeader::Freeze {
            attempt,
            rounds,
            digest,
            ..
        } => TargetEvent::FreezeReceived {
            attempt,
            digest,
            rounds,
        },
    })
}
