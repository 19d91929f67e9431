//! The behaviour that the bridge expects of every driver, checked against a model of its card: [`NicModel`].

extern crate std;

use std::vec;
use std::vec::Vec;

use runtime::protocol::Mac;
use runtime::protocol::root::Refusal;

use super::{receive_all, send};
use crate::card::{self, Card};
use crate::ring::RING_SIZE;
use crate::{Events, Link, Nic, NoMastering};

/// The address of every model.
pub const MAC: Mac = Mac([0x52, 0x54, 0, 0xca, 0x7a, 1]);
/// The number of buffers that a ring of the usual size can lend: one descriptor always stays free.
pub const BUFFERS: usize = RING_SIZE as usize - 1;
/// The number of frames that find no buffer.
const EXCESS: usize = 73;

/// A model of a card, seen from the wire and from the processor.
pub trait NicModel {
    /// Puts it into a state in which an earlier driver may have left it: it still has that driver's rings. It does not master the bus.
    fn leave_running(&self);

    /// Lets it master the bus.
    ///
    /// # Panics
    /// If it still has rings of an earlier driver: it would write into memory that has another owner by now.
    fn let_master(&self);

    /// A frame comes from the wire; returns whether it found a buffer.
    ///
    /// # Panics
    /// If the card does not receive, or does not master the bus.
    fn deliver(&self, frame: &[u8]) -> bool;

    /// The frames sent since the last call.
    fn sent(&self) -> Vec<Vec<u8>>;

    /// Whether it interrupts.
    fn takes_interrupt(&self) -> bool;

    /// Whether it receives the frames of all addresses.
    fn is_promiscuous(&self) -> bool;

    /// Keeps frames to send in the ring, or sends them.
    fn hold_sending(&self, hold: bool);

    /// Connects or disconnects its link.
    fn set_link(&self, is_up: bool);
}

/// A card that an earlier driver left running is reset before it may master the bus, and asks for that once. If root refuses, the card
/// is not used. `card` makes it anew for each start.
pub fn is_reset_before_it_masters_the_bus<C: Card>(
    card: impl Fn() -> C,
    model: &impl NicModel,
) -> C::Nic
where
    C::Error: core::fmt::Debug + PartialEq,
{
    model.leave_running();
    let refusal = NoMastering::Refused(Refusal::WrongState);
    let refused = card::start(card(), || Err(refusal)).err();
    assert_eq!(refused, Some(C::Error::from(refusal)));
    model.leave_running();
    let mut requests = 0;
    let nic = card::start(card(), || {
        requests += 1;
        model.let_master();
        Ok(())
    });
    assert_eq!(requests, 1);
    nic.expect("a card that works")
}

/// A card that was started receives every frame, and has the model's address and a link of this speed.
pub fn is_ready(nic: &mut impl Nic, model: &impl NicModel, megabits_per_second: u32) {
    let up = Link::Up {
        megabits_per_second,
    };
    assert_eq!((nic.mac(), nic.link()), (Some(MAC), Some(up)));
    assert!(model.is_promiscuous());
}

/// Frames are received and sent over many rounds of the rings.
pub fn carries_frames_both_ways(nic: &mut impl Nic, model: &impl NicModel) {
    for round in 0..500_usize {
        let frame = vec![round as u8; 60 + round];
        assert!(model.deliver(&frame));
        assert!(nic.has_frame() && model.takes_interrupt());
        let Events { link, lost, .. } = nic.acknowledge();
        assert_eq!((link, lost), (false, 0));
        assert_eq!(receive_all(nic), [Some(frame.clone())]);
        assert!(send(nic, &frame));
        assert_eq!(model.sent(), [frame]);
    }
}

/// A short frame is padded with zeros.
pub fn fills_short_frames_up(nic: &mut impl Nic, model: &impl NicModel) {
    send(nic, &[9; 42]);
    let expected = [[9; 42].as_slice(), &[0; 18]].concat();
    assert_eq!(model.sent(), [expected]);
}

/// Frames beyond this many buffers are lost, and later ones are not. Returns the number of reported losses, out of `EXCESS`.
pub fn loses_frames_beyond(nic: &mut impl Nic, model: &impl NicModel, buffers: usize) -> u32 {
    let frames = 0..buffers + EXCESS;
    let delivered = frames.filter(|_| model.deliver(&[1; 60])).count();
    assert_eq!(delivered, buffers);
    let lost = nic.acknowledge().lost;
    assert_eq!(receive_all(nic).len(), buffers);
    assert!(model.deliver(&[2; 60]));
    assert_eq!(nic.acknowledge().lost, 0);
    lost
}

/// Free space causes interrupts only on request.
pub fn interrupts_for_space_if_wanted(nic: &mut impl Nic, model: &impl NicModel) {
    model.hold_sending(true);
    while nic.has_space().unwrap() {
        send(nic, &[3; 60]);
    }
    nic.acknowledge();
    nic.set_space_interrupt(true);
    assert!(!model.takes_interrupt());
    model.hold_sending(false);
    assert!(model.takes_interrupt() && nic.has_space().unwrap());
    nic.set_space_interrupt(false);
    send(nic, &[3; 60]);
    assert!(!model.takes_interrupt());
}

/// Each loss of the link and each return is an event, once. Frames are carried afterwards, without a restart.
pub fn reports_each_change_of_the_link(nic: &mut impl Nic, model: &impl NicModel) {
    let up = nic.link();
    for _ in 0..2 {
        for (is_up, link) in [(false, Some(Link::Down)), (true, up)] {
            model.set_link(is_up);
            assert!(model.takes_interrupt() && nic.acknowledge().link);
            assert!(!nic.acknowledge().link);
            assert_eq!(nic.link(), link);
        }
        assert!(model.deliver(&[6; 100]) && send(nic, &[7; 100]));
        assert_eq!(receive_all(nic), [Some(vec![6; 100])]);
        assert_eq!(model.sent(), [vec![7; 100]]);
    }
}

/// The link is lost and returns while a frame is in the ring, and one interrupt is for both: the change is an event at once, or when
/// the driver asks again because the card has said so. Nothing interrupts for it again.
pub fn reports_a_change_of_the_link_beside_a_frame(nic: &mut impl Nic, model: &impl NicModel) {
    for _ in 0..2 {
        assert!(model.deliver(&[8; 100]));
        model.set_link(false);
        assert!(sees_change_beside_frame(nic, model));
        model.set_link(true);
        assert!(model.deliver(&[9; 100]));
        assert!(sees_change_beside_frame(nic, model));
    }
}

fn sees_change_beside_frame(nic: &mut impl Nic, model: &impl NicModel) -> bool {
    assert!(model.takes_interrupt());
    let Events {
        link, has_unread, ..
    } = nic.acknowledge();
    assert_eq!(receive_all(nic).len(), 1);
    assert!(!model.takes_interrupt());
    link || has_unread && nic.acknowledge().link
}

/// Frames that the card reports as invalid have no other effect, over many rounds of the ring.
pub fn drops_invalid_frames(nic: &mut impl Nic, model: &impl NicModel) {
    for _ in 0..300 {
        assert!(model.deliver(&[5; 100]));
        assert_eq!(receive_all(nic), [None]);
    }
}
