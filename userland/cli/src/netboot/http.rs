//! Serves the image for UEFI HTTP boot: [`Server`], an HTTP/1.1 server for one file.
//!
//! Firmware requests the file's size (HEAD), then the file (GET), mounts it as a CD in memory, and starts its boot loader.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{IpAddr, SocketAddrV4, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

/// The path in the URL.
const PATH: &str = "/caravan.iso";
/// The type by which firmware recognises the image of a CD.
const TYPE: &str = "application/vnd.efi-iso";
/// The longest request.
const REQUEST_BYTES_MAX: u64 = 8192;
/// How long one read from a client, or one write to it, may block.
const BLOCKED_MAX: Duration = Duration::from_secs(60);

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
        for stream in self.listener.incoming().flatten() {
            let file = self.file.clone();
            // A client that goes away ends only its own connection.
            thread::spawn(move || serve(&stream, &file));
        }
    }
}

/// Replies to the requests of one connection until the client closes it.
fn serve(stream: &TcpStream, file: &Path) -> io::Result<()> {
    stream.set_read_timeout(Some(BLOCKED_MAX))?;
    stream.set_write_timeout(Some(BLOCKED_MAX))?;
    let mut reader = BufReader::new(stream);
    let client = stream.peer_addr()?.ip();
    while let Some(request) = read_request(&mut reader)? {
        reply(&request, file, client, stream)?;
    }
    Ok(())
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
        println!("HTTP: {client} downloads the image");
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
    use std::net::Ipv4Addr;

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

    #[test]
    fn an_endless_or_unfinished_request_gets_no_reply() {
        assert_eq!(replies("GET /caravan.iso HTTP/1.1\r\nHost: a\r\n"), "");
        assert_eq!(replies(&"a".repeat(9000)), "");
    }
}
