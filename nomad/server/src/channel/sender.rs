//! The task that sends a domain's pages: a connection for a transaction, a segment for each round and freeze.

use abi::calls::Yield;
use alloc::vec;
use alloc::vec::Vec;

use embassy_net::tcp::TcpSocket;
use embassy_net::{IpAddress, IpEndpoint, Stack};
use embassy_time::{Duration, Instant as Now, with_timeout};
use nomad_protocol::planner::Round;
use nomad_protocol::{Event, PORT, SourceEvent, StreamHeader, TransactionId};
use runtime::system_call::invoke;

use crate::capture::Outgoing;
use crate::capture::outgoing::CaptureError;
use crate::capture::pass::PIECE_BYTES;
use crate::peers;
use crate::shell::{Job, Shell, What, source};

/// Bytes in flight.
const SEND_BYTES: usize = 256 * 1024;
/// Nothing but acknowledgements comes back.
const RECEIVE_BYTES: usize = 1024;
/// How long the other machine may take to accept.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// How long it may acknowledge nothing.
const SILENCE_LIMIT: Duration = Duration::from_secs(10);

/// Why a segment was not sent.
enum Unsent {
    /// The connection broke.
    Broken,
    /// The domain could not be read.
    Failed(CaptureError),
    /// The transaction is over.
    Over,
}

impl From<CaptureError> for Unsent {
    fn from(error: CaptureError) -> Unsent {
        Unsent::Failed(error)
    }
}

/// Sends for ever.
pub async fn run(shell: &'static Shell, stack: Stack<'static>) {
    let mut receive = vec![0; RECEIVE_BYTES];
    let mut send = vec![0; SEND_BYTES];
    let mut next = None;
    loop {
        let job = match next.take() {
            Some(job) => job,
            None => shell.jobs.receive().await,
        };
        if job.what == What::Close {
            continue;
        }
        let mut socket = TcpSocket::new(stack, &mut receive, &mut send);
        socket.set_nagle_enabled(false);
        socket.set_timeout(Some(SILENCE_LIMIT));
        let mut stream = Stream {
            shell,
            transaction: job.transaction,
            socket,
            piece: Vec::new(),
        };
        next = stream.serve(job).await;
    }
}

/// Lets other threads of this server's priority run.
fn yield_now() {
    // There is nothing that it could complain about.
    let _ = invoke(Yield {});
}

/// A connection to a target.
struct Stream<'a> {
    shell: &'a Shell,
    transaction: TransactionId,
    socket: TcpSocket<'a>,
    piece: Vec<u8>,
}

impl Stream<'_> {
    /// Does this job and those that follow for the same transaction; returns the first of another.
    async fn serve(&mut self, first: Job) -> Option<Job> {
        let connected = self.connect().await;
        let mut job = first;
        while job.transaction == self.transaction {
            let sent = match (connected, job.what) {
                (false, _) => Err(Unsent::Broken),
                (true, What::Round(number)) => self.send_round(number).await,
                (true, What::Freeze(..)) => self.send_freeze(job.what).await,
                (true, What::Close) => Err(Unsent::Over),
            };
            if let Err(unsent) = sent {
                self.end(unsent).await;
                return None;
            }
            job = self.shell.jobs.receive().await;
        }
        self.end(Unsent::Over).await;
        Some(job)
    }

    async fn end(&mut self, unsent: Unsent) {
        match unsent {
            Unsent::Broken => self.shell.report(self.transaction, Event::StreamBroken),
            Unsent::Failed(error) => {
                let event = source::failed(&error);
                self.shell.report(self.transaction, event);
            }
            Unsent::Over => {}
        }
        self.socket.abort();
        // The reset goes out with the next poll of the stack.
        let _ = self.socket.flush().await;
    }

    async fn connect(&mut self) -> bool {
        let Some(peer) = self.shell.peer_of(self.transaction) else {
            return false;
        };
        let address = IpAddress::Ipv4(peers::address_of(peer));
        let connecting = self.socket.connect(IpEndpoint::new(address, PORT));
        matches!(with_timeout(CONNECT_LIMIT, connecting).await, Ok(Ok(())))
    }

    async fn send_round(&mut self, number: u32) -> Result<(), Unsent> {
        let (transaction, begun) = (self.transaction, Now::now());
        let pages = self.with(|outgoing, _| Ok(outgoing.begin_round()))?;
        let header = StreamHeader::Round {
            transaction,
            number,
            pages,
        };
        self.piece.extend(header.encode());
        let mut bytes = self.send_pass().await?;
        self.with(|outgoing, piece| outgoing.end_round(number, piece))?;
        bytes += self.send_piece().await?;
        let elapsed_us = begun.elapsed().as_micros();
        let dirtied = self.with(|outgoing, _| outgoing.look_again())?;
        let round = Round {
            pages,
            bytes,
            elapsed_us,
            dirtied,
        };
        let sent = SourceEvent::RoundSent { number, round };
        self.shell.report(transaction, Event::Source(sent));
        Ok(())
    }

    async fn send_freeze(&mut self, what: What) -> Result<(), Unsent> {
        let What::Freeze(attempt, rounds, digest) = what else {
            return Ok(());
        };
        let pages = self.with(|outgoing, _| outgoing.begin_freeze())?;
        let header = StreamHeader::Freeze {
            transaction: self.transaction,
            attempt,
            rounds,
            digest,
            pages,
        };
        self.piece.extend(header.encode());
        self.send_pass().await?;
        self.with(Outgoing::end_freeze)?;
        self.send_piece().await?;
        Ok(())
    }

    /// Sends the pass that was begun; says how many bytes that took.
    async fn send_pass(&mut self) -> Result<u64, Unsent> {
        let mut bytes = 0;
        loop {
            let more = self.with(Outgoing::produce)?;
            bytes += self.send_piece().await?;
            // The domain that is copied, and others as important, go first.
            yield_now();
            if !more {
                return Ok(bytes);
            }
        }
    }

    async fn send_piece(&mut self) -> Result<u64, Unsent> {
        let mut rest = &self.piece[..];
        while !rest.is_empty() {
            let written = self.socket.write(rest).await;
            rest = &rest[written.map_err(|_| Unsent::Broken)?..];
        }
        let bytes = self.piece.len() as u64;
        self.piece.clear();
        self.piece.shrink_to(2 * PIECE_BYTES);
        Ok(bytes)
    }

    /// Does something with the domain, if the transaction is not over.
    fn with<T>(
        &mut self,
        act: impl FnOnce(&mut Outgoing, &mut Vec<u8>) -> Result<T, CaptureError>,
    ) -> Result<T, Unsent> {
        let mut outgoing = self.shell.outgoing.borrow_mut();
        let outgoing = outgoing.get_mut(&self.transaction).ok_or(Unsent::Over)?;
        Ok(act(outgoing, &mut self.piece)?)
    }
}
