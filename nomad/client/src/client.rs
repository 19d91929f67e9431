//! The operator's side: [`Client`], one command and its answer.
//!
//! ```text
//!   Opening --Opened--> Asking(request) --last line--> Over(outcome)
//!      |                     |
//!      +------ nothing received, or Unknown ---------> Over(failure)
//! ```
//!
//! The caller passes in datagrams and the time, sends the datagrams of [`Client::poll_datagram`] to the machine's
//! [`PORT`](nomad_protocol::PORT), and calls again at [`Client::poll_timeout`].

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::Ipv4Addr;

use nomad_channel::{Incoming, Keys, Random, Sessions};
use nomad_protocol::{Instant, MachineId};

use crate::end::End;
use crate::failure::Failure;
use crate::message::{Answer, COMMAND_BYTES_MAX, Nonce, Question, RequestId};

/// The first retransmission timeout of a question. It doubles with each retransmission, up to [`KEEPALIVE_US`].
const RETRANSMIT_US: u64 = 100_000;
/// How often an idle server is asked: a line may have been lost. It is shorter than the channel's limit for an unanswered
/// session, since the acknowledgement of the last line is not answered.
const KEEPALIVE_US: u64 = 500_000;
/// How long missing lines may be late, reordered by the network, before they are asked for.
const REORDER_US: u64 = 20_000;
/// The time limit of the first answer.
const FIRST_ANSWER_LIMIT_US: u64 = 10_000_000;
/// How long a server that has answered may be silent.
const SILENCE_LIMIT_US: u64 = 60_000_000;

/// One command of an operator, and its answer.
pub struct Client {
    keys: Keys,
    sessions: Sessions,
    address: Ipv4Addr,
    machine: MachineId,
    command: String,
    nonce: Nonce,
    phase: Phase,
    /// Lines received so far.
    received: u32,
    /// When the question is sent again.
    due: Instant,
    /// The timeout of the next question.
    wait_us: u64,
    /// When the last answer was received.
    silent_since: Instant,
    outbox: VecDeque<Vec<u8>>,
    lines: VecDeque<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The request has no id yet.
    Opening,
    /// The server has drawn the request's id.
    Asking(RequestId),
    /// The command has ended.
    Over(Result<End, Failure>),
}

impl Client {
    /// Sends a command to the machine at this address, of the fleet with this secret.
    pub fn ask(
        now: Instant,
        secret: &str,
        address: Ipv4Addr,
        mut random: Random,
        command: &str,
    ) -> Client {
        let keys = Keys::for_operator(secret);
        let bytes = command.len();
        let limit = COMMAND_BYTES_MAX;
        let phase = match bytes > limit {
            true => Phase::Over(Err(Failure::TooLong { bytes, limit })),
            false => Phase::Opening,
        };
        let mut client = Client {
            machine: keys.machine_at(address),
            keys,
            sessions: Sessions::new(random.fork()),
            address,
            command: command.into(),
            nonce: Nonce(random.number() as u64),
            phase,
            received: 0,
            due: now,
            wait_us: RETRANSMIT_US,
            silent_since: now,
            outbox: VecDeque::new(),
            lines: VecDeque::new(),
        };
        client.handle_timeout(now);
        client
    }

    /// Handles a datagram. One that does not authenticate as this machine's is ignored.
    pub fn handle_datagram(&mut self, now: Instant, datagram: &[u8]) {
        let received =
            self.sessions
                .handle_datagram(&self.keys, now.as_us(), self.address, datagram);
        let Ok(received) = received else { return };
        self.outbox.extend(received.answers);
        match received.incoming {
            Some(Incoming::Machine(machine, message)) if machine == self.machine => {
                if let Some(answer) = Answer::decode(&message) {
                    self.handle_answer(now, answer);
                }
            }
            Some(_) | None => {}
        }
    }

    /// Retransmits, or gives up, if that is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        if now >= self.deadline() {
            self.phase = match self.phase {
                Phase::Opening => Phase::Over(Err(Failure::NoAnswer)),
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

    /// The next line of the answer, without control characters.
    pub fn poll_line(&mut self) -> Option<String> {
        self.lines.pop_front()
    }

    /// When [`Client::handle_timeout`] is to be called; `None` when the command is over.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.end().is_none().then(|| self.due.min(self.deadline()))
    }

    /// The outcome of the command, if it has ended.
    pub fn end(&self) -> Option<Result<End, Failure>> {
        match self.phase {
            Phase::Over(end) => Some(end),
            Phase::Opening | Phase::Asking(_) => None,
        }
    }

    fn deadline(&self) -> Instant {
        let limit_us = match self.phase {
            Phase::Opening => FIRST_ANSWER_LIMIT_US,
            Phase::Asking(_) | Phase::Over(_) => SILENCE_LIMIT_US,
        };
        self.silent_since.after_us(limit_us)
    }

    fn handle_answer(&mut self, now: Instant, answer: Answer) {
        match (self.phase, answer) {
            (Phase::Opening, Answer::Opened { nonce, request }) if nonce == self.nonce => {
                self.silent_since = now;
                self.phase = Phase::Asking(request);
                self.wait_us = RETRANSMIT_US;
                self.send_question(now);
            }
            (Phase::Asking(asked), Answer::Unknown { request }) if asked == request => {
                self.phase = Phase::Over(Err(Failure::Forgotten));
            }
            (
                Phase::Asking(asked),
                Answer::Lines {
                    request,
                    first,
                    count,
                    lines,
                },
            ) if asked == request => {
                self.silent_since = now;
                self.handle_lines(now, request, first, lines);
                self.schedule_question(now, count);
            }
            _ => {}
        }
    }

    /// Accepts the lines that come next. Lines received before are skipped; lines after a gap are dropped, and sent again.
    fn handle_lines(&mut self, now: Instant, request: RequestId, first: u32, lines: Vec<String>) {
        let Some(known) = self.received.checked_sub(first) else {
            return;
        };
        let before = self.received;
        for line in lines.into_iter().skip(known as usize) {
            self.received += 1;
            self.lines.push_back(without_controls(&line));
            if let Some(end) = End::of_line(&line) {
                self.phase = Phase::Over(Ok(end));
            }
        }
        if self.received > before {
            let received = self.received;
            self.send(now, &Question::Ack { request, received });
        }
    }

    /// Schedules the next question: soon if lines are missing, otherwise as a keepalive.
    fn schedule_question(&mut self, now: Instant, count: u32) {
        self.wait_us = KEEPALIVE_US;
        self.due = match self.received < count {
            true => self.due.min(now.after_us(REORDER_US)),
            false => now.after_us(KEEPALIVE_US),
        };
    }

    /// Sends the question of this phase, and schedules its retransmission.
    fn send_question(&mut self, now: Instant) {
        let question = match self.phase {
            Phase::Opening => Question::Open { nonce: self.nonce },
            Phase::Asking(request) => Question::Ask {
                request,
                received: self.received,
                command: self.command.clone(),
            },
            Phase::Over(_) => return,
        };
        self.send(now, &question);
        self.due = now.after_us(self.wait_us);
        self.wait_us = (2 * self.wait_us).min(KEEPALIVE_US);
    }

    fn send(&mut self, now: Instant, question: &Question) {
        let message = question.encode();
        let datagrams = self
            .sessions
            .send(&self.keys, now.as_us(), self.machine, &message);
        self.outbox.extend(datagrams);
    }
}

/// A line without control characters, which a terminal might act on.
fn without_controls(line: &str) -> String {
    line.chars()
        .filter(|character| !character.is_control())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_cannot_command_the_terminal() {
        assert_eq!(without_controls("a\x1b[2Jb\r\n\u{9b}c"), "a[2Jbc");
    }
}
