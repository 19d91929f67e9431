//! The task that hears datagrams, timers and events, and sends what is to be answered.

use alloc::vec;

use embassy_futures::select::{Either3, select3};
use embassy_net::udp::{PacketMetadata, UdpMetadata, UdpSocket};
use embassy_net::{IpAddress, Stack};
use embassy_time::{Duration, Instant as Now, Timer};
use nomad_protocol::{DATAGRAM_BYTES_MAX, Envelope, MachineId, Message, PORT};

use crate::channel::noise::TAG_BYTES;
use crate::channel::packet::PACKET_HEAD_BYTES;
use crate::channel::sessions::Heard;
use crate::commands;
use crate::late::outlet::WINDOW;
use crate::shell::{Datagram, Shell, now};

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
    log::info!("listening on port {PORT}");
    let mut datagram = vec![0; BYTES_MAX];
    loop {
        shell.settle();
        flush(shell, &socket).await;
        let heard = socket.recv_from(&mut datagram);
        match select3(heard, shell.reported.wait(), due(shell)).await {
            Either3::First(Ok((length, from))) => hear(shell, &datagram[..length], from),
            // Longer than any datagram of ours.
            Either3::First(Err(_)) | Either3::Second(()) => {}
            Either3::Third(()) => shell.ledger.borrow_mut().handle_timeout(now()),
        }
    }
}

async fn flush(shell: &Shell, socket: &UdpSocket<'_>) {
    loop {
        let next = shell.outbox.borrow_mut().pop_front();
        let Some(Datagram { to, bytes }) = next else {
            return;
        };
        if let Err(error) = socket.send_to(&bytes, to).await {
            // It counts as lost; what matters is repeated.
            log::debug!("to {to}: {error:?}");
        }
    }
}

fn due(shell: &Shell) -> Timer {
    let next = shell.ledger.borrow().poll_timeout();
    Timer::at(next.map_or_else(|| Now::now() + IDLE, |at| Now::from_micros(at.as_us())))
}

fn hear(shell: &Shell, datagram: &[u8], from: UdpMetadata) {
    if commands::is_command(datagram) {
        shell.obey(datagram, from.endpoint);
        return;
    }
    let IpAddress::Ipv4(address) = from.endpoint.addr;
    let machine = shell.keys.machine_at(address);
    let mut sessions = shell.sessions.borrow_mut();
    let heard = sessions.hear(&shell.keys, now().as_us(), machine, datagram);
    drop(sessions);
    match heard {
        Ok(Heard { message, answers }) => {
            shell.post(address, answers);
            if let Some(message) = message {
                understand(shell, machine, &message);
            }
        }
        Err(deaf) => log::debug!("from {address}: {deaf:?}"),
    }
}

/// A machine of the fleet says this.
fn understand(shell: &Shell, machine: MachineId, message: &[u8]) {
    match Envelope::decode(message) {
        Ok(Envelope {
            message: Message::Late(transaction, late),
            ..
        }) => shell.hear_late(machine, transaction, late),
        Ok(envelope) => shell
            .ledger
            .borrow_mut()
            .handle_message(now(), machine, envelope),
        Err(error) => log::warn!("from {machine:?}: {error:?}"),
    }
}
