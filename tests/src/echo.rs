//! A client of a TCP echo service that keeps one connection: every line that it sends must come back.

use std::fmt;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// The line that the client's program prints when its first line has come back.
pub const REPLIED: &str = "replied";

/// How long the service may take to send a line, or to accept the connection. Only a hang reaches this limit.
const LIMIT: Duration = Duration::from_secs(120);
/// The interval between attempts to connect.
const RETRY_INTERVAL: Duration = Duration::from_millis(100);
/// The pause between two lines.
const INTERVAL: Duration = Duration::from_millis(2);

/// The client's result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// The number of lines that came back unchanged.
    pub lines: u64,
    /// The longest time for one of them, in microseconds.
    pub longest_us: u64,
    /// The reason the connection or its content was lost.
    pub failure: Option<String>,
}

impl fmt::Display for Seen {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let longest_ms = self.longest_us as f64 / 1e3;
        write!(
            formatter,
            "{} lines came back on one TCP connection, the slowest after {longest_ms:.1} ms",
            self.lines
        )
    }
}

/// Connects, and sends lines until `stop` is set, then one more to prove that the connection is still alive.
/// Calls `on_reply` when the first line has come back.
pub fn run(service: SocketAddr, stop: &AtomicBool, on_reply: impl FnOnce()) -> Seen {
    let mut seen = Seen {
        lines: 0,
        longest_us: 0,
        failure: None,
    };
    if let Err(error) = converse(service, stop, on_reply, &mut seen) {
        seen.failure = Some(error.to_string());
    }
    seen
}

fn converse(
    service: SocketAddr,
    stop: &AtomicBool,
    on_reply: impl FnOnce(),
    seen: &mut Seen,
) -> io::Result<()> {
    let stream = connect(service)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(LIMIT))?;
    let mut writer = stream.try_clone()?;
    let mut reader = BufReader::new(stream);
    exchange(&mut writer, &mut reader, seen)?;
    on_reply();
    while !stop.load(Ordering::Relaxed) {
        sleep(INTERVAL);
        exchange(&mut writer, &mut reader, seen)?;
    }
    exchange(&mut writer, &mut reader, seen)
}

/// Connects to a service that may still be starting.
fn connect(service: SocketAddr) -> io::Result<TcpStream> {
    let deadline = Instant::now() + LIMIT;
    loop {
        match TcpStream::connect_timeout(&service, LIMIT) {
            Err(_) if Instant::now() < deadline => sleep(RETRY_INTERVAL),
            connected => return connected,
        }
    }
}

fn exchange(writer: &mut impl Write, reader: &mut impl BufRead, seen: &mut Seen) -> io::Result<()> {
    let sent = format!("line {}\n", seen.lines);
    let begun = Instant::now();
    writer.write_all(sent.as_bytes())?;
    let mut received = String::new();
    reader.read_line(&mut received)?;
    if received != sent {
        let reason = format!("{sent:?} came back as {received:?}");
        return Err(io::Error::other(reason));
    }
    seen.lines += 1;
    seen.longest_us = seen.longest_us.max(begun.elapsed().as_micros() as u64);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    /// A service that reads from one connection `reads` times, and sends back the bytes as modified by `change`.
    fn service(reads: usize, change: fn(&mut [u8])) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a client");
            let mut buffer = [0; 1024];
            for _ in 0..reads {
                let Ok(count @ 1..) = stream.read(&mut buffer) else {
                    return;
                };
                change(&mut buffer[..count]);
                let _ = stream.write_all(&buffer[..count]);
            }
        });
        address
    }

    #[test]
    fn counts_the_lines_that_come_back() {
        let stop = AtomicBool::new(true);
        let mut has_replied = false;
        let seen = run(service(9, |_| {}), &stop, || has_replied = true);
        assert!(has_replied);
        assert_eq!((seen.lines, seen.failure), (2, None));
    }

    #[test]
    fn a_changed_line_and_a_lost_connection_are_failures() {
        let stop = AtomicBool::new(false);
        let changed = run(service(9, |line| line[0] = b'x'), &stop, || {});
        let reason = changed.failure.expect("a failure");
        assert!(reason.contains("xine 0"), "{reason}");
        let lost = run(service(2, |_| {}), &stop, || {});
        assert_eq!(lost.lines, 2);
        assert!(lost.failure.is_some());
    }
}
