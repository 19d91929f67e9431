//! A migration server, as it is asked: a line in a datagram, lines in datagrams back.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use crate::answer::{End, Line};

/// Longest line of an answer.
const LINE_BYTES_MAX: usize = 2048;

/// How long a server may be silent while it works.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// Asks a server and hands over each line of its answer, the last included.
///
/// # Errors
/// What the network says; [`io::ErrorKind::TimedOut`] after a minute of silence.
pub fn ask(server: SocketAddr, line: &str, mut hear: impl FnMut(&Line)) -> io::Result<End> {
    let local = if server.is_ipv4() {
        "0.0.0.0:0"
    } else {
        "[::]:0"
    };
    let socket = UdpSocket::bind(local)?;
    socket.connect(server)?;
    socket.set_read_timeout(Some(SILENCE_MAX))?;
    socket.send(format!("{line}\n").as_bytes())?;
    let mut datagram = [0; LINE_BYTES_MAX];
    loop {
        let length = socket.recv(&mut datagram).map_err(silence)?;
        let line = Line::of_datagram(&datagram[..length]);
        hear(&line);
        if let Some(end) = line.end() {
            return Ok(end);
        }
    }
}

fn silence(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
            io::Error::new(io::ErrorKind::TimedOut, "the machine does not answer")
        }
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn hears_every_line_up_to_the_last() {
        let server = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        let address = server.local_addr().expect("an address");
        let answering = thread::spawn(move || {
            let mut datagram = [0; 64];
            let (length, from) = server.recv_from(&mut datagram).expect("a command");
            for line in ["phase Rounds\n", "done\n"] {
                server.send_to(line.as_bytes(), from).expect("sent");
            }
            datagram[..length].to_vec()
        });
        let mut lines = Vec::new();
        let end = ask(address, "migrate counter b", |line| {
            lines.push(line.text().to_string())
        });
        assert_eq!(end.expect("an answer"), End::Done);
        assert_eq!(lines, ["phase Rounds", "done"]);
        assert_eq!(answering.join().expect("answered"), b"migrate counter b\n");
    }
}
