//! A task that receives a domain's pages.

use alloc::vec;
use alloc::vec::Vec;

use embassy_futures::select::{Either3, select3};
use embassy_net::tcp::TcpSocket;
use embassy_net::{IpAddress, Stack};
use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::signal::Signal;
use embassy_time::{Duration, Instant as Now, Timer};
use nomad_channel::tunnel::{self, Opener, RecordDecoder, Untrusted};
use nomad_image::Limits;
use nomad_protocol::{Event, LocalFailure, MachineId, PORT, TransactionId};
use nomad_shell::pages::{SegmentRejected, transaction_of};
use runtime::port::SLOT_COUNT;

use crate::channel::page_stream::{PageStream, StreamError, StreamEvent};
use crate::executor_turns::{UNTIL_SENT, yield_for};
use crate::server::Server;

/// Bytes in flight: few enough that their frames fit the ring of this domain's port, with room for other frames. A frame
/// that does not fit is lost, and waits for a retransmission.
const RECEIVE_BYTES: usize = 128 * 1024;

const _: () = {
    // The payload of a TCP frame, and the frames left for everything else.
    const SEGMENT_BYTES: usize = 1460;
    const OTHER_FRAMES: usize = 32;
    assert!(RECEIVE_BYTES / SEGMENT_BYTES + OTHER_FRAMES <= SLOT_COUNT as usize);
};
/// Only the response to the handshake goes back.
const SEND_BYTES: usize = 1024;
/// Bytes read at once.
const PIECE_BYTES: usize = 32 * 1024;
/// How long a connection may take to name its transaction, however many bytes come until then.
const BEGIN_LIMIT: Duration = Duration::from_secs(10);
/// How long it may stay silent after that.
const SILENCE_LIMIT: Duration = Duration::from_secs(150);

/// The reason a stream ends.
enum End {
    /// The other side ended it, or the connection broke.
    Broken,
    /// Its content is not valid.
    Malformed(StreamError),
    /// Its sender is not the source of the transaction.
    Unauthorized,
    /// A step of the restore failed.
    Failed(LocalFailure),
    /// Its transaction does not need it any more. The source's server may have ended without closing it.
    Over,
}

impl From<Untrusted> for End {
    fn from(_: Untrusted) -> End {
        End::Unauthorized
    }
}

impl From<SegmentRejected> for End {
    fn from(_: SegmentRejected) -> End {
        End::Unauthorized
    }
}

/// Receives one stream after the other, for ever.
pub async fn run(
    server: &'static Server,
    stack: Stack<'static>,
    over: &'static Signal<NoopRawMutex, ()>,
) {
    let mut receive = vec![0; RECEIVE_BYTES];
    let mut send = vec![0; SEND_BYTES];
    loop {
        let mut socket = TcpSocket::new(stack, &mut receive, &mut send);
        socket.set_timeout(Some(BEGIN_LIMIT));
        if socket.accept(PORT).await.is_err() {
            continue;
        }
        if is_of_fleet(server, &socket) {
            let mut stream = Stream {
                server,
                over,
                transaction: None,
                reader: PageStream::new(Limits::default()),
            };
            let end = stream.receive(&mut socket).await;
            stream.report(end);
            // If the transaction ends, the source is to receive the reason before it notices this.
            yield_for(UNTIL_SENT).await;
        }
        socket.abort();
        // The reset, if it is one, goes out with the next poll of the stack.
        let _ = socket.flush().await;
    }
}

/// Whether the peer's address is that of a machine of the fleet. The handshake proves which.
fn is_of_fleet(server: &Server, socket: &TcpSocket<'_>) -> bool {
    let shell = server.shell.borrow();
    let mut known = shell.machines().addresses();
    let peer = socket.remote_endpoint().map(|peer| peer.addr);
    known.any(|address| peer == Some(IpAddress::Ipv4(address)))
}

/// A page stream.
struct Stream<'a> {
    server: &'a Server,
    /// Raised when it may be over.
    over: &'a Signal<NoopRawMutex, ()>,
    transaction: Option<TransactionId>,
    reader: PageStream,
}

impl Stream<'_> {
    async fn receive(&mut self, socket: &mut TcpSocket<'_>) -> End {
        let mut piece = vec![0; PIECE_BYTES];
        let mut decoder = RecordDecoder::default();
        let mut tunnel: Option<(Opener, MachineId)> = None;
        let begin_limit = Now::now() + BEGIN_LIMIT;
        loop {
            let limit = match self.transaction {
                Some(_) => Now::MAX,
                None => begin_limit,
            };
            let read = socket.read(&mut piece);
            let mut rest = match select3(read, self.over.wait(), Timer::at(limit)).await {
                Either3::First(Ok(0) | Err(_)) => return End::Broken,
                Either3::First(Ok(length)) => &piece[..length],
                Either3::Second(()) if self.is_over() => return End::Over,
                Either3::Second(()) => continue,
                Either3::Third(()) => return End::Unauthorized,
            };
            while !rest.is_empty() {
                let (used, record) = decoder.decode(rest);
                rest = &rest[used..];
                let Some(record) = record else { continue };
                let done = match &mut tunnel {
                    Some((opener, from)) => self.handle_record(opener, *from, record),
                    None => self
                        .answer(socket, record)
                        .await
                        .map(|made| tunnel = Some(made)),
                };
                if let Err(end) = done {
                    return end;
                }
                if self.transaction.is_some() {
                    socket.set_timeout(Some(SILENCE_LIMIT));
                }
            }
        }
    }

    fn is_over(&self) -> bool {
        let transaction = self.transaction;
        let shell = self.server.shell.borrow();
        transaction.is_some_and(|transaction| !shell.moves.awaits_pages(transaction))
    }

    /// Responds to the handshake.
    async fn answer(
        &self,
        socket: &mut TcpSocket<'_>,
        record: &[u8],
    ) -> Result<(Opener, MachineId), End> {
        let mut out = Vec::new();
        let network = &self.server.network;
        let made = tunnel::respond(&network.keys, network.fork_random(), record, &mut out)?;
        let written = socket.write(&out).await.map_err(|_| End::Broken)?;
        // A response is short enough for any buffer.
        (written == out.len()).then_some(made).ok_or(End::Broken)
    }

    fn handle_record(
        &mut self,
        opener: &mut Opener,
        from: MachineId,
        record: &[u8],
    ) -> Result<(), End> {
        let content = opener.open(record)?;
        self.handle_content(content, from)
    }

    fn handle_content(&mut self, mut bytes: &[u8], from: MachineId) -> Result<(), End> {
        while !bytes.is_empty() {
            let (used, event) = self.reader.read(bytes).map_err(End::Malformed)?;
            bytes = &bytes[used..];
            match event {
                None => {}
                Some(StreamEvent::SegmentBegin(header)) => {
                    let mut shell = self.server.shell.borrow_mut();
                    let about = shell.begin_segment(from, self.transaction, &header)?;
                    if let Some(incoming) = shell.moves.incoming(about) {
                        self.reader.limit(incoming.extent().limits());
                    }
                    self.transaction = Some(about);
                }
                Some(StreamEvent::Image(event)) => {
                    let transaction = self.transaction.ok_or(End::Unauthorized)?;
                    let mut shell = self.server.shell.borrow_mut();
                    shell
                        .handle_arrival(transaction, event)
                        .map_err(End::Failed)?;
                }
                Some(StreamEvent::SegmentEnd(header)) => {
                    let ended = self.server.shell.borrow_mut().end_segment(&header);
                    let event = ended.map_err(End::Failed)?;
                    self.server.network.sessions.borrow_mut().mark_alive(from);
                    self.server.report(transaction_of(&header), event);
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
            End::Broken => self.server.report(transaction, Event::StreamBroken),
            End::Malformed(error) => {
                log::warn!("{error}");
                let event = Event::Failed(LocalFailure::BadImage);
                self.server.report(transaction, event);
            }
            // The sender has no part in the transaction, and must not be able to end it.
            End::Unauthorized => {
                log::warn!("a page stream from a machine without a part in its transaction")
            }
            End::Failed(failure) => self.server.report(transaction, Event::Failed(failure)),
            End::Over => {}
        }
    }
}
