//! A fake domain on this host's loopback.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use harness::prober::protocol::{REQUEST_BYTES, Reply, Request};

use super::{FAULTY_SEQUENCE, FakeDomain, Fault};

/// The duration of [`Fault::Silence`].
pub const SILENCE: Duration = Duration::from_millis(150);

/// How long the domain sleeps if no request has arrived.
const NAP: Duration = Duration::from_micros(100);

/// A domain that serves one client.
pub struct Domain {
    domain: FakeDomain,
    udp: UdpSocket,
    listener: TcpListener,
    silent: bool,
    /// A reply on the stream that is sent only after the next one.
    held_back: Option<Reply>,
}

impl Domain {
    /// A domain with one port for UDP and TCP.
    pub fn bind(fault: Fault) -> Self {
        loop {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
            let address = listener.local_addr().expect("its address");
            // If another process has the same port for UDP, another port is tried.
            if let Ok(udp) = UdpSocket::bind(address) {
                udp.set_nonblocking(true).expect("a socket");
                return Self {
                    domain: FakeDomain::new(fault),
                    udp,
                    listener,
                    silent: false,
                    held_back: None,
                };
            }
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.udp.local_addr().expect("a bound socket")
    }

    /// Serves one client until it `has_ended`. Calls `when_enough` once each transport has had `enough` requests.
    pub fn serve(mut self, enough: u64, when_enough: impl FnOnce(), has_ended: impl Fn() -> bool) {
        let (mut stream, _) = self.listener.accept().expect("a client");
        stream.set_nonblocking(true).expect("a socket");
        let (mut when_enough, mut open) = (Some(when_enough), true);
        let mut replies = [0, 0];
        while !has_ended() {
            let udp = self.serve_datagram();
            let tcp = if open {
                self.serve_stream(&mut stream)
            } else {
                None
            };
            if tcp == Some(FAULTY_SEQUENCE) && self.domain.fault == Fault::StreamEnd {
                stream.shutdown(Shutdown::Both).expect("an open connection");
                open = false;
            }
            replies[0] += u64::from(udp);
            replies[1] += u64::from(tcp.is_some());
            if replies[0] >= enough && (replies[1] >= enough || !open) {
                when_enough.take().into_iter().for_each(|call| call());
            }
            if !udp && tcp.is_none() {
                std::thread::sleep(NAP);
            }
        }
    }

    fn serve_datagram(&mut self) -> bool {
        let mut bytes = [0; REQUEST_BYTES];
        let Ok((REQUEST_BYTES, client)) = self.udp.recv_from(&mut bytes) else {
            return false;
        };
        let request = Request::decode(&bytes);
        if self.domain.fault == Fault::Silence
            && request.sequence == FAULTY_SEQUENCE
            && !self.silent
        {
            self.silent = true;
            std::thread::sleep(SILENCE);
        }
        self.udp
            .send_to(&self.domain.reply(request).encode(), client)
            .is_ok()
    }

    /// Replies to a request on the stream, and returns its sequence number.
    fn serve_stream(&mut self, stream: &mut TcpStream) -> Option<u64> {
        let mut bytes = [0; REQUEST_BYTES];
        if !matches!(stream.peek(&mut bytes), Ok(REQUEST_BYTES)) {
            return None;
        }
        stream.read_exact(&mut bytes).expect("the peeked bytes");
        let request = Request::decode(&bytes);
        let reply = self.domain.reply(request);
        if self.domain.fault == Fault::StreamOrder && request.sequence == FAULTY_SEQUENCE {
            self.held_back = Some(reply);
        } else {
            for reply in [Some(reply), self.held_back.take()].into_iter().flatten() {
                stream
                    .write_all(&reply.encode())
                    .expect("a client that reads");
            }
        }
        Some(request.sequence)
    }
}
