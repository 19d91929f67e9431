//! The task that receives datagrams, timers and events, and sends the replies.

use alloc::vec;
use alloc::vec::Vec;
use core::task::Poll;

use embassy_futures::poll_once;
use embassy_futures::select::{Either3, select3};
use embassy_net::udp::{PacketMetadata, UdpMetadata, UdpSocket};
use embassy_net::{IpAddress, IpEndpoint, Stack};
use embassy_time::{Duration, Instant as Now, Timer};
use nomad_channel::noise::TAG_BYTES;
use nomad_channel::packet::PACKET_HEAD_BYTES;
use nomad_channel::{Incoming, PeerKind, Received};
use nomad_client::operator::{Action, Request};
use nomad_protocol::{MachineId, PORT};
use nomad_transport::Datagram;
use runtime::protocol::Mtu;

use crate::channel::sockets::{BoundSocket, Sockets, buffer_bytes, datagram_bytes_max};
use crate::executor_turns::{UNTIL_TRANSMITTED, yield_for};
use crate::late::outlet::WINDOW;
use crate::now::now;
use crate::server::Server;

/// The longest message about pages, in clear. Every segment between two machines carries it.
const PAGES_BYTES_MAX: usize = datagram_bytes_max(Mtu::STANDARD) - PACKET_HEAD_BYTES - TAG_BYTES;
const _: () = assert!(PAGES_BYTES_MAX >= nomad_transport::BASE);
/// Datagrams per queue of the socket: late frames and pages come many at a time.
const DATAGRAMS_MAX: usize = 4 * WINDOW;
/// Datagrams with pages that are sent before others are received.
const PAGES_AT_ONCE: usize = 32;
/// Datagrams that are handled before the replies are sent.
const RECEIVED_AT_ONCE: usize = 32;
/// How long the task sleeps when no timer is armed.
const IDLE: Duration = Duration::from_secs(3600);

/// Runs for ever.
pub async fn run(server: &'static Server, stack: Stack<'static>, mtu: Mtu) {
    let metadata = || vec![PacketMetadata::EMPTY; DATAGRAMS_MAX].leak();
    let buffer = || vec![0; buffer_bytes(DATAGRAMS_MAX, mtu)].leak();
    let socket = UdpSocket::new(stack, metadata(), buffer(), metadata(), buffer());
    let common = BoundSocket::new(socket, PORT);
    let addresses: Vec<_> = server.shell.borrow().machines().addresses().collect();
    let mut sockets = Sockets::new(stack, common, addresses.into_iter(), mtu);
    log::info!("listening on port {PORT}");
    let mut datagram = vec![0; datagram_bytes_max(mtu)];
    loop {
        server.poll_shell();
        server.operators.post_replies(&server.network);
        flush(server, &sockets).await;
        send_pages(server, &sockets);
        let due = due(server, sockets.expire(Now::now()));
        let received = sockets.common.socket.recv_from(&mut datagram);
        match select3(received, server.reported.wait(), due).await {
            Either3::First(Ok((length, from))) => {
                handle_datagram(server, &datagram[..length], from);
                handle_waiting(server, &sockets, &mut datagram);
            }
            // Longer than any datagram that fits into a frame.
            Either3::First(Err(_)) | Either3::Second(()) => {}
            Either3::Third(()) => server.shell.borrow_mut().handle_timeout(now()),
        }
    }
}

/// Handles the datagrams that wait in the socket.
fn handle_waiting(server: &Server, sockets: &Sockets, datagram: &mut [u8]) {
    for _ in 0..RECEIVED_AT_ONCE {
        match poll_once(sockets.common.socket.recv_from(datagram)) {
            Poll::Ready(Ok((length, from))) => handle_datagram(server, &datagram[..length], from),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => return,
        }
    }
}

/// Sends the pages and acknowledgements that are due.
fn send_pages(server: &Server, sockets: &Sockets) {
    let keys = &server.network.keys;
    let has_room = |to| keys.address_of(to).is_some_and(|at| sockets.has_room(at));
    let send = |to, message: &[u8]| {
        let datagrams = server.network.seal(to, message);
        datagrams
            .iter()
            .for_each(|datagram| sockets.send_pages(datagram));
    };
    server.streams.send_acks(send);
    for _ in 0..PAGES_AT_ONCE {
        if !server
            .streams
            .send_pages(server, PAGES_BYTES_MAX, has_room, send)
        {
            break;
        }
    }
}

async fn flush(server: &Server, sockets: &Sockets) {
    let datagrams = server.network.take_outbox();
    for datagram in &datagrams {
        sockets.send(datagram);
    }
    if !datagrams.is_empty() {
        // The next datagram may be a handshake, which takes milliseconds.
        yield_for(UNTIL_TRANSMITTED).await;
    }
}

/// Fires when the shell is to be called, or at `expiry`.
fn due(server: &Server, expiry: Option<Now>) -> Timer {
    let next = [
        server.shell.borrow().poll_timeout(),
        server.streams.poll_timeout(),
    ];
    let next = next.into_iter().flatten();
    let next = next.map(|at| Now::from_micros(at.as_us()));
    let first = next.chain(expiry).min();
    Timer::at(first.unwrap_or_else(|| Now::now() + IDLE))
}

fn handle_datagram(server: &Server, datagram: &[u8], from: UdpMetadata) {
    let network = &server.network;
    let IpAddress::Ipv4(address) = from.endpoint.addr;
    let mut sessions = network.sessions.borrow_mut();
    let received = sessions.handle_datagram(&network.keys, now().as_us(), address, datagram);
    drop(sessions);
    let Received {
        incoming,
        replies,
        peer_kind,
    } = match received {
        Ok(received) => received,
        Err(error) => return network.reject(from.endpoint, &error),
    };
    let to = match peer_kind {
        PeerKind::Machine => IpEndpoint::new(from.endpoint.addr, PORT),
        PeerKind::Operator => from.endpoint,
    };
    network.post(to, replies);
    match incoming {
        Some(Incoming::Machine(machine, message)) => handle_message(server, machine, &message),
        Some(Incoming::Operator(session, message)) => {
            let request = server
                .operators
                .handle_message(session, from.endpoint, &message);
            if let Some(Request { id, action }) = request {
                let mut shell = server.shell.borrow_mut();
                match action {
                    Action::Execute(command) => shell.handle_command(now(), id, command),
                    Action::AcceptData(piece) => shell.handle_data(now(), id, &piece),
                }
            }
        }
        None => {}
    }
}

fn handle_message(server: &Server, from: MachineId, message: &[u8]) {
    if Datagram::is_one(message) {
        server.streams.handle_datagram(server, from, message);
    } else {
        let mut shell = server.shell.borrow_mut();
        shell.handle_datagram(now(), from, message);
    }
}
