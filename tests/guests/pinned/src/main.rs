//! A domain that holds what cannot leave its machine, a pool for domains of its own, until a datagram tells it to let go. It
//! says what it holds each time, so that a test can follow.
#![cfg_attr(target_os = "none", no_std, no_main)]
#![forbid(unsafe_code)]

#[cfg(target_os = "none")]
runtime::entry!(pinned::main);

#[cfg(not(target_os = "none"))]
fn main() {}

#[cfg(target_os = "none")]
mod pinned {
    use abi::register::PageCount;
    use runtime::capability::Pool;
    use runtime::embassy_net::udp::{PacketMetadata, UdpSocket};
    use runtime::executor::{self, Tasks};
    use runtime::{Cap, Start, log, net};

    /// Its port: that of the discard protocol (RFC 863).
    const PORT: u16 = 9;
    /// Bytes of datagrams that may wait.
    const BUFFER_BYTES: usize = 256;

    /// The program.
    pub fn main(start: Start) -> ! {
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
            // The content is irrelevant, and so is a datagram that is too long.
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
}
