//! Datagrams that do not fit, or that wait for an address that no machine has.

extern crate std;

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::rc::Rc;
use core::cell::{Cell, RefCell};
use core::task::{Context, Waker};

use embassy_net::{Config, Ipv4Cidr, StackResources, StaticConfigV4};
use embassy_net_driver::{Capabilities, Driver, HardwareAddress, LinkState, RxToken, TxToken};
use nomad_channel::packet::Kind;
use nomad_protocol::HELLO_GROUP;

use super::*;

const HERE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const PRESENT: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
const ABSENT: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 9);
const OPERATOR: u16 = 9999;
const MAC: [u8; 6] = [2, 0, 0, 0, 0, 2];

/// A wire with one other host, which answers ARP requests.
#[derive(Clone, Default)]
struct Wire {
    incoming: Rc<RefCell<VecDeque<Vec<u8>>>>,
    /// Wakes the stack when a frame arrives.
    waker: Rc<RefCell<Option<Waker>>>,
    /// The last byte of each IPv4 packet that the stack has sent to another host.
    sent: Rc<RefCell<Vec<u8>>>,
    /// That of each hello.
    hellos: Rc<RefCell<Vec<u8>>>,
    /// The number of ARP requests that the stack has sent.
    requests: Rc<Cell<u32>>,
}

impl Wire {
    fn carry(&self, frame: &[u8]) {
        if frame[12..14] == [8, 6] && frame[21] == 1 {
            self.requests.update(|requests| requests + 1);
        }
        match frame[12..14] {
            [8, 0] if frame[0] & 1 == 1 => self.hellos.borrow_mut().extend(frame.last()),
            [8, 0] => self.sent.borrow_mut().extend(frame.last()),
            [8, 6] if frame[21] == 1 && frame[38..42] == PRESENT.octets() => {
                let mut answer = frame.to_vec();
                answer[..6].copy_from_slice(&frame[6..12]);
                answer[6..12].copy_from_slice(&MAC);
                answer[21] = 2;
                answer[22..28].copy_from_slice(&MAC);
                answer[28..32].copy_from_slice(&frame[38..42]);
                answer[32..42].copy_from_slice(&frame[22..32]);
                self.incoming.borrow_mut().push_back(answer);
                self.waker.take().into_iter().for_each(Waker::wake);
            }
            _ => {}
        }
    }
}

struct Arrived(Vec<u8>);

impl RxToken for Arrived {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(mut self, take: F) -> R {
        take(&mut self.0)
    }
}

impl TxToken for Wire {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, fill: F) -> R {
        let mut frame = vec![0; length];
        let result = fill(&mut frame);
        self.carry(&frame);
        result
    }
}

impl Driver for Wire {
    type RxToken<'a> = Arrived;
    type TxToken<'a> = Wire;

    fn receive(&mut self, context: &mut Context<'_>) -> Option<(Arrived, Wire)> {
        *self.waker.borrow_mut() = Some(context.waker().clone());
        let frame = self.incoming.borrow_mut().pop_front()?;
        Some((Arrived(frame), self.clone()))
    }

    fn transmit(&mut self, _: &mut Context<'_>) -> Option<Wire> {
        Some(self.clone())
    }

    fn link_state(&mut self, _: &mut Context<'_>) -> LinkState {
        LinkState::Up
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.max_transmission_unit = 1514;
        capabilities
    }

    fn hardware_address(&self) -> HardwareAddress {
        HardwareAddress::Ethernet([2, 0, 0, 0, 0, 1])
    }
}

/// A stack on a wire, and the sockets of the only machine of a fleet.
struct Fixture {
    wire: Wire,
    /// Polls each ready task once.
    poll_tasks: Box<dyn Fn()>,
    sockets: Sockets,
}

impl Fixture {
    fn new() -> Fixture {
        // The stack reads the clock, which this installs.
        runtime::host::start("", runtime::host::shared_memory(4096));
        let wire = Wire::default();
        let config = Config::ipv4_static(StaticConfigV4 {
            address: Ipv4Cidr::new(HERE, 24),
            gateway: None,
            dns_servers: Default::default(),
        });
        let resources = Box::leak(Box::new(StackResources::<8>::new()));
        let (stack, mut runner) = embassy_net::new(wire.clone(), config, resources, 7);
        let sockets = Sockets::new(stack, Vec::new(), Mtu::STANDARD);
        let (tasks, poll_tasks) = runtime::host::tasks();
        tasks.spawn(async move { runner.run().await });
        let fixture = Fixture {
            wire,
            poll_tasks: Box::new(poll_tasks),
            sockets,
        };
        fixture.poll_stack();
        fixture
    }

    /// Polls the stack often enough that it is idle.
    fn poll_stack(&self) {
        (0..4).for_each(|_| (self.poll_tasks)());
    }

    /// Sends a message that ends with this byte to an operator at this address.
    fn send(&self, to: Ipv4Addr, byte: u8) {
        self.send_packet((to, OPERATOR), [Kind::Data as u8, byte]);
    }

    fn send_packet(&self, to: (Ipv4Addr, u16), bytes: [u8; 2]) {
        let to = IpEndpoint::new(IpAddress::Ipv4(to.0), to.1);
        let bytes = bytes.to_vec();
        self.sockets.send(&Datagram { to, bytes });
        self.poll_stack();
    }

    /// Delivers a datagram of one byte from the other host to the port of migration servers.
    fn deliver(&self, byte: u8) {
        let mut ip = [
            0x45, 0, 0, 29, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 2, 10, 0, 0, 1,
        ];
        let words = ip
            .chunks(2)
            .map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1]));
        let sum: u32 = words.sum();
        let checksum = !((sum & 0xffff) + (sum >> 16)) as u16;
        ip[10..12].copy_from_slice(&checksum.to_be_bytes());
        let [high, low] = PORT.to_be_bytes();
        let udp = [high, low, high, low, 0, 9, 0, 0, byte];
        let frame = [&[2, 0, 0, 0, 0, 1][..], &MAC, &[8, 0], &ip, &udp].concat();
        self.deliver_frame(frame);
    }

    /// Delivers the ARP request of a host with this address, which asks for that of the stack.
    fn deliver_request(&self, from: Ipv4Addr) {
        let head = [0, 1, 8, 0, 6, 4, 0, 1];
        let (from, to) = (from.octets(), HERE.octets());
        let request = [
            &[0xff; 6][..],
            &MAC,
            &[8, 6],
            &head,
            &MAC,
            &from,
            &[0; 6],
            &to,
        ];
        self.deliver_frame(request.concat());
    }

    fn deliver_frame(&self, frame: Vec<u8>) {
        self.wire.incoming.borrow_mut().push_back(frame);
        self.wire.waker.take().into_iter().for_each(Waker::wake);
        self.poll_stack();
    }

    fn sent(&self) -> Vec<u8> {
        self.wire.sent.borrow().clone()
    }
}

#[test]
fn a_buffer_holds_several_of_the_longest_datagrams() {
    assert_eq!(datagram_bytes_max(Mtu::STANDARD), 1472);
    assert_eq!(buffer_bytes(68, Mtu::STANDARD), 68 * 1472);
    let jumbo = Mtu::try_from(9000).expect("an MTU");
    assert_eq!(buffer_bytes(68, jumbo), 68 * 1472);
    assert_eq!(buffer_bytes(68, Mtu::MAX), 4 * 64_972);
}

#[test]
fn the_common_buffer_holds_what_a_stream_may_have_in_flight() {
    assert_eq!(received_bytes(Mtu::STANDARD), RECEIVED_MAX * 1472);
    for mtu in [9_000, 65_000] {
        let mtu = Mtu::try_from(mtu).expect("an MTU");
        let longest = datagram_bytes_max(mtu);
        assert!(received_bytes(mtu) >= WINDOW_BYTES + longest, "{mtu:?}");
        assert!(received_bytes(mtu) < WINDOW_BYTES + 3 * longest, "{mtu:?}");
    }
}

#[test]
fn a_datagram_about_pages_is_written_only_if_there_is_room_for_it() {
    let mut fixture = Fixture::new();
    let bytes = datagram_bytes_max(Mtu::STANDARD);
    let room = buffer_bytes(DATAGRAMS_MAX, Mtu::STANDARD) / bytes;
    let mut written = 0;
    let mut send = || {
        fixture.sockets.send_pages(PRESENT, bytes, |datagram| {
            written += 1;
            datagram.fill(written);
        })
    };
    while send() {}
    assert_eq!(usize::from(written), room);
    fixture.poll_stack();
    assert_eq!(fixture.sent().first(), Some(&1));
    let is_dropped = fixture.sockets.send_pages(PRESENT, 1 << 20, |_| {});
    assert!(is_dropped, "too long for any buffer");
}

/// The sequence that made smoltcp's queue lose count: the padding at the end of the buffer takes the last entry of the queue.
#[test]
fn a_datagram_for_which_the_queue_has_one_entry_too_few_is_not_written() {
    let mut fixture = Fixture::new();
    let longest = datagram_bytes_max(Mtu::STANDARD);
    let lengths = core::iter::repeat_n(longest, 10)
        .chain([100])
        .chain(core::iter::repeat(longest));
    for length in lengths.take(DATAGRAMS_MAX) {
        let is_sent = fixture.sockets.send_pages(PRESENT, length, |it| it.fill(1));
        assert!(is_sent);
    }
    fixture.poll_stack();
    for byte in 2..100 {
        fixture
            .sockets
            .send_pages(PRESENT, longest, |it| it.fill(byte));
        fixture.poll_stack();
        let sent = fixture.sent();
        assert!(sent.is_sorted(), "whole datagrams, in order: {sent:?}");
    }
}

#[test]
fn the_common_socket_receives_though_others_have_its_port() {
    let mut fixture = Fixture::new();
    for byte in 0..10 {
        fixture.deliver(byte);
        fixture.send(PRESENT, 1);
        let received = fixture
            .sockets
            .common
            .recv_from_with(|bytes, _| bytes.to_vec());
        assert_eq!(poll_once(received), Poll::Ready(vec![byte]));
        fixture.sockets.operators.clear();
    }
}

/// Recorded handshakes arrive again and again, from an address that no machine has.
#[test]
fn replies_to_nobody_block_neither_operators_nor_hellos() {
    let mut fixture = Fixture::new();
    // The stack resolves one address per second, so this one is known before.
    fixture.send(PRESENT, 0);
    for step in 1..10 {
        for port in [PORT, OPERATOR] {
            fixture.send_packet((ABSENT, port), [Kind::Retry as u8, 9]);
        }
        fixture.send(PRESENT, step);
        fixture.send_packet((HELLO_GROUP, PORT), [Kind::Hello as u8, step]);
        fixture
            .sockets
            .expire(Now::from_millis(u64::from(step) * 500));
    }
    assert!(
        fixture.sent().iter().copied().eq(0..10),
        "{:?}",
        fixture.sent()
    );
    assert!(fixture.wire.hellos.borrow().iter().copied().eq(1..10));
}

#[test]
fn an_operator_that_is_gone_does_not_block_replies_to_others_for_long() {
    let mut fixture = Fixture::new();
    fixture.send(PRESENT, 1);
    assert_eq!(fixture.sent(), [1]);
    let begin = Now::from_millis(5);
    assert_eq!(fixture.sockets.expire(begin), None);

    // More datagrams than the socket's buffer holds: `send` drops the rest instead of blocking.
    (0..2 * DATAGRAMS_MAX).for_each(|_| fixture.send(ABSENT, 2));
    fixture.send(PRESENT, 3);
    assert_eq!(fixture.sockets.expire(begin), Some(begin + WAIT_LIMIT));
    assert_eq!(fixture.sent(), [1]);

    assert_eq!(fixture.sockets.expire(begin + WAIT_LIMIT), None);
    fixture.send(PRESENT, 4);
    // The stack sends nothing from the socket for a while after an ARP request. The limit only ends a test that would
    // hang.
    let give_up = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while fixture.sent() == [1] && std::time::Instant::now() < give_up {
        fixture.poll_stack();
    }
    assert_eq!(fixture.sent(), [1, 4]);
}

#[test]
fn other_hosts_that_ask_for_the_address_do_not_displace_a_known_one() {
    let fixture = Fixture::new();
    fixture.send(PRESENT, 1);
    for last in 100..250 {
        fixture.deliver_request(Ipv4Addr::new(10, 0, 0, last));
    }
    fixture.send(PRESENT, 2);
    assert_eq!(fixture.sent(), [1, 2]);
    assert_eq!(fixture.wire.requests.get(), 1);
}
