//! The sockets that listen on the served TCP ports.
//!
//! The stack visits each of its sockets several times per frame, so a socket joins the stack only when a client needs it. The
//! stack refuses a client for which no socket listens. So a frame that opens a connection waits in front of the stack until one
//! does ([`admit`]), unless all sockets of the port are in use.
//!
//! ```text
//!   not joined  --called-->  listening  --a client's first frame-->  in use
//!                                ^                                      |
//!                                +--------- the connection ends --------+
//! ```
//!
//! A frame may turn out to open no connection: it is damaged, or a repetition. It counts all the same. So fewer sockets may seem
//! to listen than do, and never more.

use alloc::vec::Vec;
use core::cell::RefCell;
use core::future::poll_fn;
use core::task::{Poll, Waker};

use embassy_sync::blocking_mutex::Mutex;
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;

/// The number of sockets of a port that listen in advance, as long as it has others.
const LISTENING_MIN: usize = 4;

/// All served ports of the domain.
static PORTS: Mutex<CriticalSectionRawMutex, RefCell<Vec<ServedPort>>> =
    Mutex::new(RefCell::new(Vec::new()));

/// A served port.
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
}

impl ServedPort {
    fn new(number: u16) -> ServedPort {
        ServedPort {
            number,
            listening: 0,
            called: 0,
            waiting: Vec::new(),
            stack: None,
        }
    }

    /// Whether the task's socket joins now; otherwise the task is woken when it is called.
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

/// Whether the stack may take a frame now. If not, its task is woken when it may.
pub(super) fn admit(frame: &[u8], stack: &Waker) -> bool {
    let Some(number) = opened_port(frame) else {
        return true;
    };
    PORTS.lock(|ports| {
        let mut ports = ports.borrow_mut();
        let port = ports.iter_mut().find(|port| port.number == number);
        port.is_none_or(|port| port.admit(stack))
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

/// The TCP port to which a frame opens a connection (RFC 9293): its segment has SYN and no ACK.
fn opened_port(frame: &[u8]) -> Option<u16> {
    const TCP: u8 = 6;
    const SYN: u8 = 0x02;
    const ACK: u8 = 0x10;
    let packet = frame.get(14..)?;
    let (protocol, header_bytes) = match frame[12..14] {
        [0x08, 0x00] => (*packet.get(9)?, usize::from(packet[0] & 0xf) * 4),
        [0x86, 0xdd] => (*packet.get(6)?, 40),
        _ => return None,
    };
    let segment = packet.get(header_bytes..).filter(|_| protocol == TCP)?;
    let flags = *segment.get(13)?;
    let opens = flags & (SYN | ACK) == SYN;
    opens.then(|| u16::from_be_bytes([segment[2], segment[3]]))
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
