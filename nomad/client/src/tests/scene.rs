//! The scene of the tests: [`Scene`].

use alloc::vec::Vec;
use core::net::Ipv4Addr;

use identity::Name;
use nomad_channel::{Incoming, Keys, OperatorSession, Random, Sessions, Suites};
use nomad_protocol::Instant;

use crate::message::{Nonce, Question};
use crate::operator::{Action, Request, Server};
use crate::{Client, Command, End, Event, Failure, RequestId, Target};

/// The machine's address.
pub const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);

pub fn name(text: &str) -> Name {
    Name::try_new(text).expect("a name")
}

/// The faults of a wire.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    /// Datagrams lost, in percent.
    pub lost: u64,
    /// Datagrams duplicated, in percent.
    pub duplicated: u64,
    /// The longest delay: datagrams sent later may arrive earlier.
    pub delay_us: u64,
}

/// The part of a machine's migration server that serves operators.
pub struct Machine {
    keys: Keys,
    sessions: Sessions,
    pub operators: Server<OperatorSession>,
    /// The commands to execute.
    pub requests: Vec<Request>,
    /// The data that belongs to them.
    pub data: Vec<u8>,
    /// A connected operator.
    operator: Option<OperatorSession>,
}

impl Machine {
    pub fn new(secret: &str, life: u64) -> Machine {
        let mut sessions = Sessions::new(Random::new([life, 1, 0, 0]), Suites::ALL);
        sessions.set_address(ADDRESS);
        Machine {
            keys: Keys::new(secret, name("a")),
            sessions,
            operators: Server::new(Random::new([life, 2, 0, 0])),
            requests: Vec::new(),
            data: Vec::new(),
            operator: None,
        }
    }

    /// Has the connected operator request an id.
    pub fn open(&mut self, nonce: u64) {
        let session = self.operator.expect("a connected operator");
        let nonce = Nonce(nonce);
        self.operators
            .handle_message(session, &Question::Open { nonce }.encode());
    }

    /// Handles a datagram; returns the datagrams to send back.
    fn handle_datagram(&mut self, now: Instant, datagram: &[u8]) -> Vec<Vec<u8>> {
        let received = self
            .sessions
            .handle_datagram(&self.keys, now.as_us(), datagram);
        let Ok(received) = received else {
            return Vec::new();
        };
        if let Some(Incoming::Operator(session, message)) = received.incoming {
            self.operator = Some(session);
            match self.operators.handle_message(session, &message) {
                Some(Request {
                    action: Action::AcceptData(piece),
                    ..
                }) => self.data.extend(piece),
                request => self.requests.extend(request),
            }
        }
        received.replies
    }

    fn flush(&mut self, now: Instant) -> Vec<Vec<u8>> {
        let mut datagrams = Vec::new();
        while let Some((to, message)) = self.operators.poll_message() {
            datagrams.extend(self.sessions.reply(now.as_us(), to, &message));
        }
        datagrams
    }
}

/// The destination of a datagram.
#[derive(Clone, Copy, PartialEq, Eq)]
enum To {
    Machine,
    Operator,
}

/// A machine, its operator, and the wire between them.
pub struct Scene {
    pub machine: Machine,
    pub client: Client,
    /// The events that the operator received.
    pub events: Vec<Event>,
    faults: Faults,
    random: Random,
    now: Instant,
    wire: Vec<(Instant, To, Vec<u8>)>,
}

impl Scene {
    pub fn new(seed: u64, faults: Faults, secret: &str, command: Command) -> Scene {
        let target = Target {
            address: ADDRESS,
            name: None,
        };
        Scene::with_target(target, seed, faults, secret, command)
    }

    pub fn with_target(
        target: Target,
        seed: u64,
        faults: Faults,
        secret: &str,
        command: Command,
    ) -> Scene {
        let now = Instant::from_us(0);
        let random = Random::new([seed, 4, 0, 0]);
        Scene {
            machine: Machine::new("fleet", seed),
            client: Client::ask(now, (target, secret), random.clone(), command),
            events: Vec::new(),
            faults,
            random,
            now,
            wire: Vec::new(),
        }
    }

    /// Sends an event of the machine's reply.
    pub fn send_event(&mut self, request: RequestId, event: Event) {
        self.machine.operators.send_event(request, event);
    }

    /// Restarts the machine's server.
    pub fn restart(&mut self) {
        self.machine = Machine::new("fleet", 1 << 32);
    }

    /// Steps until the machine has a request, and takes it.
    pub fn take_request(&mut self) -> Request {
        while self.machine.requests.is_empty() {
            assert_eq!(self.client.end(), None);
            self.step();
        }
        self.machine.requests.remove(0)
    }

    /// Steps until the command is over.
    pub fn finish(&mut self) -> Result<End, Failure> {
        loop {
            if let Some(end) = self.client.end() {
                return end;
            }
            self.step();
        }
    }

    /// Steps until this much time has passed.
    pub fn pass(&mut self, us: u64) {
        let until = self.now.after_us(us);
        while self.now < until {
            self.step();
        }
    }

    /// Sends all pending datagrams, then advances to the next arrival or timeout.
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
                    for reply in self.machine.handle_datagram(now, &datagram) {
                        self.carry(To::Operator, reply);
                    }
                }
            }
        }
        self.client.handle_timeout(now);
        while let Some(event) = self.client.poll_event() {
            self.events.push(event);
        }
    }

    fn carry(&mut self, to: To, datagram: Vec<u8>) {
        let copies = match (
            self.percent(self.faults.lost),
            self.percent(self.faults.duplicated),
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
