//! The servers of a small network as a program: see `harness::lan_servers`.
//!
//! `lan_servers` serves DHCP and DNS at the server's address until its standard input ends. It prints a line per reply, with the
//! number of replies of that kind so far.

#![forbid(unsafe_code)]

use std::io::{self, Read};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::thread;

use harness::lan_servers::{READY, SERVER, dhcp, dns};

/// The size of the buffer for a datagram. A longer datagram is truncated.
const DATAGRAM_BYTES_MAX: usize = 1500;

fn main() -> io::Result<()> {
    // Clients without an address broadcast their requests.
    let requests = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, dhcp::PORT))?;
    requests.set_broadcast(true)?;
    let queries = UdpSocket::bind((SERVER, dns::PORT))?;
    println!("{READY}");
    thread::spawn(move || serve_dhcp(&requests));
    thread::spawn(move || serve_dns(&queries));
    io::stdin().read_to_end(&mut Vec::new()).map(drop)
}

fn serve_dhcp(requests: &UdpSocket) {
    let mut counts = [0; 3];
    serve(requests, |request, _| {
        let Some(reply) = dhcp::reply(request) else {
            return;
        };
        if let Err(error) = requests.send_to(&reply.bytes, reply.to) {
            return eprintln!("{}: {error}", reply.to);
        }
        let count = &mut counts[reply.purpose as usize];
        *count += 1;
        println!("dhcp {:?} {count}", reply.purpose);
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
