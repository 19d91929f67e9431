//! The task that receives datagrams, timers and events, and sends the replies.

use core::net::Ipv4Addr;
use core::task::Poll;

use embassy_futures::poll_once;
use embassy_futures::select::{Either3, select, select3};
use embassy_net::udp::UdpMetadata;
use embassy_net::{ConfigV4, IpAddress, IpEndpoint, Stack};
use embassy_time::{Duration, Instant as Now, Timer};
use nomad_channel::{Incoming, PeerKind, ReceiveError, Received, SEAL_BYTES};
use nomad_client::operator::{Action, Request};
use nomad_protocol::{HELLO_GROUP, MachineId, PORT};
use nomad_transport::Datagram;
use runtime::protocol::Mtu;

use crate::channel::leases::Leases;
use crate::channel::sockets::{Sockets, datagram_bytes_max};
use crate::executor_turns::{UNTIL_TRANSMITTED, yield_for};
use crate::now::now;
use crate::server::Server;

const _: () = assert!(message_bytes_max(Mtu::STANDARD) >= nomad_transport::BASE);
/// The most datagrams with pages that are sent before other datagrams are received.
const PAGES_AT_ONCE: usize = 32;
/// The most datagrams that are handled before the replies are sent.
const RECEIVED_AT_ONCE: usize = 32;
/// How long the task sleeps when no timer is armed.
const IDLE: Duration = Duration::from_secs(3600);

/// Runs for ever.
pub async fn run(server: &'static Server, stack: Stack<'static>, mtu: Mtu) {
    let others = server
        .shell
        .borrow()
        .machines()
        .others()
        .map(|other| other.id)
        .collect();
    let mut sockets = Sockets::new(stack, others, mtu);
    if let Err(error) = stack.join_multicast_group(HELLO_GROUP) {
        log::warn!("hellos of other machines cannot be received: {error:?}");
    }
    log::info!("listening on port {PORT}");
    if stack.config_v4().is_none() {
        log::info!("waiting for an address from a DHCP server");
    }
    let mut leases = Leases::default();
    loop {
        let assigned = stack.config_v4().map(|config| config.address.address());
        if server.is_taken(assigned) {
            // The stack's DHCP client cannot decline a lease, and would get the same one again.
            stack.set_config_v4(ConfigV4::None);
            leases.decline(Now::now());
            continue;
        }
        if leases.take_retry(Now::now()) {
            stack.set_config_v4(ConfigV4::Dhcp(Default::default()));
        }
        server.update_own_address(leases.accept(assigned, Now::now()));
        server.poll_shell();
        server.network.keep_needed(server.shell.borrow().machines());
        server.operators.post_replies(&server.network);
        sockets.update_addresses(server.shell.borrow().machines());
        flush(server, &sockets).await;
        send_pages(server, &mut sockets, message_bytes_max(mtu));
        let expiry = sockets.expire(Now::now());
        let due = due(server, [expiry, leases.poll_timeout()]);
        let socket = &mut sockets.common;
        let received = socket.recv_from_with(|datagram, from| open(server, datagram, from));
        let until = fired_or_assigned(due, stack, assigned);
        match select3(received, server.reported.wait(), until).await {
            Either3::First(opened) => {
                handle_opened(server, opened);
                handle_waiting(server, &mut sockets);
            }
            Either3::Second(()) => {}
            Either3::Third(()) => handle_timeout(server),
        }
    }
}

/// Waits for the timer, or for an address if there is none. A lease of another machine's address is to be declined at once, since the
/// stack replies to queries for it.
async fn fired_or_assigned(timer: Timer, stack: Stack<'static>, assigned: Option<Ipv4Addr>) {
    match assigned {
        Some(_) => timer.await,
        None => {
            select(timer, stack.wait_config_up()).await;
        }
    }
}

/// Handles the shell's timers, if one is due. During a move the timers of the page streams are due far more often.
fn handle_timeout(server: &Server) {
    let (mut shell, now) = (server.shell.borrow_mut(), now());
    if shell.poll_timeout().is_some_and(|due| due <= now) {
        shell.handle_timeout(now);
    }
}

/// The longest message in a datagram of this MTU.
const fn message_bytes_max(mtu: Mtu) -> usize {
    datagram_bytes_max(mtu) - SEAL_BYTES
}

/// Handles the datagrams that wait in the socket.
fn handle_waiting(server: &Server, sockets: &mut Sockets) {
    let socket = &mut sockets.common;
    for _ in 0..RECEIVED_AT_ONCE {
        let received = socket.recv_from_with(|datagram, from| open(server, datagram, from));
        match poll_once(received) {
            Poll::Ready(opened) => handle_opened(server, opened),
            Poll::Pending => return,
        }
    }
}

/// Sends the pages and acknowledgements that are due.
fn send_pages(server: &Server, sockets: &mut Sockets, bytes_max: usize) {
    let streams = &server.streams;
    // An acknowledgement for which there is no room is lost: the next one reports the same.
    streams.send_acks(|to, ack| {
        send_about_pages(server, sockets, to, ack);
    });
    let mut send = |to, message: &[u8]| send_about_pages(server, sockets, to, message);
    for _ in 0..PAGES_AT_ONCE {
        if !streams.send_pages(server, bytes_max, &mut send) {
            break;
        }
    }
}

/// Encrypts and sends a message about pages; returns whether there was room for it. Without a session, the message begins a
/// handshake.
fn send_about_pages(server: &Server, sockets: &mut Sockets, to: MachineId, message: &[u8]) -> bool {
    let network = &server.network;
    let Some(address) = server.shell.borrow().machines().address_of(to) else {
        return true;
    };
    let now_us = now().as_us();
    if !network.sessions.borrow_mut().is_established(now_us, to) {
        server.send(to, message);
        return true;
    }
    sockets.send_pages(address, message.len() + SEAL_BYTES, |datagram| {
        let mut sessions = network.sessions.borrow_mut();
        if sessions.seal_into(now_us, to, message, datagram).is_none() {
            log::debug!("to {address}: the session's nonces are used up");
        }
    })
}

async fn flush(server: &Server, sockets: &Sockets) {
    let datagrams = server.network.take_outbox();
    for datagram in &datagrams {
        sockets.send(datagram);
    }
    if !datagrams.is_empty() {
        // The next datagram may be a handshake, which takes milliseconds. So these leave first.
        yield_for(UNTIL_TRANSMITTED).await;
    }
}

/// Fires when the shell or a stream is to be called, or at one of the other times, whichever comes first.
fn due(server: &Server, others: [Option<Now>; 2]) -> Timer {
    let next = [
        server.shell.borrow().poll_timeout(),
        server.streams.poll_timeout(),
    ];
    let next = next.into_iter().flatten();
    let next = next.map(|at| Now::from_micros(at.as_us()));
    let first = next.chain(others.into_iter().flatten()).min();
    Timer::at(first.unwrap_or_else(|| Now::now() + IDLE))
}

/// A datagram that was decrypted or rejected, and its sender.
type Opened = (UdpMetadata, Result<Received, ReceiveError>);

/// Decrypts a datagram in the socket's buffer.
fn open(server: &Server, datagram: &[u8], from: UdpMetadata) -> Opened {
    let network = &server.network;
    let mut sessions = network.sessions.borrow_mut();
    let now_us = now().as_us();
    let received = sessions.handle_datagram(&network.keys, now_us, datagram);
    (from, received)
}

fn handle_opened(server: &Server, (from, received): Opened) {
    let network = &server.network;
    let IpAddress::Ipv4(address) = from.endpoint.addr;
    let Received {
        incoming,
        replies,
        peer_kind,
        encounters,
    } = match received {
        Ok(received) => received,
        Err(error) => {
            match error {
                ReceiveError::OwnName => {
                    server.shell.borrow_mut().handle_own_name(now(), address);
                }
                ReceiveError::TooMany => {
                    server.shell.borrow_mut().handle_too_many(now(), address);
                }
                _ => {}
            }
            return network.reject(from.endpoint, &error);
        }
    };
    let to = match peer_kind {
        PeerKind::Machine => IpEndpoint::new(from.endpoint.addr, PORT),
        PeerKind::Operator => from.endpoint,
    };
    network.post(to, replies);
    for encounter in encounters {
        let mut shell = server.shell.borrow_mut();
        shell.handle_encounter(now(), address, encounter);
    }
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
        Some(Incoming::Hello(hello)) => {
            let mut shell = server.shell.borrow_mut();
            shell.handle_hello(now(), address, &hello);
        }
        // This server queries no machine for its name, so it expects no reply to such a query.
        Some(Incoming::Found(..)) | None => {}
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
