//! The side that asks: [`Client`], one command and its answer.
//!
//! ```text
//!   Opening --Opened--> Asking(number) --last line--> Over(how it ended)
//!      |                     |
//!      +----- nothing heard for long, or Unknown ---> Over(why there is no answer)
//! ```
//!
//! Whoever drives it hands in datagrams and the time, sends what [`Client::poll_datagram`] yields to the machine's
//! [`PORT`](nomad_protocol::PORT), and comes back at [`Client::poll_timeout`].

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::Ipv4Addr;

use nomad_channel::{Incoming, Keys, Random, Sessions};
use nomad_protocol::{Instant, MachineId};

use crate::end::End;
use crate::failure::Failure;
use crate::message::{Answer, COMMAND_BYTES_MAX, Nonce, Question, RequestId};

/// A question that is not answered is asked again after so long, then after twice as long, and so on up to
/// [`KEEP_US`].
const AGAIN_US: u64 = 100_000;
/// How often the server is asked when it has nothing to say: a line may have got lost. More often than a session that is
/// not answered is given up, for what confirms the last line is not answered.
const KEEP_US: u64 = 500_000;
/// How long lines that are missing may take to come by themselves, overtaken.
const SOON_US: u64 = 20_000;
/// How long the first answer may take.
const FIRST_US: u64 = 10_000_000;
/// How long a server may be silent that has answered before.
const SILENCE_US: u64 = 60_000_000;

/// A command on its way.
pub struct Client {
    keys: Keys,
    sessions: Sessions,
    address: Ipv4Addr,
    machine: MachineId,
    command: String,
    nonce: Nonce,
    phase: Phase,
    /// Lines that were heard.
    heard: u32,
    /// When it is asked again.
    due: Instant,
    /// How long until the time after that.
    wait_us: u64,
    /// Since when nothing was heard.
    silent_since: Instant,
    outbox: VecDeque<Vec<u8>>,
    lines: VecDeque<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The server shall give the request a number.
    Opening,
    /// It has this one.
    Asking(RequestId),
    /// There is nothing more to do.
    Over(Result<End, Failure>),
}

impl Client {
    /// Asks the machine at this address of the fleet with this secret.
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
            heard: 0,
            due: now,
            wait_us: AGAIN_US,
            silent_since: now,
            outbox: VecDeque::new(),
            lines: VecDeque::new(),
        };
        client.handle_timeout(now);
        client
    }

    /// Hears a datagram. What is not of this machine, or of nobody who has the secret, is passed over.
    pub fn handle_datagram(&mut self, now: Instant, datagram: &[u8]) {
        let received =
            self.sessions
                .handle_datagram(&self.keys, now.as_us(), self.address, datagram);
        let Ok(received) = received else { return };
        self.outbox.extend(received.answers);
        match received.incoming {
            Some(Incoming::Machine(machine, message)) if machine == self.machine => {
                if let Some(answer) = Answer::decode(&message) {
                    self.understand(now, answer);
                }
            }
            Some(_) | None => {}
        }
    }

    /// The time has come, or may have.
    pub fn handle_timeout(&mut self, now: Instant) {
        if now >= self.patience_ends() {
            self.phase = match self.phase {
                Phase::Opening => Phase::Over(Err(Failure::NoAnswer)),
                Phase::Asking(_) => Phase::Over(Err(Failure::Silent)),
                over => over,
            };
        }
        if now >= self.due {
            self.say(now);
        }
    }

    /// The next datagram to send to the machine.
    pub fn poll_datagram(&mut self) -> Option<Vec<u8>> {
        self.outbox.pop_front()
    }

    /// The next line of the answer, without what a terminal might obey.
    pub fn poll_line(&mut self) -> Option<String> {
        self.lines.pop_front()
    }

    /// When [`Client::handle_timeout`] is to be called; `None` when the command is over.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.end()
            .is_none()
            .then(|| self.due.min(self.patience_ends()))
    }

    /// How the command ended, if it has.
    pub fn end(&self) -> Option<Result<End, Failure>> {
        match self.phase {
            Phase::Over(end) => Some(end),
            Phase::Opening | Phase::Asking(_) => None,
        }
    }

    fn patience_ends(&self) -> Instant {
        let patience_us = match self.phase {
            Phase::Opening => FIRST_US,
            Phase::Asking(_) | Phase::Over(_) => SILENCE_US,
        };
        self.silent_since.after_us(patience_us)
    }

    fn understand(&mut self, now: Instant, answer: Answer) {
        match (self.phase, answer) {
            (Phase::Opening, Answer::Opened { nonce, request }) if nonce == self.nonce => {
                self.silent_since = now;
                self.phase = Phase::Asking(request);
                self.wait_us = AGAIN_US;
                self.say(now);
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
                self.take(now, request, first, lines);
                self.ask_later(now, count);
            }
            _ => {}
        }
    }

    /// Takes those of the lines that are next. Others were heard, or come again: what is missing before them is asked for.
    fn take(&mut self, now: Instant, request: RequestId, first: u32, lines: Vec<String>) {
        let Some(known) = self.heard.checked_sub(first) else {
            return;
        };
        let before = self.heard;
        for line in lines.into_iter().skip(known as usize) {
            self.heard += 1;
            self.lines.push_back(shown(&line));
            if let Some(end) = End::of_line(&line) {
                self.phase = Phase::Over(Ok(end));
            }
        }
        if self.heard > before {
            let heard = self.heard;
            self.send(now, &Question::Heard { request, heard });
        }
    }

    /// Asks again soon if lines are missing, else in a while.
    fn ask_later(&mut self, now: Instant, count: u32) {
        self.wait_us = KEEP_US;
        self.due = match self.heard < count {
            true => self.due.min(now.after_us(SOON_US)),
            false => now.after_us(KEEP_US),
        };
    }

    /// Asks what is to be asked in this phase, and again after a time.
    fn say(&mut self, now: Instant) {
        let question = match self.phase {
            Phase::Opening => Question::Open { nonce: self.nonce },
            Phase::Asking(request) => Question::Ask {
                request,
                heard: self.heard,
                command: self.command.clone(),
            },
            Phase::Over(_) => return,
        };
        self.send(now, &question);
        self.due = now.after_us(self.wait_us);
        self.wait_us = (2 * self.wait_us).min(KEEP_US);
    }

    fn send(&mut self, now: Instant, question: &Question) {
        let message = question.encode();
        let datagrams = self
            .sessions
            .send(&self.keys, now.as_us(), self.machine, &message);
        self.outbox.extend(datagrams);
    }
}

/// A line without what a terminal might obey.
fn shown(line: &str) -> String {
    line.chars()
        .filter(|character| !character.is_control())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_cannot_command_the_terminal() {
        assert_eq!(shown("a\x1b[2Jb\r\n\u{9b}c"), "a[2Jbc");
    }
}
