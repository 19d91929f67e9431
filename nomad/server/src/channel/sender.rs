//! The task that sends a domain's pages: a connection for a transaction, a segment for each round and freeze.

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
use crate::server::{Server, now};
use crate::turns::{TO_SAY, give_way};

/// Bytes in flight.
const SEND_BYTES: usize = 256 * 1024;
/// Nothing but the answer to the handshake comes back.
const RECEIVE_BYTES: usize = 1024;
/// How long the other machine may take to accept and to answer.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// How long it may acknowledge nothing.
const SILENCE_LIMIT: Duration = Duration::from_secs(10);
/// How long it may take to say that it has what was sent: longer than any phase of a move.
const AWAIT_LIMIT: Duration = Duration::from_secs(180);
/// How often it is asked whether it is there, when there is nothing to acknowledge.
const KEEP_ALIVE: Duration = Duration::from_secs(2);

/// Why a segment was not sent.
enum Unsent {
    /// The connection broke.
    Broken,
    /// The domain could not be read.
    Failed(LocalFailure),
    /// The transaction is over.
    Over,
}

impl From<pages::SendError> for Unsent {
    fn from(unsent: pages::SendError) -> Unsent {
        match unsent {
            pages::SendError::Over => Unsent::Over,
            pages::SendError::Failed(failure) => Unsent::Failed(failure),
        }
    }
}

impl From<Untrusted> for Unsent {
    fn from(_: Untrusted) -> Unsent {
        log::warn!("the target is not the machine that it should be");
        Unsent::Broken
    }
}

/// Sends for ever: one transaction's pages after another's. `number` is this sender's.
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
            let unsent = stream.send_all(job).await;
            stream.end(unsent).await;
        }
        server.jobs.finish(number);
    }
}

/// Lets other threads of this server's priority run.
fn yield_now() {
    // There is nothing that it could complain about.
    let _ = invoke(Yield {});
}

/// A connection to a target.
struct Stream<'a> {
    server: &'a Server,
    /// The sender's number.
    number: usize,
    transaction: TransactionId,
    socket: TcpSocket<'a>,
    /// What is to be sent, in clear.
    piece: Vec<u8>,
    /// The same, encrypted.
    sealed: Vec<u8>,
}

impl Stream<'_> {
    /// Does this job and those that follow, until the stream is to be closed or breaks; returns why it ends.
    async fn send_all(&mut self, first: Job) -> Unsent {
        let dialled = with_timeout(CONNECT_LIMIT, self.dial()).await;
        let Ok(Ok(mut sealer)) = dialled else {
            return Unsent::Broken;
        };
        let mut next = Ok(first);
        loop {
            next = match next {
                Ok(job) => self.send_job(&mut sealer, job).await,
                Err(unsent) => return unsent,
            };
        }
    }

    /// Does a job; returns the next.
    async fn send_job(&mut self, sealer: &mut Sealer, job: Job) -> Result<Job, Unsent> {
        self.send_segment(sealer, job).await?;
        self.next().await
    }

    /// Awaits the next job, for so long as a target may need that is there. One that is gone shows only by the connection's end, since
    /// there is nothing to write. That a stream broke is nothing to a transaction that is committed.
    async fn next(&mut self) -> Result<Job, Unsent> {
        let next = self.server.jobs.next(self.number);
        let mut nothing = [0];
        let gone = async {
            // The target says nothing here but its answer to the handshake.
            let _ = with_timeout(AWAIT_LIMIT, self.socket.read(&mut nothing)).await;
        };
        match select(next, gone).await {
            Either::First(next) => Ok(next),
            Either::Second(()) => Err(Unsent::Broken),
        }
    }

    async fn end(&mut self, unsent: Unsent) {
        match unsent {
            Unsent::Broken => {
                // A target that gives up says why before it ends the connection: what has come is heard first.
                give_way(TO_SAY).await;
                self.server.report(self.transaction, Event::StreamBroken);
            }
            Unsent::Failed(failure) => {
                let event = Event::Failed(failure);
                self.server.report(self.transaction, event);
            }
            Unsent::Over => {}
        }
        self.socket.abort();
        // The reset goes out with the next poll of the stack.
        let _ = self.socket.flush().await;
    }

    /// Connects to the target and makes sure that it is the one.
    async fn dial(&mut self) -> Result<Sealer, Unsent> {
        let network = &self.server.network;
        let peer = self.server.shell.borrow().moves.peer_of(self.transaction);
        let peer = peer.ok_or(Unsent::Over)?;
        let address = network.keys.address_of(peer).ok_or(Unsent::Over)?;
        let endpoint = IpEndpoint::new(IpAddress::Ipv4(address), PORT);
        self.socket
            .connect(endpoint)
            .await
            .map_err(|_| Unsent::Broken)?;
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
                .map_err(|_| Unsent::Broken)?;
            if count == 0 {
                return Err(Unsent::Broken);
            }
            if let (_, Some(record)) = decoder.decode(&bytes[..count]) {
                return Ok(initiator.handle_response(record)?);
            }
        }
    }

    /// Sends what a job asks for, piece by piece.
    async fn send_segment(&mut self, sealer: &mut Sealer, job: Job) -> Result<(), Unsent> {
        let mut segment = self.begin(job)?.ok_or(Unsent::Over)?;
        while segment.produce(&mut self.server.shell.borrow_mut(), &mut self.piece)? {
            segment.record_sent(self.send_piece(sealer).await?);
            // The domain that is copied, and others as important, go first.
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

    async fn send_piece(&mut self, sealer: &mut Sealer) -> Result<u64, Unsent> {
        sealer.seal(&self.piece, &mut self.sealed)?;
        self.piece.clear();
        self.piece.shrink_to(2 * PIECE_BYTES);
        let bytes = self.sealed.len() as u64;
        self.write_sealed().await?;
        Ok(bytes)
    }

    async fn write_sealed(&mut self) -> Result<(), Unsent> {
        let mut rest = &self.sealed[..];
        while !rest.is_empty() {
            // While something is sent nothing else is asked for but to end that.
            let over = self.server.jobs.next(self.number);
            match select(self.socket.write(rest), over).await {
                Either::First(written) => rest = &rest[written.map_err(|_| Unsent::Broken)?..],
                Either::Second(_) => return Err(Unsent::Over),
            }
        }
        self.sealed.clear();
        self.sealed.shrink_to(2 * PIECE_BYTES);
        Ok(())
    }
}
