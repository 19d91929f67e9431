//! The servers of a small network as a program: see `harness::lan_servers`.
//!
//! `lan_servers ADDRESS DELAY_MS` serves DHCP and DNS at the server's address until its standard input ends. DHCP leases ADDRESS,
//! and sends each reply DELAY_MS milliseconds after its request. The program prints a line per reply, with the number of replies of
//! that kind so far.

#![forbid(unsafe_code)]

use std::io::{self, Read};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use harness::lan_servers::{Lease, READY, SERVER, dhcp, dns};

/// The size of the buffer for a datagram. A longer datagram is truncated.
const DATAGRAM_BYTES_MAX: usize = 1500;

fn main() -> io::Result<()> {
    let lease = lease();
    // Clients without an address broadcast their requests.
    let requests = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, dhcp::PORT))?;
    requests.set_broadcast(true)?;
    let queries = UdpSocket::bind((SERVER, dns::PORT))?;
    println!("{READY}");
    thread::spawn(move || serve_dhcp(&Arc::new(requests), lease));
    thread::spawn(move || serve_dns(&queries));
    io::stdin().read_to_end(&mut Vec::new()).map(drop)
}

/// The lease that the arguments state.
fn lease() -> Lease {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().expect("ADDRESS DELAY_MS");
    Lease {
        address: next().parse().expect("an address"),
        delay: Duration::from_millis(next().parse().expect("milliseconds")),
    }
}

fn serve_dhcp(requests: &Arc<UdpSocket>, lease: Lease) {
    let counts = Arc::new([const { AtomicU32::new(0) }; 3]);
    serve(requests, |request, _| {
        let Some(reply) = dhcp::reply(request, lease.address) else {
            return;
        };
        let (requests, counts) = (requests.clone(), counts.clone());
        // A request that arrives meanwhile does not wait longer than this one.
        thread::spawn(move || {
            thread::sleep(lease.delay);
            if let Err(error) = requests.send_to(&reply.bytes, reply.to) {
                return eprintln!("{}: {error}", reply.to);
            }
            let count = counts[reply.purpose as usize].fetch_add(1, Ordering::Relaxed) + 1;
            println!("dhcp {:?} {count}", reply.purpose);
        });
    });
}

fn serve_dns(queries: &UdpSocket) {
    let mut count = 0;
    serve(queries, |query, client| {
        let Some(reply) = dns::reply(query) else {
            return;
        };
        if let Err(error) = queries.send_to(&reply, client) {
            return eprintln!("{client}: {error}");
        }
        count += 1;
        println!("dns {count}");
    });
}

/// Passes each datagram and its sender to `handle`, without end.
fn serve(socket: &UdpSocket, mut handle: impl FnMut(&[u8], SocketAddr)) {
    let mut bytes = [0; DATAGRAM_BYTES_MAX];
    loop {
        // An error does not end the server: it runs until the program ends.
        if let Ok((length, client)) = socket.recv_from(&mut bytes) {
            handle(&bytes[..length], client);
        }
    }
}
