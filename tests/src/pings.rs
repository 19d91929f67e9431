//! A client of a store that sends a PING every millisecond on one connection, and records when each reply arrives.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::prober::{Replies, now_ns};
use crate::resp;

/// The interval between requests.
const INTERVAL: Duration = Duration::from_millis(1);
/// A reply.
const PONG: &[u8] = b"+PONG\r\n";
/// The largest number of bytes that are read at once.
const READ_BYTES: usize = 4096;

/// Sends requests until `stop` is set, and calls `on_reply` at the first reply. Returns the times of all replies.
///
/// # Errors
///
/// The connection broke, or a reply was wrong or missing.
pub fn run(address: SocketAddr, stop: &AtomicBool, on_reply: impl FnOnce()) -> io::Result<Replies> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    let writer = stream.try_clone()?;
    let (sent, replies) = thread::scope(|scope| {
        let sending = scope.spawn(|| send(writer, stop));
        let replies = receive(&stream, on_reply);
        // No more requests can be sent, so a wrong reply ends both threads.
        let _ = stream.shutdown(Shutdown::Both);
        (sending.join().expect("the sending thread"), replies)
    });
    let replies = replies?;
    let sent = sent?;
    let received = replies.times().len();
    if received == sent {
        return Ok(replies);
    }
    let reason = format!("{sent} requests had {received} replies");
    Err(io::Error::new(io::ErrorKind::UnexpectedEof, reason))
}

/// Sends requests; returns their number.
fn send(mut stream: TcpStream, stop: &AtomicBool) -> io::Result<usize> {
    let ping = resp::request(&["PING"]);
    let mut sent = 0;
    let mut due = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        stream.write_all(&ping)?;
        sent += 1;
        // A late client does not catch up.
        due = (due + INTERVAL).max(Instant::now());
        thread::sleep(due.saturating_duration_since(Instant::now()));
    }
    stream.shutdown(Shutdown::Write)?;
    Ok(sent)
}

/// Reads replies until the store closes the connection.
fn receive(mut stream: impl Read, on_reply: impl FnOnce()) -> io::Result<Replies> {
    let mut replies = Replies::default();
    let mut on_reply = Some(on_reply);
    let mut bytes = Vec::new();
    let mut buffer = [0; READ_BYTES];
    loop {
        let count = stream.read(&mut buffer)?;
        if count == 0 && bytes.is_empty() {
            return Ok(replies);
        }
        bytes.extend_from_slice(&buffer[..count]);
        while let Some(rest) = bytes.strip_prefix(PONG) {
            bytes = rest.to_vec();
            replies.push(now_ns());
            if let Some(on_reply) = on_reply.take() {
                on_reply();
            }
        }
        if !PONG.starts_with(&bytes) || count == 0 {
            let reason = format!("not a reply: {}", bytes.escape_ascii());
            return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// The result of the client at a store that replies to each request with these bytes.
    fn replies_of(reply: &'static [u8], requests_max: usize) -> io::Result<usize> {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                let (mut stream, _) = listener.accept().expect("a client");
                let mut request = vec![0; resp::request(&["PING"]).len()];
                for _ in 0..requests_max {
                    if stream.read_exact(&mut request).is_err() {
                        break;
                    }
                    stream.write_all(reply).expect("the client reads");
                }
            });
            let on_reply = || stop.store(true, Ordering::Relaxed);
            run(address, &stop, on_reply).map(|replies| replies.times().len())
        })
    }

    #[test]
    fn counts_each_reply_and_refuses_others() {
        assert!(replies_of(PONG, usize::MAX).expect("all replied") > 0);
        let error = replies_of(b"+PANG\r\n", 1).expect_err("not a reply");
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn a_connection_that_ends_early_is_an_error() {
        assert!(replies_of(b"", 1).is_err());
        assert!(replies_of(b"+PO", 1).is_err());
    }
}
