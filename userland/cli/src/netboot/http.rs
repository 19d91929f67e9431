//! Serves the image for UEFI HTTP boot: [`Server`], an HTTP/1.1 server for one file.
//!
//! Firmware requests the file's size (HEAD), then the file (GET), mounts it as a CD in memory, and starts its boot loader.
//!
//! Whatever stations on the network do, the server neither ends nor uses more than a bounded number of threads and files.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{IpAddr, SocketAddr, SocketAddrV4, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::connections::{Connections, Place};

/// The path in the URL.
const PATH: &str = "/caravan.iso";
/// The type by which firmware recognises the image of a CD.
const TYPE: &str = "application/vnd.efi-iso";
/// The longest request.
const REQUEST_BYTES_MAX: u64 = 8192;
/// How long the server waits for a whole request.
const REQUEST_MAX: Duration = Duration::from_secs(10);
/// How long one write to a client may block.
const BLOCKED_MAX: Duration = Duration::from_secs(60);
/// The pause after a connection that could not be accepted or served, for example because this program has too many files.
const PAUSE: Duration = Duration::from_millis(100);

/// A server for one file.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddrV4,
    file: PathBuf,
}

impl Server {
    /// A server for this file, at an address of this host.
    ///
    /// # Errors
    /// The address cannot be bound, for example because the port is in use.
    pub fn bind(address: SocketAddrV4, file: PathBuf) -> io::Result<Server> {
        let listener = TcpListener::bind(address)?;
        Ok(Server {
            listener,
            address,
            file,
        })
    }

    /// The file's URL.
    pub fn url(&self) -> String {
        format!("http://{}{PATH}", self.address)
    }

    /// Serves each connection in a thread of its own.
    pub fn run(self) {
        let connections = Arc::new(Connections::default());
        let accepted = std::iter::repeat_with(|| self.listener.accept());
        let begin = |(stream, client): (TcpStream, SocketAddr)| {
            let place = connections.admit(stream, client.ip());
            let file = self.file.clone();
            // A client that goes away ends only its own connection.
            let serve = move || drop(serve(&place, &file, REQUEST_MAX));
            thread::Builder::new().spawn(serve).map(drop)
        };
        let report = |error| {
            // If nobody reads the errors, the server goes on.
            let _ = writeln!(io::stderr(), "HTTP: a connection is not served: {error}");
        };
        for_each_ok(accepted, begin, report, || thread::sleep(PAUSE));
    }
}

/// Calls `begin` for each accepted connection. Calls `pause` after each failure, and before that, `report` for the first of
/// failures in a row.
fn for_each_ok<T>(
    accepted: impl Iterator<Item = io::Result<T>>,
    mut begin: impl FnMut(T) -> io::Result<()>,
    mut report: impl FnMut(io::Error),
    mut pause: impl FnMut(),
) {
    let mut has_failed = false;
    for connection in accepted {
        let begun = connection.and_then(&mut begin);
        let had_failed = std::mem::replace(&mut has_failed, begun.is_err());
        if let Err(error) = begun {
            if !had_failed {
                report(error);
            }
            pause();
        }
    }
}

/// Replies to the requests of one connection until the client closes it, or has not sent a whole request in time.
fn serve(place: &Place, file: &Path, request_max: Duration) -> io::Result<()> {
    let stream = place.stream();
    stream.set_write_timeout(Some(BLOCKED_MAX))?;
    let until = Instant::now() + request_max;
    let mut reader = BufReader::new(Limited { stream, until });
    while let Some(request) = read_request(&mut reader)? {
        reply(&request, file, place.client(), stream)?;
        reader.get_mut().until = Instant::now() + request_max;
    }
    Ok(())
}

/// A stream that is read until this time only, however little arrives at a time.
struct Limited<'a> {
    stream: &'a TcpStream,
    until: Instant,
}

impl Read for Limited<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.stream.set_read_timeout(Some(left))?;
        self.stream.read(into)
    }
}

/// The first line of the next request; `None` if the connection ends before a complete request, or if the request is too long.
fn read_request(reader: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut lines = reader.take(REQUEST_BYTES_MAX);
    let mut first = String::new();
    if lines.read_line(&mut first)? == 0 {
        return Ok(None);
    }
    let mut header = String::new();
    while header != "\r\n" {
        header.clear();
        if lines.read_line(&mut header)? == 0 {
            return Ok(None);
        }
    }
    Ok(Some(first))
}

fn reply(request: &str, file: &Path, client: IpAddr, mut to: impl Write) -> io::Result<()> {
    let mut words = request.split_whitespace();
    let (method, path) = (words.next(), words.next());
    if !matches!(method, Some("GET" | "HEAD")) {
        return write_head(&mut to, "405 Method Not Allowed", 0);
    }
    if path != Some(PATH) {
        return write_head(&mut to, "404 Not Found", 0);
    }
    let file = File::open(file)?;
    let length = file.metadata()?.len();
    write_head(&mut to, "200 OK", length)?;
    if method == Some("GET") {
        // If nobody reads the messages, the client gets the image nevertheless.
        let _ = writeln!(io::stdout(), "HTTP: {client} downloads the image");
        io::copy(&mut file.take(length), &mut to)?;
    }
    Ok(())
}

fn write_head(to: &mut impl Write, status: &str, length: u64) -> io::Result<()> {
    let head =
        format!("HTTP/1.1 {status}\r\nContent-Type: {TYPE}\r\nContent-Length: {length}\r\n\r\n");
    to.write_all(head.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netboot::connections::CONNECTIONS_MAX;
    use std::net::{Ipv4Addr, Shutdown};

    /// A file, and its content.
    const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    const CONTENT: &str = include_str!("../../Cargo.toml");

    /// The replies to all requests of a connection.
    fn replies(requests: &str) -> String {
        let mut reader = requests.as_bytes();
        let mut replies = Vec::new();
        while let Some(request) = read_request(&mut reader).expect("a request") {
            let client = Ipv4Addr::LOCALHOST.into();
            reply(&request, FILE.as_ref(), client, &mut replies).expect("a reply");
        }
        String::from_utf8(replies).expect("text")
    }

    #[test]
    fn firmware_gets_the_size_and_then_the_file() {
        let host = "Host: 10.77.0.100:7480\r\n\r\n";
        let head = format!("HEAD {PATH} HTTP/1.1\r\n{host}");
        let get = format!("GET {PATH} HTTP/1.1\r\n{host}");
        let text = replies(&(head + &get));
        let length = CONTENT.len();
        let begin =
            format!("HTTP/1.1 200 OK\r\nContent-Type: {TYPE}\r\nContent-Length: {length}\r\n\r\n");
        assert_eq!(text, format!("{begin}{begin}{CONTENT}"));
    }

    #[test]
    fn nothing_else_is_served() {
        for (request, status) in [
            ("GET /../../etc/shadow HTTP/1.1", "404"),
            ("GET", "404"),
            ("POST /caravan.iso HTTP/1.1", "405"),
        ] {
            let text = replies(&format!("{request}\r\n\r\n"));
            assert!(text.starts_with(&format!("HTTP/1.1 {status} ")), "{text}");
            assert!(text.ends_with("Content-Length: 0\r\n\r\n"), "{text}");
        }
    }

    /// A server, which runs until the tests end, and its address.
    fn server() -> SocketAddr {
        let address = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0);
        let server = Server::bind(address, FILE.into()).expect("a free port");
        let address = server.listener.local_addr().expect("an address");
        thread::spawn(move || server.run());
        address
    }

    #[test]
    fn idle_connections_do_not_keep_a_client_from_the_file() {
        let address = server();
        let connect = || TcpStream::connect(address).expect("a connection");
        let mut idle: Vec<_> = (0..=CONNECTIONS_MAX).map(|_| connect()).collect();
        for stream in &mut idle {
            // The server may have closed it already.
            let _ = stream.write(b"G");
        }
        let mut client = connect();
        let request = format!("GET {PATH} HTTP/1.1\r\n\r\n");
        client.write_all(request.as_bytes()).expect("sent");
        let mut reply = vec![0; replies(&request).len()];
        client.read_exact(&mut reply).expect("a whole reply");
        assert!(reply.ends_with(CONTENT.as_bytes()));
        for stream in &idle {
            stream.set_nonblocking(true).expect("a socket");
        }
        let is_open = |mut stream: &TcpStream| {
            let read = stream.read(&mut [0]);
            read.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
        };
        let open = idle.iter().filter(|stream| is_open(stream)).count();
        assert!(open < CONNECTIONS_MAX, "{open}");
    }

    #[test]
    fn an_endless_or_unfinished_request_gets_no_reply() {
        assert_eq!(replies("GET /caravan.iso HTTP/1.1\r\nHost: a\r\n"), "");
        assert_eq!(replies(&"a".repeat(9000)), "");
    }

    /// A client may send one byte at a time.
    #[test]
    fn a_request_that_is_not_complete_in_time_gets_no_reply() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("an address");
        let mut client = TcpStream::connect(address).expect("a connection");
        client.write_all(b"GET / HTTP/1.1\r\n\r\n").expect("sent");
        client.shutdown(Shutdown::Write).expect("open");
        let (stream, from) = listener.accept().expect("the client");
        let place = Arc::new(Connections::default()).admit(stream, from.ip());
        let late = serve(&place, FILE.as_ref(), Duration::ZERO);
        let late = late.expect_err("the time is over");
        assert_eq!(late.kind(), io::ErrorKind::TimedOut);
        drop(place);
        let read = client.read(&mut [0]);
        assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
    }

    #[test]
    fn failures_are_reported_once_in_a_row_and_each_is_followed_by_a_pause() {
        let error = || io::Error::from(io::ErrorKind::OutOfMemory);
        // Not accepted twice, served, not served, not accepted, served.
        let accepted = [
            Err(error()),
            Err(error()),
            Ok(true),
            Ok(false),
            Err(error()),
            Ok(true),
        ];
        let begin = |is_served: bool| is_served.then_some(()).ok_or_else(error);
        let (mut reports, mut pauses) = (0, 0);
        for_each_ok(
            accepted.into_iter(),
            begin,
            |_| reports += 1,
            || pauses += 1,
        );
        assert_eq!((reports, pauses), (2, 4));
    }
}
