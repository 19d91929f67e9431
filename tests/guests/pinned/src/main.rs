//! A domain that cannot move while it holds a child pool. A datagram makes it destroy the pool. It logs each step, so that a
//! test can follow.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use abi::register::PageCount;
use runtime::capability::Pool;
use runtime::embassy_net::udp::{PacketMetadata, UdpSocket};
use runtime::executor::{self, Tasks};
use runtime::{Cap, Start, log, net};

runtime::entry!(main);

/// The UDP port of the discard protocol (RFC 863).
const PORT: u16 = 9;
/// The number of bytes of queued datagrams.
const BUFFER_BYTES: usize = 256;

fn main(start: Start) -> ! {
    executor::run(start, move |tasks| hold(start, tasks))
}

async fn hold(start: Start, tasks: Tasks) {
    let pool: Cap<Pool> = start.require("pool");
    let child = pool.split(PageCount(16)).expect("memory for a pool");
    let stack = net::stack(start, tasks);
    let (mut metadata, mut bytes) = ([[PacketMetadata::EMPTY; 4]; 2], [[0; BUFFER_BYTES]; 2]);
    let ([receive_metadata, send_metadata], [receive, send]) = (&mut metadata, &mut bytes);
    let mut socket = UdpSocket::new(stack, receive_metadata, receive, send_metadata, send);
    socket.bind(PORT).expect("a free port");
    log::info!("holds a pool");
    let mut held = Some(child);
    loop {
        // The content is ignored.
        let _ = socket.recv_from(&mut []).await;
        match held.take() {
            Some(child) => {
                child.destroy().expect("a pool of its own");
                log::info!("lets go");
            }
            None => log::info!("holds nothing"),
        }
    }
}
