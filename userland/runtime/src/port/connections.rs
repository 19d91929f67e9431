//! The connections of a domain's stack, as its device sees them: the byte that the stack expects next in each, and whether the stack
//! has acknowledged everything before it.
//!
//! Merging must not change when the stack acknowledges, so two kinds of segments are not merged:
//!
//! * One that the stack does not expect. The stack acknowledges it at once, and its sender counts these acknowledgements to find a lost
//!   segment (RFC 5681, 3.2): of merged segments, it would get only one.
//! * The first one after an acknowledgement. The stack delays the next acknowledgement until another segment follows: of merged
//!   segments, it would see only one, and the sender would wait.
//!
//! Each segment that the stack sends acknowledges everything ([`Connections::sent`]). The device adds what the stack has received since.
//! The numbers are exact, since the stack handles each frame before the device takes the next one. If the stack drops a segment, the next
//! sent one corrects the number.
//!
//! The table has a fixed size. A connection whose place another one has taken is not merged until the stack sends its next segment.

use alloc::boxed::Box;

use super::merge::{HEADERS, Headers, Run};

/// The number of places, a power of two.
const PLACES: usize = 64;

const SOURCE: usize = 26;
const DESTINATION: usize = 30;
const SOURCE_PORT: usize = 34;
const DESTINATION_PORT: usize = 36;
const ACKNOWLEDGED: usize = 42;
const FLAGS: usize = 47;
const ACK: u8 = 0x10;
const RESET: u8 = 0x04;

/// The addresses and ports of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Name {
    /// The address of the other side, and of the domain.
    addresses: [[u8; 4]; 2],
    /// The port of the other side, and of the domain.
    ports: [[u8; 2]; 2],
}

/// What the stack has received of a connection.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Connection {
    name: Name,
    /// The sequence number that the stack expects next.
    expected: u32,
    /// Whether the stack has not acknowledged a segment.
    owes_acknowledgement: bool,
}

/// The connections whose next byte is known.
#[derive(Debug)]
pub(super) struct Connections {
    places: Box<[Connection; PLACES]>,
}

impl Connections {
    /// Knows no connection.
    pub(super) fn new() -> Connections {
        Connections {
            places: Box::new([Connection::default(); PLACES]),
        }
    }

    /// Notes what a frame that the stack sends acknowledges.
    pub(super) fn sent(&mut self, frame: &[u8]) {
        let Some(headers) = frame.first_chunk::<HEADERS>() else {
            return;
        };
        let is_segment = headers[12..15] == [0x08, 0x00, 0x45] && headers[23] == 6;
        // A reset belongs to no connection, or ends it.
        if is_segment && headers[FLAGS] & (ACK | RESET) == ACK {
            let name = Name {
                addresses: [part(headers, DESTINATION), part(headers, SOURCE)],
                ports: [part(headers, DESTINATION_PORT), part(headers, SOURCE_PORT)],
            };
            self.places[name.place()] = Connection {
                name,
                expected: u32::from_be_bytes(part(headers, ACKNOWLEDGED)),
                owes_acknowledgement: false,
            };
        }
    }

    /// The connection of a run in this buffer, if the stack expects the run.
    pub(super) fn expecting(&mut self, buffer: &[u8], run: &Run) -> Option<&mut Connection> {
        let headers = buffer.first_chunk::<HEADERS>()?;
        let name = Name {
            addresses: [part(headers, SOURCE), part(headers, DESTINATION)],
            ports: [part(headers, SOURCE_PORT), part(headers, DESTINATION_PORT)],
        };
        let connection = &mut self.places[name.place()];
        (connection.name == name && connection.expected == run.first()).then_some(connection)
    }
}

impl Connection {
    /// Whether the stack has received a segment that it has not acknowledged.
    pub(super) fn owes_acknowledgement(&self) -> bool {
        self.owes_acknowledgement
    }

    /// Notes that the stack receives a run.
    pub(super) fn received(&mut self, run: &Run) {
        self.expected = run.next();
        self.owes_acknowledgement = true;
    }
}

impl Name {
    fn place(&self) -> usize {
        let [remote, local] = self.addresses.map(u32::from_ne_bytes);
        let [[a, b], [c, d]] = self.ports;
        // The golden ratio's bits: the highest bits of the product depend on all bits of the factor (Knuth, TAOCP 3, 6.4).
        let mixed = (remote ^ local ^ u32::from_ne_bytes([a, b, c, d])).wrapping_mul(0x9e37_79b9);
        (mixed >> (32 - PLACES.ilog2())) as usize
    }
}

fn part<const BYTES: usize>(headers: &Headers, at: usize) -> [u8; BYTES] {
    core::array::from_fn(|index| headers[at + index])
}
