//! Replies of DHCP servers (RFC 2131). The stack makes the router that one names the next hop of all packets to other networks, and
//! asserts for each of them that it is a host.
//!
//! The stack itself checks the leased address, the netmask and the name servers. It reads options only where this reads them: not in
//! the fields for the names of server and file (option 52), and no router from an option with several.

use core::net::Ipv4Addr;

const SERVER_AND_CLIENT_PORT: [u8; 4] = [0, 67, 0, 68];
const UDP_HEADER_BYTES: usize = 8;
/// The offset of the options in a message, after the magic number.
const OPTIONS: usize = 240;
const PADDING: u8 = 0;
const END: u8 = 255;
const ROUTER: u8 = 3;

/// Whether a UDP datagram is from a DHCP server to a client.
pub(super) fn is_reply(datagram: &[u8]) -> bool {
    datagram.starts_with(&SERVER_AND_CLIENT_PORT)
}

/// Whether every router that a DHCP server's datagram names is a host. Of several options the last one counts, so all are checked.
pub(super) fn is_harmless(datagram: &[u8]) -> bool {
    let mut rest = datagram
        .get(UDP_HEADER_BYTES + OPTIONS..)
        .unwrap_or_default();
    loop {
        rest = match *rest {
            [] | [END, ..] => return true,
            [PADDING, ref rest @ ..] => rest,
            [kind, bytes, ref rest @ ..] if rest.len() >= usize::from(bytes) => {
                let (value, rest) = rest.split_at(usize::from(bytes));
                if kind == ROUTER && !value.as_chunks().0.iter().all(is_host) {
                    return false;
                }
                rest
            }
            // Such an option ends the stack's search, too.
            _ => return true,
        };
    }
}

fn is_host(address: &[u8; 4]) -> bool {
    let address = Ipv4Addr::from(*address);
    !address.is_unspecified() && !address.is_broadcast() && !address.is_multicast()
}
