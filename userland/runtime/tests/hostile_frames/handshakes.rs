//! Clients that do not complete their handshakes.

use std::cell::Cell;
use std::net::Ipv4Addr;
use std::rc::Rc;

use runtime::embassy_net::tcp::TcpSocket;
use runtime::embassy_net::{Config, Ipv4Cidr, StaticConfigV4};
use runtime::net;
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    ArpOperation, EthernetFrame, EthernetProtocol, IpProtocol, Ipv4Packet, TcpControl, TcpPacket,
    TcpRepr, TcpSeqNumber,
};

use crate::domain::{Domain, arp, ipv4};

const OWN: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 20);
const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 100);
const SERVED: u16 = 7;

/// The client's segment with this control flag. It acknowledges this number, if there is one.
fn segment(port: u16, control: TcpControl, acknowledged: Option<TcpSeqNumber>) -> Vec<u8> {
    let sequence = if acknowledged.is_some() { 1 } else { 0 };
    let segment = TcpRepr {
        src_port: port,
        dst_port: SERVED,
        control,
        seq_number: TcpSeqNumber(sequence),
        ack_number: acknowledged,
        window_len: 1000,
        window_scale: None,
        max_seg_size: None,
        sack_permitted: false,
        sack_ranges: [None; 3],
        timestamp: None,
        payload: &[],
    };
    let length = segment.buffer_len();
    ipv4((CLIENT, OWN), IpProtocol::Tcp, length, |bytes| {
        segment.emit(
            &mut TcpPacket::new_unchecked(bytes),
            &CLIENT.into(),
            &OWN.into(),
            &ChecksumCapabilities::default(),
        );
    })
}

/// The sequence number of the domain's reply to the first segment from this port in a frame, if it accepts the connection.
fn accepted(port: u16, frame: &[u8]) -> Option<TcpSeqNumber> {
    let frame = EthernetFrame::new_checked(frame).unwrap();
    let packet = (frame.ethertype() == EthernetProtocol::Ipv4)
        .then(|| Ipv4Packet::new_checked(frame.payload()).unwrap())?;
    let segment = TcpPacket::new_checked(packet.payload()).unwrap();
    let is_accepted = segment.dst_port() == port && segment.syn() && segment.ack();
    is_accepted.then(|| segment.seq_number())
}

#[test]
fn a_client_that_is_silent_after_its_first_frame_soon_makes_room_for_another() {
    let mut domain = Domain::new(Config::ipv4_static(StaticConfigV4 {
        address: Ipv4Cidr::new(OWN, 24),
        gateway: None,
        dns_servers: Default::default(),
    }));
    let served = Rc::new(Cell::new(0));
    let count = served.clone();
    let serve = async move |_: &mut TcpSocket<'static>| count.update(|count| count + 1);
    net::serve_tcp(domain.stack, domain.tasks, SERVED, 1, serve);
    domain.deliver(&arp(ArpOperation::Request, CLIENT, OWN));
    let first = domain.deliver(&segment(1000, TcpControl::Syn, None));
    assert!(first.iter().any(|frame| accepted(1000, frame).is_some()));

    let request = segment(2000, TcpControl::Syn, None);
    let initial = domain.wait_for_reply(&request, |frame| accepted(2000, frame));
    assert_eq!(served.get(), 0, "the first client has no connection");
    domain.deliver(&segment(2000, TcpControl::None, Some(initial + 1)));
    domain.poll();
    assert_eq!(served.get(), 1);
}
