//! The task that sends a domain's pages: one connection per transaction, one segment per round and freeze.

use abi::calls::Yield;
use alloc::vec;
use alloc::vec::Vec;

use embassy_futures::select::{Either, select};
use embassy_net::tcp::TcpSocket;
use embassy_net::{IpAddress, IpEndpoint, Stack};
use embassy_time::{Duration, with_timeout};
use nomad_channel::tunnel::{Initiator, RecordDecoder, Sealer, Untrusted};
use nomad_protocol::{Event, LocalFailure, PORT, TransactionId};
use nomad_shell::pages::Segment;
use nomad_shell::{Job, JobKind, pages};
use runtime::system_call::invoke;

use crate::capture::pass::PIECE_BYTES;
use crate::executor_turns::{UNTIL_SENT, yield_for};
use crate::now::now;
use crate::server::Server;

/// Bytes in flight.
const SEND_BYTES: usize = 256 * 1024;
/// Only the response to the handshake comes back.
const RECEIVE_BYTES: usize = 1024;
/// How long the other machine may take to accept and to respond.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// How long it may leave everything unacknowledged.
const SILENCE_LIMIT: Duration = Duration::from_secs(10);
/// How long it may take to confirm a segment: longer than any phase of a move.
const AWAIT_LIMIT: Duration = Duration::from_secs(180);
/// How often the connection is probed when there is nothing to acknowledge.
const KEEP_ALIVE: Duration = Duration::from_secs(2);

/// The reason a stream ends.
enum End {
    /// The connection broke.
    Broken,
    /// The domain could not be read.
    Failed(LocalFailure),
    /// The transaction is over.
    Over,
}

impl From<pages::SendError> for End {
    fn from(end: pages::SendError) -> End {
        match end {
            pages::SendError::Over => End::Over,
            pages::SendError::Failed(failure) => End::Failed(failure),
        }
    }
}

impl From<Untrusted> for End {
    fn from(_: Untrusted) -> End {
        log::warn!("the destination is not the machine that it should be");
        End::Broken
    }
}

/// Sends the pages of one transaction after the other, for ever. `number` is this sender's.
pub async fn run(server: &'static Server, stack: Stack<'static>, number: usize) {
    let mut receive = vec![0; RECEIVE_BYTES];
    let mut send = vec![0; SEND_BYTES];
    loop {
        let job = server.jobs.next(number).await;
        if job.kind != JobKind::Close {
            let mut socket = TcpSocket::new(stack, &mut receive, &mut send);
            socket.set_nagle_enabled(false);
            socket.set_timeout(Some(SILENCE_LIMIT));
            socket.set_keep_alive(Some(KEEP_ALIVE));
            let mut stream = Stream {
                server,
                number,
                transaction: job.transaction,
                socket,
                piece: Vec::new(),
                sealed: Vec::new(),
            };
            let end = stream.send_all(job).await;
            stream.end(end).await;
        }
        server.jobs.finish(number);
    }
}

/// Lets other threads of this server's priority run.
fn yield_now() {
    // It cannot fail.
    let _ = invoke(Yield {});
}

/// A connection to a destination.
struct Stream<'a> {
    server: &'a Server,
    number: usize,
    transaction: TransactionId,
    socket: TcpSocket<'a>,
    /// The plaintext to be sent.
    piece: Vec<u8>,
    /// The same, encrypted.
    sealed: Vec<u8>,
}

impl Stream<'_> {
    /// Does this job and those that follow, until the stream is closed or breaks; returns the reason that it ends.
    async fn send_all(&mut self, first: Job) -> End {
        let dialled = with_timeout(CONNECT_LIMIT, self.dial()).await;
        let Ok(Ok(mut sealer)) = dialled else {
            return End::Broken;
        };
        let mut next = Ok(first);
        loop {
            next = match next {
                Ok(job) => self.send_job(&mut sealer, job).await,
                Err(end) => return end,
            };
        }
    }

    /// Does a job; returns the next.
    async fn send_job(&mut self, sealer: &mut Sealer, job: Job) -> Result<Job, End> {
        self.send_segment(sealer, job).await?;
        self.next().await
    }

    /// Awaits the next job, for as long as a live destination may need. One that is gone shows only by the connection's end,
    /// since there is nothing to write. A committed transaction ignores a broken stream.
    async fn next(&mut self) -> Result<Job, End> {
        let next = self.server.jobs.next(self.number);
        let mut nothing = [0];
        let gone = async {
            // The destination sends nothing after its response to the handshake.
            let _ = with_timeout(AWAIT_LIMIT, self.socket.read(&mut nothing)).await;
        };
        match select(next, gone).await {
            Either::First(next) => Ok(next),
            Either::Second(()) => Err(End::Broken),
        }
    }

    async fn end(&mut self, end: End) {
        match end {
            End::Broken => {
                // A destination that gives up sends the reason before it ends the connection: that is handled first.
                yield_for(UNTIL_SENT).await;
                self.server.report(self.transaction, Event::StreamBroken);
            }
            End::Failed(failure) => {
                let event = Event::Failed(failure);
                self.server.report(self.transaction, event);
            }
            End::Over => {}
        }
        self.socket.abort();
        // The reset goes out with the next poll of the stack.
        let _ = self.socket.flush().await;
    }

    /// Connects to the destination and authenticates it.
    async fn dial(&mut self) -> Result<Sealer, End> {
        let network = &self.server.network;
        let peer = self.server.shell.borrow().moves.peer_of(self.transaction);
        let peer = peer.ok_or(End::Over)?;
        let address = network.keys.address_of(peer).ok_or(End::Over)?;
        let endpoint = IpEndpoint::new(IpAddress::Ipv4(address), PORT);
        self.socket
            .connect(endpoint)
            .await
            .map_err(|_| End::Broken)?;
        let random = network.fork_random();
        let initiator = Initiator::new(&network.keys, peer, random, &mut self.sealed)?;
        self.write_sealed().await?;
        let mut decoder = RecordDecoder::default();
        let mut bytes = [0; RECEIVE_BYTES];
        loop {
            let count = self
                .socket
                .read(&mut bytes)
                .await
                .map_err(|_| End::Broken)?;
            if count == 0 {
                return Err(End::Broken);
            }
            if let (_, Some(record)) = decoder.decode(&bytes[..count]) {
                return Ok(initiator.handle_response(record)?);
            }
        }
    }

    /// Sends a job's segment, piece by piece.
    async fn send_segment(&mut self, sealer: &mut Sealer, job: Job) -> Result<(), End> {
        let mut segment = self.begin(job)?.ok_or(End::Over)?;
        while segment.produce(&mut self.server.shell.borrow_mut(), &mut self.piece)? {
            segment.record_sent(self.send_piece(sealer).await?);
            // The domain that is copied, and others of this priority, go first.
            yield_now();
        }
        segment.record_sent(self.send_piece(sealer).await?);
        let event = segment.end(&mut self.server.shell.borrow_mut(), now())?;
        if let Some(event) = event {
            self.server.report(self.transaction, event);
        }
        Ok(())
    }

    fn begin(&mut self, job: Job) -> Result<Option<Segment>, pages::SendError> {
        let shell = &mut self.server.shell.borrow_mut();
        Segment::begin(shell, now(), job, &mut self.piece)
    }

    async fn send_piece(&mut self, sealer: &mut Sealer) -> Result<u64, End> {
        sealer.seal(&self.piece, &mut self.sealed)?;
        self.piece.clear();
        self.piece.shrink_to(2 * PIECE_BYTES);
        let bytes = self.sealed.len() as u64;
        self.write_sealed().await?;
        Ok(bytes)
    }

    async fn write_sealed(&mut self) -> Result<(), End> {
        let mut rest = &self.sealed[..];
        while !rest.is_empty() {
            // While a segment is sent, the only job that can come is the one that closes the stream.
            let over = self.server.jobs.next(self.number);
            match select(self.socket.write(rest), over).await {
                Either::First(written) => rest = &rest[written.map_err(|_| End::Broken)?..],
                Either::Second(_) => return Err(End::Over),
            }
        }
        self.sealed.clear();
        self.sealed.shrink_to(2 * PIECE_BYTES);
        Ok(())
    }
}
