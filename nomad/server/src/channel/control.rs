//! The task that hears datagrams, timers and events, and sends what is to be answered.

use alloc::vec;

use embassy_futures::select::{Either3, select3};
use embassy_net::udp::{PacketMetadata, UdpMetadata, UdpSocket};
use embassy_net::{IpAddress, IpEndpoint, Stack};
use embassy_time::{Duration, Instant as Now, Timer};
use nomad_channel::noise::TAG_BYTES;
use nomad_channel::packet::PACKET_HEAD_BYTES;
use nomad_channel::{Heard, Party, Said};
use nomad_protocol::{DATAGRAM_BYTES_MAX, Envelope, MachineId, Message, PORT};

use crate::channel::outlets::Outlets;
use crate::late::outlet::WINDOW;
use crate::shell::{Shell, now};
use crate::turns::{TO_LEAVE, give_way};

/// The longest datagram that is heard or sent.
const BYTES_MAX: usize = PACKET_HEAD_BYTES + DATAGRAM_BYTES_MAX + TAG_BYTES;
/// Datagrams that wait to be heard or sent: late frames come many at a time.
const DATAGRAMS_MAX: usize = 2 * WINDOW;
/// How long the task sleeps when no timer is armed.
const IDLE: Duration = Duration::from_secs(3600);

/// Serves for ever.
pub async fn run(shell: &'static Shell, stack: Stack<'static>) {
    let metadata = || vec![PacketMetadata::EMPTY; DATAGRAMS_MAX].leak();
    let buffer = || vec![0; DATAGRAMS_MAX * BYTES_MAX].leak();
    let mut socket = UdpSocket::new(stack, metadata(), buffer(), metadata(), buffer());
    socket.bind(PORT).expect("a port that nobody else has");
    let outlets = Outlets::new(stack, socket, shell.peers.addresses(), BYTES_MAX);
    log::info!("listening on port {PORT}");
    let mut datagram = vec![0; BYTES_MAX];
    loop {
        shell.settle();
        if !shell.is_held() {
            shell.call_rolls();
        }
        shell.answer_operators();
        flush(shell, &outlets).await;
        let heard = outlets.common.recv_from(&mut datagram);
        match select3(heard, shell.reported.wait(), due(shell)).await {
            Either3::First(Ok((length, from))) => hear(shell, &datagram[..length], from),
            // Longer than any datagram of ours.
            Either3::First(Err(_)) | Either3::Second(()) => {}
            Either3::Third(()) if shell.is_held() => {}
            Either3::Third(()) => shell.ledger.borrow_mut().handle_timeout(now()),
        }
    }
}

async fn flush(shell: &Shell, outlets: &Outlets) {
    let datagrams = core::mem::take(&mut *shell.outbox.borrow_mut());
    for datagram in &datagrams {
        outlets.send(datagram).await;
    }
    if !datagrams.is_empty() {
        // What is heard next may be a handshake, which takes milliseconds.
        give_way(TO_LEAVE).await;
    }
}

fn due(shell: &Shell) -> Timer {
    let next = shell.ledger.borrow().poll_timeout();
    let next = next.into_iter().chain(shell.next_roll()).min();
    let next = next.filter(|_| !shell.is_held());
    Timer::at(next.map_or_else(|| Now::now() + IDLE, |at| Now::from_micros(at.as_us())))
}

fn hear(shell: &Shell, datagram: &[u8], from: UdpMetadata) {
    let IpAddress::Ipv4(address) = from.endpoint.addr;
    let mut sessions = shell.sessions.borrow_mut();
    let heard = sessions.hear(&shell.keys, now().as_us(), address, datagram);
    drop(sessions);
    let Heard {
        said,
        answers,
        party,
    } = match heard {
        Ok(heard) => heard,
        Err(deaf) => return shell.turn_away(from.endpoint, &deaf),
    };
    let to = match party {
        Party::Machine => IpEndpoint::new(from.endpoint.addr, PORT),
        Party::Operator => from.endpoint,
    };
    shell.post(to, answers);
    match said {
        Some(Said::Machine(..)) if shell.is_held() => {}
        Some(Said::Machine(machine, message)) => understand(shell, machine, &message),
        Some(Said::Operator(session, message)) => {
            shell.hear_operator(session, from.endpoint, &message);
        }
        None => {}
    }
}

/// A machine of the fleet says this.
fn understand(shell: &Shell, machine: MachineId, message: &[u8]) {
    match Envelope::decode(message) {
        Ok(envelope) => match envelope.message {
            Message::Asks(name, turn) => shell.answer_roll(machine, name, turn),
            Message::Answers(name, turn, standing) => {
                shell.hear_roll(machine, &name, turn, standing);
            }
            Message::Late(transaction, late) => shell.hear_late(machine, transaction, late),
            Message::Hello { .. } | Message::About(..) => {
                let mut ledger = shell.ledger.borrow_mut();
                ledger.handle_message(now(), machine, envelope);
            }
        },
        Err(error) => log::warn!("from {machine:?}: {error:?}"),
    }
}
