//! This machine's migration server, as it is asked: a line in a datagram, lines in datagrams back, of which the last
//! begins with `done` or `failed`.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use core::net::Ipv4Addr;

use runtime::embassy_net::udp::{PacketMetadata, UdpSocket};
use runtime::embassy_net::{IpAddress, IpEndpoint, Stack};
use runtime::embassy_time::{Duration, with_timeout};

/// The port of every migration server.
const PORT: u16 = 7411;
/// The port that answers come to.
const OWN_PORT: u16 = 7410;
/// Longest line of an answer.
const LINE_BYTES_MAX: usize = 512;
/// Lines that may wait to be shown.
const LINES_MAX: usize = 32;
/// How long the server may be silent while it works.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// Asks the server and hands over each line of its answer, the last included; what goes wrong is such a line too.
pub async fn ask(stack: Stack<'static>, server: Ipv4Addr, line: &str, mut hear: impl FnMut(&str)) {
    let mut metadata = [PacketMetadata::EMPTY; LINES_MAX];
    let mut lines = vec![0; LINES_MAX * LINE_BYTES_MAX];
    let (mut sent_metadata, mut sent) = ([PacketMetadata::EMPTY; 1], [0; LINE_BYTES_MAX]);
    let mut socket = UdpSocket::new(
        stack,
        &mut metadata,
        &mut lines,
        &mut sent_metadata,
        &mut sent,
    );
    let to = IpEndpoint::new(IpAddress::Ipv4(server), PORT);
    let is_sent = socket.bind(OWN_PORT).is_ok()
        && socket
            .send_to(format!("{line}\n").as_bytes(), to)
            .await
            .is_ok();
    if !is_sent {
        return hear("failed: the migration server cannot be reached");
    }
    let mut datagram = [0; LINE_BYTES_MAX];
    loop {
        let received = with_timeout(SILENCE_MAX, socket.recv_from(&mut datagram)).await;
        let Ok(received) = received else {
            return hear("failed: the migration server does not answer");
        };
        let Ok((count, from)) = received else {
            continue;
        };
        if from.endpoint != to {
            continue;
        }
        let line = shown(&datagram[..count]);
        hear(&line);
        if is_last(&line) {
            return;
        }
    }
}

/// Whether a line is an answer's last.
fn is_last(line: &str) -> bool {
    matches!(line.split([' ', ':']).next(), Some("done" | "failed"))
}

/// A line without what a terminal might obey.
fn shown(datagram: &[u8]) -> String {
    let text = String::from_utf8_lossy(datagram);
    text.chars()
        .filter(|character| !character.is_control())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_last_line() {
        assert!(is_last("done") && is_last("failed: no machine"));
        assert!(!is_last("phase Rounds") && !is_last("") && !is_last("donee"));
    }

    #[test]
    fn a_line_cannot_command_the_terminal() {
        assert_eq!(shown(b"a\x1b[2Jb\r\n\xff"), "a[2Jb\u{fffd}");
    }
}
