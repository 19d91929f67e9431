//! Advertisements of IPv6 routers (RFC 4861, 4.2): [`Advertisement`].
//!
//! ```text
//! packet    0  IPv6 header     6  next header   7  hop limit   8  source
//!          40  hop-by-hop options, if the next header says so
//! message   0  type 134        6  lifetime of the router in seconds: u16     16  options
//! option    0  type            1  length in units of 8 bytes
//! prefix    0  type 3          2  length of the prefix in bits     16  the prefix
//! ```

const HEADER_BYTES: usize = 40;
const SOURCE: usize = 8;
const HOP_BY_HOP: u8 = 0;
const ICMPV6: u8 = 58;
const ROUTER_ADVERTISEMENT: u8 = 134;
/// The hop limit proves that no router has forwarded the packet.
const HOP_LIMIT: u8 = 255;
/// The first eight bytes of each link-local address.
const LINK_LOCAL: [u8; 8] = [0xfe, 0x80, 0, 0, 0, 0, 0, 0];
const OPTIONS: usize = 16;
const PREFIX_INFORMATION: u8 = 3;
const PREFIX_BITS_MAX: u8 = 128;
/// The first byte of each multicast address.
const MULTICAST: u8 = 0xff;

/// An IPv6 address.
pub(super) type Address = [u8; 16];

/// The part of an advertisement that decides whether the stack has room for its router.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Advertisement {
    /// The router's link-local address.
    pub router: Address,
    /// How long it is a router; 0 if it is none.
    pub lifetime_seconds: u16,
}

/// The offset of a router's advertisement in an IPv6 packet, if it is one. The stack skips hop-by-hop options, and no others.
pub(super) fn find(packet: &[u8]) -> Option<usize> {
    let message = match *packet.get(6)? {
        ICMPV6 => HEADER_BYTES,
        HOP_BY_HOP if *packet.get(HEADER_BYTES)? == ICMPV6 => {
            HEADER_BYTES + (usize::from(*packet.get(HEADER_BYTES + 1)?) + 1) * 8
        }
        _ => return None,
    };
    (*packet.get(message)? == ROUTER_ADVERTISEMENT).then_some(message)
}

/// Reads the advertisement at this offset of a packet; `None` if no host may follow it, or if the stack would not survive it.
pub(super) fn read(packet: &[u8], message: usize) -> Option<Advertisement> {
    let header = packet.first_chunk::<HEADER_BYTES>()?;
    let end = HEADER_BYTES + usize::from(u16::from_be_bytes([header[4], header[5]]));
    let message = packet.get(message..end)?;
    let (fields, options) = message.split_at_checked(OPTIONS)?;
    let router: &Address = header[SOURCE..].first_chunk()?;
    let is_neighbour = header[7] == HOP_LIMIT && router.starts_with(&LINK_LOCAL);
    (is_neighbour && are_harmless(options)?).then_some(Advertisement {
        router: *router,
        lifetime_seconds: u16::from_be_bytes([fields[6], fields[7]]),
    })
}

/// Whether every prefix in the options is one of hosts' addresses; `None` if the options are malformed.
fn are_harmless(mut options: &[u8]) -> Option<bool> {
    while let [kind, units, ..] = *options {
        let bytes = usize::from(units) * 8;
        let (option, rest) = options.split_at_checked(bytes).filter(|_| bytes > 0)?;
        if kind == PREFIX_INFORMATION {
            let [_, _, bits, ..] = *option.first_chunk::<32>()?;
            if bits > PREFIX_BITS_MAX || option[16] == MULTICAST {
                return Some(false);
            }
        }
        options = rest;
    }
    options.is_empty().then_some(true)
}
