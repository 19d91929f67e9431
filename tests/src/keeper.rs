//! A client of a key-value store that believes nothing: every write that the store acknowledged is read back.
//!
//! One connection for the whole run: it never reconnects, so that a connection which does not live is an error.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::resp::request;

/// Keys that are written in turn.
const KEYS: u64 = 500;

/// How long the store may be silent: it stops a hang.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// A connection to a store, and what it has acknowledged.
#[derive(Debug)]
pub struct Keeper {
    stream: BufReader<TcpStream>,
    kept: Kept,
}

/// What a store has kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Writes that were acknowledged and read back.
    pub writes: u64,
    /// The longest that an answer took, in microseconds.
    pub longest_answer_us: u64,
}

impl Keeper {
    /// Connects.
    ///
    /// # Errors
    ///
    /// What the network says.
    pub fn connect(address: SocketAddr) -> io::Result<Keeper> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(SILENCE_MAX))?;
        Ok(Keeper {
            stream: BufReader::new(stream),
            kept: Kept::default(),
        })
    }

    /// Writes and reads back until it is told to stop, then reads every key once more; returns what was
    /// kept.
    ///
    /// # Errors
    ///
    /// What the network says, and [`io::ErrorKind::InvalidData`] for an answer that is not what was written.
    pub fn run(mut self, stop: &AtomicBool) -> io::Result<Kept> {
        while !stop.load(Ordering::Relaxed) {
            let number = self.kept.writes;
            self.expect(&["SET", &key(number), &value(number)], "+OK")?;
            self.kept.writes += 1;
            self.read_back(number)?;
            self.read_back(number.saturating_sub(KEYS / 2))?;
        }
        let oldest = self.kept.writes.saturating_sub(KEYS);
        for number in oldest..self.kept.writes {
            self.read_back(number)?;
        }
        Ok(self.kept)
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

    fn expect(&mut self, words: &[&str], answer: &str) -> io::Result<()> {
        let asked = Instant::now();
        self.stream.get_mut().write_all(&request(words))?;
        let line = self.line()?;
        let took_us = asked.elapsed().as_micros() as u64;
        self.kept.longest_answer_us = self.kept.longest_answer_us.max(took_us);
        if line == answer {
            Ok(())
        } else {
            Err(wrong(&line, answer))
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
    format!("keeper:{}", number % KEYS)
}

fn value(number: u64) -> String {
    format!("{number}-{}", crate::splitmix::splitmix64(number))
}

fn wrong(found: &str, expected: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("the store says {found:?}, not {expected:?}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;
    use std::net::TcpListener;
    use std::sync::Arc;
    use std::thread;

    /// How many writes the store sees before the client is told to stop.
    const ENOUGH: u64 = 10;

    /// A store on loopback that forgets one write if it is told to, and stops its client after enough of them.
    fn store(forgets: Option<u64>, stop: Arc<AtomicBool>) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a socket");
        let address = listener.local_addr().expect("an address");
        thread::spawn(move || {
            let (stream, _) = listener.accept().expect("a client");
            let mut reader = BufReader::new(stream);
            let mut values = HashMap::new();
            let mut writes = 0;
            while let Some(words) = read_request(&mut reader) {
                let answer = match words.as_slice() {
                    [set, key, value] if set == "SET" => {
                        if forgets != Some(writes) {
                            values.insert(key.clone(), value.clone());
                        }
                        writes += 1;
                        stop.fetch_or(writes == ENOUGH, Ordering::Relaxed);
                        "+OK\r\n".to_owned()
                    }
                    [_, key] => match values.get(key) {
                        Some(value) => format!("${}\r\n{value}\r\n", value.len()),
                        None => "$-1\r\n".to_owned(),
                    },
                    _ => "-ERR\r\n".to_owned(),
                };
                if reader.get_mut().write_all(answer.as_bytes()).is_err() {
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

    fn keep(forgets: Option<u64>) -> io::Result<Kept> {
        let stop = Arc::new(AtomicBool::new(false));
        Keeper::connect(store(forgets, stop.clone()))?.run(&stop)
    }

    #[test]
    fn an_honest_store_keeps_everything() {
        assert_eq!(keep(None).expect("no error").writes, ENOUGH);
    }

    #[test]
    fn a_store_that_forgets_one_write_is_found_out() {
        let error = keep(Some(3)).expect_err("a write was forgotten");
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }
}
