//! One client: its connection and its operations.

use std::io::{self, BufReader, Error, ErrorKind, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::Duration;

use super::super::history::{Completion, Entry};
use super::super::register::{Operation, Reply};
use super::{Observed, Workload};
use crate::prober::now_ns;
use crate::random::Random;
use crate::resp;

/// How long a store may be silent. Only a hang reaches this limit. It is longer than a machine's pause and the backoff after it.
const SILENCE_MAX: Duration = Duration::from_secs(90);
/// The longest pause between a reply and the next request.
const PAUSE_MAX: Duration = Duration::from_millis(20);
/// How long a client waits before it tries to connect again.
const RECONNECT_AFTER: Duration = Duration::from_millis(50);
/// One in this many operations is abandoned before its reply.
const ABANDONED_ONE_IN: u64 = 200;
/// Half of the operations use one of these keys.
const BUSY_KEYS: u32 = 4;
/// The distance between values: more than the number of increments.
const VALUE_DISTANCE: i64 = 100_000;
/// The maximum number of operations that a client executes.
const OPERATIONS_MAX: i64 = 1 << 24;

#[derive(Debug)]
pub struct Client<'a> {
    workload: &'a Workload,
    /// Set to stop the client.
    stop: &'a AtomicBool,
    number: u32,
    random: Random,
    stream: BufReader<TcpStream>,
    values: i64,
    pub observed: Observed,
}

impl<'a> Client<'a> {
    /// Connects for the first time.
    pub fn connect(
        workload: &'a Workload,
        stop: &'a AtomicBool,
        number: u32,
    ) -> io::Result<Client<'a>> {
        Ok(Client {
            workload,
            stop,
            number,
            random: Random::stream(workload.seed, number.into()),
            stream: connect(workload)?,
            values: 0,
            observed: Observed::default(),
        })
    }

    /// Executes operations until it is stopped, or gets a wrong reply.
    pub fn run(&mut self) {
        while !self.should_stop() {
            sleep(self.random.time_up_to(PAUSE_MAX));
            if self.random.below(ABANDONED_ONE_IN) == 0 {
                self.abandon_next();
            } else {
                self.execute_next();
            }
        }
    }

    /// Executes an operation, and awaits the reply.
    pub fn execute_next(&mut self) {
        let (key, operation) = self.draw();
        self.perform(key, operation);
    }

    /// Reads every key, until an operation fails.
    pub fn read_all(&mut self) {
        let lost = self.observed.summary.lost.len();
        for key in 0..self.workload.keys {
            let summary = &self.observed.summary;
            if summary.errors.is_empty() && summary.lost.len() == lost {
                self.perform(key, Operation::Get);
            }
        }
    }

    fn should_stop(&self) -> bool {
        self.stop.load(Ordering::Relaxed) || !self.observed.summary.errors.is_empty()
    }

    /// Sends an operation and closes the connection.
    fn abandon_next(&mut self) {
        let (key, operation) = self.draw();
        let invoked_ns = now_ns();
        // If it cannot be sent, it has no effect. That is one of the possible outcomes.
        let _ = self.send(key, operation);
        self.note(key, operation, invoked_ns, None);
        self.reconnect();
    }

    fn perform(&mut self, key: u32, operation: Operation) {
        let invoked_ns = now_ns();
        let reply = self.exchange(key, operation);
        let at_ns = now_ns();
        let completion = reply.map(|reply| Completion { at_ns, reply });
        let lost = match completion {
            Ok(completion) => return self.note(key, operation, invoked_ns, Some(completion)),
            Err(error) => error,
        };
        self.note(key, operation, invoked_ns, None);
        let what = format!("client {}: {operation}: {lost}", self.number);
        if lost.kind() == ErrorKind::InvalidData {
            return self.observed.summary.errors.push(what);
        }
        self.observed.summary.lost.push(what);
        self.reconnect();
    }

    fn note(
        &mut self,
        key: u32,
        operation: Operation,
        invoked_ns: u64,
        completion: Option<Completion>,
    ) {
        self.observed.history.push(Entry {
            client: self.number,
            key,
            operation,
            invoked_ns,
            completion,
        });
    }

    fn exchange(&mut self, key: u32, operation: Operation) -> io::Result<Reply> {
        self.send(key, operation)?;
        interpret(operation, resp::read_reply(&mut self.stream)?)
    }

    fn send(&mut self, key: u32, operation: Operation) -> io::Result<()> {
        let request = request(key, operation);
        self.stream.get_mut().write_all(&request)
    }

    /// Reconnects, and retries until that succeeds or the client is to stop.
    fn reconnect(&mut self) {
        loop {
            match connect(self.workload) {
                Ok(stream) => return self.stream = stream,
                Err(_) if self.should_stop() => return,
                Err(_) => sleep(RECONNECT_AFTER),
            }
        }
    }

    fn draw(&mut self) -> (u32, Operation) {
        let keys = self.workload.keys;
        let bound = *self.random.pick(&[keys, keys.min(BUSY_KEYS)]);
        let key = self.random.below(bound.into()) as u32;
        let operation = match self.random.below(20) {
            0..8 => Operation::Get,
            8..12 => Operation::Set(self.next_value()),
            12..16 => Operation::Increment,
            16..17 => Operation::SetIfAbsent(self.next_value()),
            17..19 => Operation::Swap(self.next_value()),
            _ => Operation::Delete,
        };
        (key, operation)
    }

    /// A value that no other operation writes.
    fn next_value(&mut self) -> i64 {
        self.values += 1;
        (i64::from(self.number) * OPERATIONS_MAX + self.values) * VALUE_DISTANCE
    }
}

fn connect(workload: &Workload) -> io::Result<BufReader<TcpStream>> {
    let stream = TcpStream::connect_timeout(&workload.store, SILENCE_MAX)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(SILENCE_MAX))?;
    stream.set_write_timeout(Some(SILENCE_MAX))?;
    Ok(BufReader::new(stream))
}

fn request(key: u32, operation: Operation) -> Vec<u8> {
    let key = format!("register:{key}");
    match operation {
        Operation::Get => resp::request(&["GET", &key]),
        Operation::Set(value) => resp::request(&["SET", &key, &value.to_string()]),
        Operation::SetIfAbsent(value) => resp::request(&["SETNX", &key, &value.to_string()]),
        Operation::Swap(value) => resp::request(&["SET", &key, &value.to_string(), "GET"]),
        Operation::Increment => resp::request(&["INCR", &key]),
        Operation::Delete => resp::request(&["DEL", &key]),
    }
}

/// Interprets the reply to an operation.
fn interpret(operation: Operation, reply: resp::Reply) -> io::Result<Reply> {
    let found = match (operation, &reply) {
        (Operation::Set(_), resp::Reply::Status(text)) if text == "OK" => Some(Reply::Done),
        (Operation::Get | Operation::Swap(_), resp::Reply::Value(None)) => Some(Reply::Value(None)),
        (Operation::Get | Operation::Swap(_), resp::Reply::Value(Some(bytes))) => {
            let text = str::from_utf8(bytes).ok();
            let value = text.and_then(|text| text.parse().ok());
            value.map(|value| Reply::Value(Some(value)))
        }
        (
            Operation::SetIfAbsent(_) | Operation::Increment | Operation::Delete,
            resp::Reply::Integer(number),
        ) => Some(Reply::Number(*number)),
        _ => None,
    };
    found.ok_or_else(|| {
        let error = format!("the store replies to {operation} with {reply:?}");
        Error::new(ErrorKind::InvalidData, error)
    })
}
