//! The behaviour that the bridge expects of every driver, checked against a model of its card: [`CardModel`].

extern crate std;

use std::vec;
use std::vec::Vec;

use runtime::protocol::Mac;

use super::{receive_all, send};
use crate::ring::RING_SIZE;
use crate::{Card, Events, Link};

/// The address of every model.
const MAC: Mac = Mac([0x52, 0x54, 0, 0xca, 0x7a, 1]);
/// The number of buffers that a ring of the usual size can lend: one descriptor always stays free.
pub const BUFFERS: usize = RING_SIZE as usize - 1;
/// The number of frames that find no buffer.
const EXCESS: usize = 73;

/// A model of a card, seen from the wire and from the processor.
pub trait CardModel {
    /// A frame comes from the wire; returns whether it found a buffer.
    ///
    /// # Panics
    /// If the card does not receive.
    fn deliver(&self, frame: &[u8]) -> bool;

    /// The frames sent since the last call.
    fn sent(&self) -> Vec<Vec<u8>>;

    /// Whether it interrupts.
    fn takes_interrupt(&self) -> bool;

    /// Whether it receives the frames of all addresses.
    fn is_promiscuous(&self) -> bool;

    /// Keeps frames to send in the ring, or sends them.
    fn hold_sending(&self, hold: bool);

    /// Disconnects its link.
    fn unplug(&self);
}

/// A card that was started receives every frame, and has the model's address and a link of this speed.
pub fn is_ready(card: &mut impl Card, model: &impl CardModel, megabits_per_second: u32) {
    let up = Link::Up {
        megabits_per_second,
    };
    assert_eq!((card.mac(), card.link()), (Some(MAC), Some(up)));
    assert!(model.is_promiscuous());
}

/// Frames are received and sent over many rounds of the rings.
pub fn carries_frames_both_ways(card: &mut impl Card, model: &impl CardModel) {
    for round in 0..500_usize {
        let frame = vec![round as u8; 60 + round];
        assert!(model.deliver(&frame));
        assert!(card.has_frame() && model.takes_interrupt());
        assert_eq!(card.acknowledge(), Events::default());
        assert_eq!(receive_all(card), [Some(frame.clone())]);
        assert!(send(card, &frame));
        assert_eq!(model.sent(), [frame]);
    }
}

/// A short frame is padded with zeros.
pub fn fills_short_frames_up(card: &mut impl Card, model: &impl CardModel) {
    send(card, &[9; 42]);
    let expected = [[9; 42].as_slice(), &[0; 18]].concat();
    assert_eq!(model.sent(), [expected]);
}

/// Frames beyond this many buffers are lost, and later ones are not. Returns the number of reported losses, out of [`EXCESS`].
pub fn loses_frames_beyond(card: &mut impl Card, model: &impl CardModel, buffers: usize) -> u32 {
    let frames = 0..buffers + EXCESS;
    let delivered = frames.filter(|_| model.deliver(&[1; 60])).count();
    assert_eq!(delivered, buffers);
    let lost = card.acknowledge().lost;
    assert_eq!(receive_all(card).len(), buffers);
    assert!(model.deliver(&[2; 60]));
    assert_eq!(card.acknowledge().lost, 0);
    lost
}

/// Free space causes interrupts only on request.
pub fn interrupts_for_space_if_wanted(card: &mut impl Card, model: &impl CardModel) {
    model.hold_sending(true);
    while card.has_space().unwrap() {
        send(card, &[3; 60]);
    }
    card.acknowledge();
    card.set_space_interrupt(true);
    assert!(!model.takes_interrupt());
    model.hold_sending(false);
    assert!(model.takes_interrupt() && card.has_space().unwrap());
    card.set_space_interrupt(false);
    send(card, &[3; 60]);
    assert!(!model.takes_interrupt());
}

/// The loss of the link is an event, once.
pub fn reports_a_lost_link(card: &mut impl Card, model: &impl CardModel) {
    model.unplug();
    assert!(model.takes_interrupt() && card.acknowledge().link);
    assert!(!card.acknowledge().link);
    assert_eq!(card.link(), Some(Link::Down));
}

/// Frames that the card reports as invalid have no other effect, over many rounds of the ring.
pub fn drops_invalid_frames(card: &mut impl Card, model: &impl CardModel) {
    for _ in 0..300 {
        assert!(model.deliver(&[5; 100]));
        assert_eq!(receive_all(card), [None]);
    }
}
