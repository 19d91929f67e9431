//! A checking client of a key-value store, which reads back every write that the store has acknowledged.
//!
//! It uses one connection for the whole run and does not reconnect, so a lost connection is an error.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::prober::{Replies, now_ns};
use crate::resp::request;

/// The number of keys. They are written in turn.
const KEYS: u64 = 500;

/// How long the store may take to reply. Only a hang reaches this limit.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// A connection to a store, and the results so far.
#[derive(Debug)]
pub struct KvChecker {
    stream: BufReader<TcpStream>,
    report: KvReport,
}

/// The result of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KvReport {
    /// The number of writes that were acknowledged and read back.
    pub writes: u64,
    /// The longest time from a request to its reply, in microseconds.
    pub longest_reply_us: u64,
    /// When the replies arrived, on the clock of [`now_ns`]. Each request follows the reply before it at once.
    pub replies: Replies,
}

impl KvChecker {
    /// Connects to a store.
    ///
    /// # Errors
    ///
    /// Network errors.
    pub fn connect(address: SocketAddr) -> io::Result<KvChecker> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(SILENCE_MAX))?;
        Ok(KvChecker {
            stream: BufReader::new(stream),
            report: KvReport::default(),
        })
    }

    /// Writes and reads back until `stop` is set, then reads every key once more.
    ///
    /// # Errors
    ///
    /// Network errors, and [`io::ErrorKind::InvalidData`] for a reply other than the written value.
    pub fn run(mut self, stop: &AtomicBool) -> io::Result<KvReport> {
        while !stop.load(Ordering::Relaxed) {
            let number = self.report.writes;
            self.expect(&["SET", &key(number), &value(number)], "+OK")?;
            self.report.writes += 1;
            self.read_back(number)?;
            self.read_back(number.saturating_sub(KEYS / 2))?;
        }
        let oldest = self.report.writes.saturating_sub(KEYS);
        for number in oldest..self.report.writes {
            self.read_back(number)?;
        }
        Ok(self.report)
    }

    fn read_back(&mut self, number: u64) -> io::Result<()> {
        let value = value(number);
        self.expect(&["GET", &key(number)], &format!("${}", value.len()))?;
        let line = self.line()?;
        if line == value {
            Ok(())
        } else {
            Err(wrong(&line, &value))
        }
    }

    fn expect(&mut self, words: &[&str], reply: &str) -> io::Result<()> {
        let sent = Instant::now();
        self.stream.get_mut().write_all(&request(words))?;
        let line = self.line()?;
        let took_us = sent.elapsed().as_micros() as u64;
        self.report.longest_reply_us = self.report.longest_reply_us.max(took_us);
        self.report.replies.push(now_ns());
        if line == reply {
            Ok(())
        } else {
            Err(wrong(&line, reply))
        }
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        match self.stream.read_line(&mut line)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(line.trim_end().to_owned()),
        }
    }
}

fn key(number: u64) -> String {
    format!("kv_checker:{}", number % KEYS)
}

fn value(number: u64) -> String {
    format!("{number}-{}", crate::splitmix::splitmix64(number))
}

fn wrong(found: &str, expected: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("the store replied {found:?}, not {expected:?}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;
    use std::net::TcpListener;
    use std::sync::Arc;
    use std::thread;

    /// The number of writes after which the client is stopped.
    const WRITES: u64 = 10;

    /// A store on loopback that may lose one write, and stops its client after [`WRITES`] of them.
    fn store(loses: Option<u64>, stop: Arc<AtomicBool>) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a socket");
        let address = listener.local_addr().expect("an address");
        thread::spawn(move || {
            let (stream, _) = listener.accept().expect("a client");
            let mut reader = BufReader::new(stream);
            let mut values = HashMap::new();
            let mut writes = 0;
            while let Some(words) = read_request(&mut reader) {
                let reply = match words.as_slice() {
                    [set, key, value] if set == "SET" => {
                        if loses != Some(writes) {
                            values.insert(key.clone(), value.clone());
                        }
                        writes += 1;
                        stop.fetch_or(writes == WRITES, Ordering::Relaxed);
                        "+OK\r\n".to_owned()
                    }
                    [_, key] => match values.get(key) {
                        Some(value) => format!("${}\r\n{value}\r\n", value.len()),
                        None => "$-1\r\n".to_owned(),
                    },
                    _ => "-ERR\r\n".to_owned(),
                };
                if reader.get_mut().write_all(reply.as_bytes()).is_err() {
                    return;
                }
            }
        });
        address
    }

    fn read_request(reader: &mut BufReader<TcpStream>) -> Option<Vec<String>> {
        let mut line = || {
            let mut line = String::new();
            (reader.read_line(&mut line).ok()? > 0).then(|| line.trim_end().to_owned())
        };
        let count: usize = line()?.trim_start_matches('*').parse().ok()?;
        (0..count).map(|_| line().and_then(|_| line())).collect()
    }

    fn check(loses: Option<u64>) -> io::Result<KvReport> {
        let stop = Arc::new(AtomicBool::new(false));
        KvChecker::connect(store(loses, stop.clone()))?.run(&stop)
    }

    #[test]
    fn a_correct_store_passes() {
        let report = check(None).expect("no error");
        assert_eq!(report.writes, WRITES);
        // Each write was read back at least once.
        assert!(report.replies.times().len() as u64 >= 2 * WRITES);
        assert!(report.replies.times().is_sorted());
    }

    #[test]
    fn a_store_that_loses_one_write_fails() {
        let error = check(Some(3)).expect_err("a write was lost");
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }
}
