//! A responder for datagrams: [`respond`].

use alloc::vec::Vec;

use runtime::embassy_net::Stack;
use runtime::embassy_net::udp::{PacketMetadata, UdpSocket};

/// The number of bytes of queued requests, and of queued responses.
const BUFFER_BYTES: usize = 4096;
/// The longest request.
const REQUEST_BYTES: usize = 32;

/// Responds to each datagram at a port. Longer requests are dropped.
///
/// # Panics
/// If the port is taken.
pub async fn respond(stack: Stack<'static>, port: u16, response: impl Fn(&[u8]) -> Vec<u8>) -> ! {
    let (mut metadata, mut bytes) = ([[PacketMetadata::EMPTY; 4]; 2], [[0; BUFFER_BYTES]; 2]);
    let ([receive_metadata, send_metadata], [receive, send]) = (&mut metadata, &mut bytes);
    let mut socket = UdpSocket::new(stack, receive_metadata, receive, send_metadata, send);
    socket.bind(port).expect("a free port");
    let mut request = [0; REQUEST_BYTES];
    loop {
        let Ok((length, from)) = socket.recv_from(&mut request).await else {
            continue;
        };
        // A client that does not get the response retries.
        let _ = socket.send_to(&response(&request[..length]), from).await;
    }
}
