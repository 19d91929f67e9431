//! The sockets that listen on the served TCP ports.
//!
//! The stack visits each of its sockets several times per frame, so a port's sockets join the stack only as clients need them;
//! a few listen in advance. The stack refuses a client for which no socket listens. So a frame that opens a connection waits in
//! front of the stack until one does ([`admit`]), unless all sockets of the port are in use.
//!
//! ```text
//!   not joined  --called-->  listening  --a client's first frame-->  in use
//!                                ^                                      |
//!                                +--------- the connection ends --------+
//! ```
//!
//! A frame may turn out to open no connection, because its IPv4 header is damaged. It counts all the same. So fewer sockets may seem to listen
//! than do, and never more.
//!
//! A repetition of such a frame must not reach the stack: it gives a segment to the first socket that accepts it, and if a socket
//! listens before the one with the client's connection, the client gets a second connection with other sequence numbers, and
//! the stack resets the first one. So a frame that is the same as an earlier one is dropped. That includes the frames that a client sends again after a second, because there
//! was no reply (RFC 6298): if the domain was frozen after the first of them, its socket has the connection already, and repeats the reply by itself.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::future::poll_fn;
use core::task::{Poll, Waker};

use embassy_sync::blocking_mutex::Mutex;
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_time::{Duration, Instant};

use crate::port::device::Passage;

/// The number of sockets of a port that listen in advance, as long as the port has that many unused ones.
const LISTENING_MIN: usize = 4;

/// How long a repetition of a client's first frame is recognised: longer than any freeze lasts. A client whose first frame the stack has dropped as damaged gets no connection before.
const REPEATED_WITHIN: Duration = Duration::from_secs(20);
/// The number of clients' first frames that are remembered: as many as a large server has sockets.
const REMEMBERED_MAX: usize = 128;

/// All served ports of the domain.
static PORTS: Mutex<CriticalSectionRawMutex, RefCell<Vec<ServedPort>>> =
    Mutex::new(RefCell::new(Vec::new()));

/// The state of a served port's sockets.
#[derive(Debug)]
struct ServedPort {
    number: u16,
    listening: usize,
    /// The sockets that were called and have not joined yet.
    called: usize,
    /// The tasks of the sockets that have not joined.
    waiting: Vec<Waker>,
    /// The stack's task, while a frame waits for a socket.
    stack: Option<Waker>,
    /// The clients that were admitted last, the oldest first, and when.
    admitted: VecDeque<(Client, Instant)>,
}

/// The beginning of a client's connection: two are the same only if one is a repetition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Client {
    /// An IPv4 address is followed by zeros.
    address: [u8; 16],
    port: u16,
    sequence_number: u32,
}

impl ServedPort {
    fn new(number: u16) -> ServedPort {
        ServedPort {
            number,
            listening: 0,
            called: 0,
            waiting: Vec::new(),
            stack: None,
            admitted: VecDeque::new(),
        }
    }

    /// Whether the task's socket joins now; otherwise the task is woken when its socket is called.
    fn joins(&mut self, task: &Waker) -> bool {
        if self.called > 0 {
            self.called -= 1;
        } else if self.listening >= LISTENING_MIN {
            self.waiting.push(task.clone());
            return false;
        }
        self.listen();
        true
    }

    fn listen(&mut self) {
        self.listening += 1;
        if let Some(stack) = self.stack.take() {
            stack.wake();
        }
    }

    /// Admits a client whose first frame arrives now, unless the frame is a repetition.
    fn open(&mut self, client: Client, now: Instant, stack: &Waker) -> Passage {
        let is_old = |at: Instant| now.saturating_duration_since(at) >= REPEATED_WITHIN;
        self.admitted.retain(|(_, at)| !is_old(*at));
        if self.admitted.iter().any(|(known, _)| *known == client) {
            return Passage::Dropped;
        }
        if !self.admit(stack) {
            return Passage::Closed;
        }
        if self.admitted.len() == REMEMBERED_MAX {
            self.admitted.pop_front();
        }
        self.admitted.push_back((client, now));
        Passage::Open
    }

    /// Takes a listening socket for a client. If there is none, but there will be one, the stack is woken then, and the result
    /// is `false`.
    fn admit(&mut self, stack: &Waker) -> bool {
        if self.listening == 0 {
            self.call(1);
            if self.called == 0 {
                return true;
            }
            self.stack = Some(stack.clone());
            return false;
        }
        self.listening -= 1;
        self.call(LISTENING_MIN);
        true
    }

    /// Calls a socket if fewer than this many listen or were called.
    fn call(&mut self, wanted: usize) {
        if self.listening + self.called < wanted
            && let Some(next) = self.waiting.pop()
        {
            self.called += 1;
            next.wake();
        }
    }
}

/// Waits until a socket of this port is called. It must listen before the task waits again.
pub(super) async fn join(port: u16) {
    poll_fn(|context| {
        if with(port, |port| port.joins(context.waker())) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}

/// Counts a socket of this port whose connection has ended. It must listen before the task waits again.
pub(super) fn listen_again(port: u16) {
    with(port, ServedPort::listen);
}

/// The gate in front of the stack.
pub(super) fn admit(frame: &[u8], stack: &Waker) -> Passage {
    let Some((number, client)) = opening(frame) else {
        return Passage::Open;
    };
    PORTS.lock(|ports| {
        let mut ports = ports.borrow_mut();
        let port = ports.iter_mut().find(|port| port.number == number);
        port.map_or(Passage::Open, |port| {
            port.open(client, Instant::now(), stack)
        })
    })
}

fn with<R>(number: u16, work: impl FnOnce(&mut ServedPort) -> R) -> R {
    PORTS.lock(|ports| {
        let mut ports = ports.borrow_mut();
        let index = ports.iter().position(|port| port.number == number);
        let index = index.unwrap_or_else(|| {
            ports.push(ServedPort::new(number));
            ports.len() - 1
        });
        work(&mut ports[index])
    })
}

/// The TCP port to which a frame opens a connection (RFC 9293), and the client: its segment has SYN and no ACK.
fn opening(frame: &[u8]) -> Option<(u16, Client)> {
    const TCP: u8 = 6;
    const SYN: u8 = 0x02;
    const ACK: u8 = 0x10;
    let packet = frame.get(14..)?;
    let (protocol, header_bytes, source) = match frame[12..14] {
        [0x08, 0x00] => (
            *packet.get(9)?,
            usize::from(packet[0] & 0xf) * 4,
            packet.get(12..16)?,
        ),
        [0x86, 0xdd] => (*packet.get(6)?, 40, packet.get(8..24)?),
        _ => return None,
    };
    let segment = packet.get(header_bytes..).filter(|_| protocol == TCP)?;
    let flags = *segment.get(13)?;
    let word = |at: usize| u16::from_be_bytes([segment[at], segment[at + 1]]);
    let mut address = [0; 16];
    address[..source.len()].copy_from_slice(source);
    let client = Client {
        address,
        port: word(0),
        sequence_number: u32::from(word(4)) << 16 | u32::from(word(6)),
    };
    (flags & (SYN | ACK) == SYN).then_some((word(2), client))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::sync::Arc;
    use alloc::task::Wake;
    use core::sync::atomic::{AtomicUsize, Ordering};

    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wakes {
        fn take(&self) -> usize {
            self.0.swap(0, Ordering::Relaxed)
        }
    }

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A waker, and how often it was used.
    fn waker() -> (Waker, Arc<Wakes>) {
        let wakes = Arc::new(Wakes::default());
        (Waker::from(wakes.clone()), wakes)
    }

    /// A port with this many sockets that have tried to join.
    fn port_with(sockets: usize, task: &Waker) -> ServedPort {
        let mut port = ServedPort::new(7);
        for _ in 0..sockets {
            port.joins(task);
        }
        port
    }

    #[test]
    fn few_sockets_listen_in_advance_and_each_that_is_taken_calls_another() {
        let ((task, called), (stack, _)) = (waker(), waker());
        let mut port = port_with(10, &task);
        assert_eq!((port.listening, port.waiting.len()), (LISTENING_MIN, 6));
        assert!(port.admit(&stack));
        assert_eq!(called.take(), 1);
        assert!(port.joins(&task));
        assert_eq!((port.listening, port.waiting.len()), (LISTENING_MIN, 5));
        port.listen();
        assert!(port.admit(&stack));
        assert_eq!(called.take(), 0, "one more listens than is wanted");
    }

    #[test]
    fn clients_that_come_at_once_wait_until_sockets_have_joined() {
        const SOCKETS: usize = 50;
        let ((task, called), (stack, woken)) = (waker(), waker());
        let mut port = port_with(SOCKETS, &task);
        let mut admitted = 0;
        while admitted < SOCKETS {
            while port.admit(&stack) {
                admitted += 1;
                assert!(admitted <= SOCKETS, "refused instead of held");
            }
            // The stack is polled again before the sockets that were called have joined.
            assert!(!port.admit(&stack));
            let joining = called.take();
            assert!(joining > 0, "the frame would wait for ever");
            assert!((0..joining).all(|_| port.joins(&task)));
            assert_eq!(woken.take(), 1);
            if port.waiting.is_empty() {
                assert_eq!(port.called, 0);
                admitted += core::mem::take(&mut port.listening);
            }
        }
        assert_eq!(admitted, SOCKETS);
        // All sockets are in use: the stack refuses the client.
        assert!(port.admit(&stack));
    }

    #[test]
    fn a_frame_waits_for_a_socket_that_listens_again() {
        let ((task, _), (stack, woken)) = (waker(), waker());
        let mut port = port_with(LISTENING_MIN + 1, &task);
        assert!((0..LISTENING_MIN).all(|_| port.admit(&stack)));
        assert!(!port.admit(&stack));
        port.listen();
        assert_eq!(woken.take(), 1);
        assert!(port.admit(&stack));
    }

    fn client(port: u16, sequence_number: u32) -> Client {
        Client {
            address: [10; 16],
            port,
            sequence_number,
        }
    }

    #[test]
    fn a_repeated_first_frame_is_dropped_also_if_the_client_sends_it_again_after_a_freeze() {
        let ((task, _), (stack, _)) = (waker(), waker());
        let mut port = port_with(10, &task);
        let at = |ms| Instant::from_millis(ms);
        let mut open = |client, ms| port.open(client, at(ms), &stack);
        assert_eq!(open(client(1, 5), 0), Passage::Open);
        assert_eq!(open(client(1, 5), 0), Passage::Dropped);
        assert_eq!(open(client(1, 5), 1_000), Passage::Dropped);
        assert_eq!(open(client(1, 5), 7_000), Passage::Dropped);
        assert_eq!(open(client(1, 6), 7_000), Passage::Open, "a new connection");
        assert_eq!(open(client(2, 5), 7_000), Passage::Open, "another client");
        assert_eq!(open(client(1, 5), 20_000), Passage::Open, "forgotten");
    }

    #[test]
    fn a_first_frame_that_waits_is_no_repetition_of_itself() {
        let ((task, _), (stack, _)) = (waker(), waker());
        let mut port = port_with(LISTENING_MIN + 1, &task);
        assert!((0..LISTENING_MIN).all(|_| port.admit(&stack)));
        let now = Instant::from_millis(0);
        assert_eq!(port.open(client(1, 5), now, &stack), Passage::Closed);
        port.listen();
        assert_eq!(port.open(client(1, 5), now, &stack), Passage::Open);
    }

    #[test]
    fn many_clients_are_remembered_and_no_more() {
        let ((task, _), (stack, _)) = (waker(), waker());
        let mut port = port_with(1, &task);
        for number in 0..1000 {
            port.open(client(number, 5), Instant::from_millis(0), &stack);
        }
        assert!(port.admitted.len() <= REMEMBERED_MAX);
    }

    #[test]
    fn a_client_is_known_by_address_port_and_sequence_number() {
        let mut frame = [0; 14 + 20 + 20];
        (frame[12], frame[14], frame[23], frame[47]) = (0x08, 0x45, 6, 0x02);
        let first = opening(&frame);
        for at in [26, 29, 34, 35, 38, 41] {
            let mut other = frame;
            other[at] = 1;
            assert_ne!(opening(&other), first, "byte {at}");
        }
        assert_eq!(opening(&frame), first);
    }

    #[test]
    fn only_the_first_segment_of_a_connection_opens_one() {
        let ipv4 = |ihl: u8, protocol, flags| {
            let mut frame = [0; 14 + 60 + 20];
            frame[12] = 0x08;
            (frame[14], frame[23]) = (0x40 | ihl, protocol);
            let segment = 14 + usize::from(ihl) * 4;
            (frame[segment + 3], frame[segment + 13]) = (7, flags);
            frame
        };
        let opened_port = |frame: &[u8]| opening(frame).map(|(port, _)| port);
        assert_eq!(opened_port(&ipv4(5, 6, 0x02)), Some(7));
        assert_eq!(opened_port(&ipv4(15, 6, 0xc2)), Some(7), "with options");
        assert_eq!(opened_port(&ipv4(5, 6, 0x12)), None, "a reply");
        assert_eq!(opened_port(&ipv4(5, 17, 0x02)), None, "a datagram");
        let mut ipv6 = [0; 14 + 40 + 20];
        (ipv6[12], ipv6[13], ipv6[20]) = (0x86, 0xdd, 6);
        (ipv6[14 + 40 + 3], ipv6[14 + 40 + 13]) = (7, 0x02);
        assert_eq!(opened_port(&ipv6), Some(7));
        for length in 0..ipv6.len() {
            let _ = opened_port(&ipv6[..length]);
            let _ = opened_port(&ipv4(15, 6, 0x02)[..length]);
        }
    }
}
