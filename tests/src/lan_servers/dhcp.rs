//! A DHCP server with one address (RFC 2131, RFC 2132): [`reply`].
//!
//! ```text
//! 0 operation   4 transaction   12 client's address   16 your address   20 server's address   28 client's MAC
//! 236 magic number   240 options: number, length, value; 255 ends them
//! ```

use std::net::{Ipv4Addr, SocketAddrV4};

use super::SERVER;

/// The server's port.
pub const PORT: u16 = 67;
const CLIENT_PORT: u16 = 68;

/// The address that is usually leased, and the prefix length of its network.
pub const LEASED: (Ipv4Addr, u8) = (Ipv4Addr::new(10, 77, 0, 150), 24);
/// How long a lease lasts. A client renews it after half of that.
pub const LEASE_SECONDS: u32 = 20;

const REQUEST: u8 = 1;
const REPLY: u8 = 2;
const CLIENT_ADDRESS: usize = 12;
const YOUR_ADDRESS: usize = 16;
const SERVER_ADDRESS: usize = 20;
const MAGIC: usize = 236;
const MAGIC_NUMBER: [u8; 4] = [99, 130, 83, 99];
const OPTIONS: usize = 240;

const OPTION_MASK: u8 = 1;
const OPTION_ROUTER: u8 = 3;
const OPTION_NAME_SERVER: u8 = 6;
const OPTION_LEASE: u8 = 51;
const OPTION_TYPE: u8 = 53;
const OPTION_SERVER: u8 = 54;
const OPTION_PAD: u8 = 0;
const OPTION_END: u8 = 255;

const TYPE_DISCOVER: u8 = 1;
const TYPE_OFFER: u8 = 2;
const TYPE_REQUEST: u8 = 3;
const TYPE_ACK: u8 = 5;

/// The purpose of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// It offers the address.
    Offer,
    /// It leases the address.
    Lease,
    /// It prolongs the lease.
    Renewal,
}

/// A reply and its receiver. While the client has no address, the receiver is every station.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The purpose.
    pub purpose: Purpose,
    /// The receiver.
    pub to: SocketAddrV4,
    /// The message.
    pub bytes: Vec<u8>,
}

/// The reply to a datagram, with this address; `None` if it is not a request for an address.
pub fn reply(request: &[u8], leased: Ipv4Addr) -> Option<Reply> {
    let is_request =
        request.len() > OPTIONS && request[0] == REQUEST && request[MAGIC..OPTIONS] == MAGIC_NUMBER;
    let kind = is_request.then(|| message_type(&request[OPTIONS..]))??;
    let client = Ipv4Addr::from(<[u8; 4]>::try_from(&request[CLIENT_ADDRESS..YOUR_ADDRESS]).ok()?);
    let (purpose, reply_type) = match kind {
        TYPE_DISCOVER => (Purpose::Offer, TYPE_OFFER),
        TYPE_REQUEST if client.is_unspecified() => (Purpose::Lease, TYPE_ACK),
        TYPE_REQUEST => (Purpose::Renewal, TYPE_ACK),
        _ => return None,
    };
    let receiver = if client.is_unspecified() {
        Ipv4Addr::BROADCAST
    } else {
        client
    };
    Some(Reply {
        purpose,
        to: SocketAddrV4::new(receiver, CLIENT_PORT),
        bytes: message(&request[..OPTIONS], reply_type, leased),
    })
}

fn message_type(mut options: &[u8]) -> Option<u8> {
    loop {
        match *options {
            [OPTION_PAD, ..] => options = &options[1..],
            [OPTION_TYPE, 1, kind, ..] => return Some(kind),
            [OPTION_END, ..] | [] | [_] => return None,
            [_, length, ..] => options = options.get(2 + usize::from(length)..)?,
        }
    }
}

fn message(header: &[u8], reply_type: u8, address: Ipv4Addr) -> Vec<u8> {
    let (_, prefix) = LEASED;
    let mask = u32::MAX << (32 - u32::from(prefix));
    let mut bytes = header.to_vec();
    bytes[0] = REPLY;
    bytes[YOUR_ADDRESS..SERVER_ADDRESS].copy_from_slice(&address.octets());
    bytes[SERVER_ADDRESS..SERVER_ADDRESS + 4].copy_from_slice(&SERVER.octets());
    bytes.extend([OPTION_TYPE, 1, reply_type]);
    for (option, value) in [
        (OPTION_SERVER, SERVER.octets()),
        (OPTION_LEASE, LEASE_SECONDS.to_be_bytes()),
        (OPTION_MASK, mask.to_be_bytes()),
        (OPTION_ROUTER, SERVER.octets()),
        (OPTION_NAME_SERVER, SERVER.octets()),
    ] {
        bytes.extend([option, 4]);
        bytes.extend(value);
    }
    bytes.push(OPTION_END);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A request of this type from a client that has this address.
    fn request(kind: u8, client: Ipv4Addr) -> Vec<u8> {
        let mut bytes = vec![0; OPTIONS];
        bytes[0] = REQUEST;
        bytes[4..8].copy_from_slice(b"xid!");
        bytes[CLIENT_ADDRESS..YOUR_ADDRESS].copy_from_slice(&client.octets());
        bytes[MAGIC..].copy_from_slice(&MAGIC_NUMBER);
        bytes.extend([OPTION_PAD, 61, 2, 0, 0, OPTION_TYPE, 1, kind, OPTION_END]);
        bytes
    }

    #[test]
    fn offers_leases_and_renews_one_address() {
        let address = Ipv4Addr::new(10, 77, 0, 1);
        let cases = [
            (
                TYPE_DISCOVER,
                Ipv4Addr::UNSPECIFIED,
                Purpose::Offer,
                TYPE_OFFER,
                Ipv4Addr::BROADCAST,
            ),
            (
                TYPE_REQUEST,
                Ipv4Addr::UNSPECIFIED,
                Purpose::Lease,
                TYPE_ACK,
                Ipv4Addr::BROADCAST,
            ),
            (TYPE_REQUEST, address, Purpose::Renewal, TYPE_ACK, address),
        ];
        for (kind, client, purpose, reply_type, receiver) in cases {
            let reply = super::reply(&request(kind, client), address).expect("a reply");
            assert_eq!(reply.purpose, purpose);
            assert_eq!(reply.to, SocketAddrV4::new(receiver, CLIENT_PORT));
            assert_eq!(reply.bytes[4..8], *b"xid!");
            assert_eq!(reply.bytes[YOUR_ADDRESS..SERVER_ADDRESS], address.octets());
            assert_eq!(message_type(&reply.bytes[OPTIONS..]), Some(reply_type));
        }
    }

    #[test]
    fn other_datagrams_get_no_reply() {
        let whole = request(TYPE_DISCOVER, Ipv4Addr::UNSPECIFIED);
        let reply = |request: &[u8]| reply(request, LEASED.0);
        assert_eq!(reply(&request(7, Ipv4Addr::UNSPECIFIED)), None);
        assert!((0..whole.len() - 1).all(|length| reply(&whole[..length]).is_none()));
        let mut no_request = whole;
        no_request[0] = REPLY;
        assert_eq!(reply(&no_request), None);
    }
}
