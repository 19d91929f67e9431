//! A machine, its operator, and the wire between them.

use alloc::string::String;
use alloc::vec::Vec;
use core::net::Ipv4Addr;

use nomad_channel::{Incoming, Keys, OperatorSession, Random, Sessions};
use nomad_protocol::Instant;

use crate::message::{Nonce, Question};
use crate::{Client, Desk, End, Failure, Order, RequestId};

/// Where the machine is.
pub const MACHINE: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
/// Where the operator is.
pub const OPERATOR: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 100);

/// How a wire treats datagrams, in percent.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    /// It loses so many.
    pub lost: u64,
    /// It doubles so many.
    pub doubled: u64,
    /// How long a datagram may take, in microseconds: those sent later may come earlier.
    pub delay_us: u64,
}

/// A machine's migration server, as far as operators know it.
pub struct Machine {
    keys: Keys,
    sessions: Sessions,
    pub desk: Desk<OperatorSession>,
    /// What it was told to do.
    pub orders: Vec<Order>,
    /// An operator who was heard.
    somebody: Option<OperatorSession>,
}

impl Machine {
    pub fn new(secret: &str, life: u64) -> Machine {
        Machine {
            keys: Keys::new(secret, MACHINE),
            sessions: Sessions::new(Random::new([life, 1, 0, 0])),
            desk: Desk::new(Random::new([life, 2, 0, 0])),
            orders: Vec::new(),
            somebody: None,
        }
    }

    /// Some operator asks for a number.
    pub fn open(&mut self, nonce: u64) {
        let session = self.somebody.expect("somebody was heard");
        let nonce = Nonce(nonce);
        self.desk.hear(session, &Question::Open { nonce }.encode());
    }

    /// Hears a datagram; says what goes back.
    fn hear(&mut self, now: Instant, datagram: &[u8]) -> Vec<Vec<u8>> {
        let received = self
            .sessions
            .handle_datagram(&self.keys, now.as_us(), OPERATOR, datagram);
        let Ok(received) = received else {
            return Vec::new();
        };
        if let Some(Incoming::Operator(session, message)) = received.incoming {
            self.somebody = Some(session);
            self.orders.extend(self.desk.hear(session, &message));
        }
        received.answers
    }

    fn flush(&mut self, now: Instant) -> Vec<Vec<u8>> {
        let mut datagrams = Vec::new();
        while let Some((to, message)) = self.desk.poll_message() {
            datagrams.extend(self.sessions.answer(now.as_us(), to, &message));
        }
        datagrams
    }
}

/// To whom a datagram is on its way.
#[derive(Clone, Copy, PartialEq, Eq)]
enum To {
    Machine,
    Operator,
}

/// All of it.
pub struct Scene {
    pub machine: Machine,
    pub client: Client,
    /// What the operator has heard.
    pub lines: Vec<String>,
    faults: Faults,
    random: Random,
    now: Instant,
    wire: Vec<(Instant, To, Vec<u8>)>,
}

impl Scene {
    pub fn new(seed: u64, faults: Faults, secret: &str, command: &str) -> Scene {
        let now = Instant::from_us(0);
        let random = Random::new([seed, 4, 0, 0]);
        Scene {
            machine: Machine::new("fleet", seed),
            client: Client::ask(now, secret, MACHINE, random.clone(), command),
            lines: Vec::new(),
            faults,
            random,
            now,
            wire: Vec::new(),
        }
    }

    /// Says a line of the machine's answer.
    pub fn say(&mut self, request: RequestId, line: &str) {
        self.machine.desk.say(request, line);
    }

    /// The machine's server is started anew.
    pub fn restart(&mut self) {
        self.machine = Machine::new("fleet", 1 << 32);
    }

    /// Goes on until the machine has an order, and takes it.
    pub fn order(&mut self) -> Order {
        while self.machine.orders.is_empty() {
            assert_eq!(self.client.end(), None);
            self.step();
        }
        self.machine.orders.remove(0)
    }

    /// Goes on until the command is over.
    pub fn finish(&mut self) -> Result<End, Failure> {
        loop {
            if let Some(end) = self.client.end() {
                return end;
            }
            self.step();
        }
    }

    /// Goes on for a time.
    pub fn pass(&mut self, us: u64) {
        let until = self.now.after_us(us);
        while self.now < until {
            self.step();
        }
    }

    /// Sends all that is to be sent, then lets the next thing happen.
    fn step(&mut self) {
        while let Some(datagram) = self.client.poll_datagram() {
            self.carry(To::Machine, datagram);
        }
        for datagram in self.machine.flush(self.now) {
            self.carry(To::Operator, datagram);
        }
        let arrivals = self.wire.iter().map(|(at, ..)| *at);
        let next = arrivals.chain(self.client.poll_timeout()).min();
        self.now = next.unwrap_or(self.now.after_us(1000)).max(self.now);
        let now = self.now;
        let here = |(at, ..): &mut (Instant, To, Vec<u8>)| *at <= now;
        for (_, to, datagram) in self.wire.extract_if(.., here).collect::<Vec<_>>() {
            match to {
                To::Operator => self.client.handle_datagram(now, &datagram),
                To::Machine => {
                    for answer in self.machine.hear(now, &datagram) {
                        self.carry(To::Operator, answer);
                    }
                }
            }
        }
        self.client.handle_timeout(now);
        while let Some(line) = self.client.poll_line() {
            self.lines.push(line);
        }
    }

    fn carry(&mut self, to: To, datagram: Vec<u8>) {
        let copies = match (
            self.percent(self.faults.lost),
            self.percent(self.faults.doubled),
        ) {
            (true, _) => 0,
            (false, true) => 2,
            (false, false) => 1,
        };
        for _ in 0..copies {
            let delay_us = self.draw() % (self.faults.delay_us + 1);
            let at = self.now.after_us(100 + delay_us);
            self.wire.push((at, to, datagram.clone()));
        }
    }

    fn percent(&mut self, percent: u64) -> bool {
        self.draw() % 100 < percent
    }

    fn draw(&mut self) -> u64 {
        self.random.number() as u64
    }
}
