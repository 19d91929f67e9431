//! The operator's side: [`Client`], one command and the reply to it.
//!
//! ```text
//!   Finding --Found--> Opening --Opened--> Asking(request) --last event--> Over(outcome)
//!      |                  |                     |
//!      +------------------+-- nothing received, another machine, Unknown -> Over(failure)
//! ```
//!
//! The caller passes in datagrams and the time, sends the datagrams of [`Client::poll_datagram`] to the machine's
//! [`PORT`](nomad_protocol::PORT), and calls [`Client::handle_timeout`] at [`Client::poll_timeout`].

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use nomad_channel::{Incoming, Keys, Random, Sessions, Suites};
use nomad_protocol::{Instant, MachineId};

use crate::command::Command;
use crate::end::End;
use crate::event::Event;
use crate::failure::Failure;
use crate::message::{Nonce, Question, Reply, RequestId};
use crate::target::Target;
use crate::upload::Upload;

/// The first retransmission timeout of a question. It doubles with each retransmission, up to [`KEEPALIVE_US`].
const RETRANSMIT_US: u64 = 100_000;
/// The interval at which an idle server is queried, since an event may have been lost. It is shorter than the channel's
/// limit for a silent session: an acknowledgement gets no reply, so without queries the session would be replaced.
const KEEPALIVE_US: u64 = 500_000;
/// How long the client waits for a missing event, which the network may have reordered, before it queries the server.
const REORDER_US: u64 = 20_000;
/// The time limit of the first reply.
const FIRST_REPLY_LIMIT_US: u64 = 10_000_000;
/// The time that a server may be silent after its first reply.
const SILENCE_LIMIT_US: u64 = 60_000_000;

/// One command of an operator, and the reply to it.
pub struct Client {
    keys: Keys,
    sessions: Sessions,
    target: Target,
    /// The machine, once its name is known.
    machine: Option<MachineId>,
    command: Command,
    /// The data that belongs to the command.
    upload: Upload,
    nonce: Nonce,
    phase: Phase,
    /// Events received so far.
    received: u32,
    /// When the question is sent again.
    due: Instant,
    /// The timeout of the next question.
    wait_us: u64,
    /// When the last message was received.
    silent_since: Instant,
    outbox: VecDeque<Vec<u8>>,
    events: VecDeque<Event>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The machine's name, from which its key follows, is not known yet.
    Finding,
    /// The request has no id yet.
    Opening,
    /// The server has drawn the request's id.
    Asking(RequestId),
    /// The command has ended.
    Over(Result<End, Failure>),
}

impl Client {
    /// Sends a command to a machine of the fleet with this secret.
    pub fn ask(
        now: Instant,
        (target, secret): (Target, &str),
        mut random: Random,
        command: Command,
    ) -> Client {
        let mut client = Client {
            keys: Keys::for_operator(secret),
            sessions: Sessions::new(random.fork(), Suites::of_this_machine()),
            target,
            machine: None,
            command,
            upload: Upload::default(),
            nonce: Nonce(random.number() as u64),
            phase: Phase::Finding,
            received: 0,
            due: now,
            wait_us: RETRANSMIT_US,
            silent_since: now,
            outbox: VecDeque::new(),
            events: VecDeque::new(),
        };
        client.handle_timeout(now);
        client
    }

    /// Adds the data that belongs to the command.
    #[must_use]
    pub fn with_data(self, data: Vec<u8>) -> Client {
        let upload = Upload::new(data);
        Client { upload, ..self }
    }

    /// Handles a datagram. A datagram that is not authenticated as this machine's is ignored.
    pub fn handle_datagram(&mut self, now: Instant, datagram: &[u8]) {
        let received = self
            .sessions
            .handle_datagram(&self.keys, now.as_us(), datagram);
        let Ok(received) = received else { return };
        self.outbox.extend(received.replies);
        match received.incoming {
            Some(Incoming::Found(name, address)) if self.phase == Phase::Finding => {
                match self.target.check(name, address) {
                    Ok(()) => {
                        self.machine = Some(self.keys.machine(name));
                        self.enter(now, Phase::Opening);
                    }
                    Err(failure) => self.phase = Phase::Over(Err(failure)),
                }
            }
            Some(Incoming::Machine(from, message)) if Some(from) == self.machine => {
                if let Some(reply) = Reply::decode(&message) {
                    self.handle_reply(now, reply);
                }
            }
            Some(_) | None => {}
        }
    }

    /// Retransmits, or gives up, if that is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        if now >= self.deadline() {
            self.phase = match self.phase {
                Phase::Finding | Phase::Opening => Phase::Over(Err(Failure::NoReply)),
                Phase::Asking(_) => Phase::Over(Err(Failure::Silent)),
                over => over,
            };
        }
        if now >= self.due {
            self.send_question(now);
        }
    }

    /// The next datagram to send to the machine.
    pub fn poll_datagram(&mut self) -> Option<Vec<u8>> {
        self.outbox.pop_front()
    }

    /// The next event of the reply, without control characters in its text.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When [`Client::handle_timeout`] is to be called; `None` when the command is over.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.end().is_none().then(|| self.due.min(self.deadline()))
    }

    /// The outcome of the command, if it has ended.
    pub fn end(&self) -> Option<Result<End, Failure>> {
        match self.phase {
            Phase::Over(end) => Some(end),
            Phase::Finding | Phase::Opening | Phase::Asking(_) => None,
        }
    }

    fn deadline(&self) -> Instant {
        let limit_us = match self.phase {
            Phase::Finding | Phase::Opening => FIRST_REPLY_LIMIT_US,
            Phase::Asking(_) | Phase::Over(_) => SILENCE_LIMIT_US,
        };
        self.silent_since.after_us(limit_us)
    }

    /// Begins a phase with its question.
    fn enter(&mut self, now: Instant, phase: Phase) {
        self.silent_since = now;
        self.phase = phase;
        self.wait_us = RETRANSMIT_US;
        self.send_question(now);
    }

    fn handle_reply(&mut self, now: Instant, reply: Reply) {
        match (self.phase, reply) {
            (Phase::Opening, Reply::Opened { nonce, request }) if nonce == self.nonce => {
                self.enter(now, Phase::Asking(request));
            }
            (Phase::Asking(asked), Reply::Unknown { request }) if asked == request => {
                self.phase = Phase::Over(Err(Failure::Forgotten));
            }
            (
                Phase::Asking(asked),
                Reply::Events {
                    request,
                    first,
                    count,
                    events,
                },
            ) if asked == request => {
                self.silent_since = now;
                self.handle_events(now, request, first, events);
                self.schedule_question(now, count);
                self.send_data(now, request);
            }
            (Phase::Asking(asked), Reply::Accepted { request, bytes }) if asked == request => {
                self.silent_since = now;
                if self.upload.acknowledge(bytes) {
                    self.due = now.after_us(KEEPALIVE_US);
                }
                self.send_data(now, request);
            }
            _ => {}
        }
    }

    /// Accepts the events that come next. Events received before are skipped. Events after a gap are dropped, and the
    /// server sends them again.
    fn handle_events(&mut self, now: Instant, request: RequestId, first: u32, events: Vec<Event>) {
        let Some(known) = self.received.checked_sub(first) else {
            return;
        };
        let before = self.received;
        for event in events.into_iter().skip(known as usize) {
            self.received += 1;
            if let Some(end) = event.end() {
                self.phase = Phase::Over(Ok(end));
            }
            self.events.push_back(event.without_controls());
        }
        if self.received > before {
            let received = self.received;
            self.send(now, &Question::Ack { request, received });
        }
    }

    /// Schedules the next question: soon if events are missing, otherwise as a keepalive.
    fn schedule_question(&mut self, now: Instant, count: u32) {
        self.wait_us = KEEPALIVE_US;
        self.due = if self.received < count {
            self.due.min(now.after_us(REORDER_US))
        } else {
            now.after_us(KEEPALIVE_US)
        };
    }

    /// Sends the pieces of the data that the window has room for.
    fn send_data(&mut self, now: Instant, request: RequestId) {
        while let (Phase::Asking(_), Some((offset, bytes))) = (self.phase, self.upload.poll_piece())
        {
            let piece = Question::Data {
                request,
                offset,
                bytes,
            };
            self.send(now, &piece);
        }
    }

    /// Sends the question of this phase, and schedules its retransmission.
    fn send_question(&mut self, now: Instant) {
        match self.phase {
            Phase::Finding => {
                let find = self.sessions.find(&self.keys);
                self.outbox.push_back(find);
            }
            Phase::Opening => self.send(now, &Question::Open { nonce: self.nonce }),
            Phase::Asking(request) => {
                let question = Question::Ask {
                    request,
                    received: self.received,
                    command: self.command.clone(),
                };
                self.send(now, &question);
            }
            Phase::Over(_) => return,
        }
        self.upload.rewind();
        self.due = now.after_us(self.wait_us);
        self.wait_us = (2 * self.wait_us).min(KEEPALIVE_US);
    }

    fn send(&mut self, now: Instant, question: &Question) {
        let Some(machine) = self.machine else {
            return;
        };
        let message = question.encode();
        let datagrams = self
            .sessions
            .send(&self.keys, now.as_us(), machine, &message);
        self.outbox.extend(datagrams);
    }
}
