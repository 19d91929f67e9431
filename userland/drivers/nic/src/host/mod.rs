//! For tests on the host: moves a card's frames as the bridge does, and checks what the bridge expects of every card
//! ([`contract`]).

pub mod contract;

extern crate std;

use std::vec;
use std::vec::Vec;

use runtime::host::shared_memory;
use runtime::port::layout::PORT_BYTES;
use runtime::port::{FRAME_BYTES_MAX, Port, Side};
use runtime::shared::SharedMemory;

use crate::card::{self, Card};
use crate::{Nic, Received};
use contract::NicModel;

std::thread_local! {
    /// The port through which each frame to send passes. Memory for tests is never freed.
    static LINK: SharedMemory<'static> = shared_memory(PORT_BYTES);
}

/// More received frames than any ring holds.
const ENDLESS: usize = 1000;

/// Starts a card as a driver does, with its model in root's place.
///
/// # Errors
/// The reason the card cannot be used.
///
/// # Panics
/// If the card may master the bus while it still has addresses of an earlier driver.
pub fn start<C: Card>(card: C, model: &impl NicModel) -> Result<C::Nic, C::Error> {
    card::start(card, || {
        model.let_master();
        Ok(())
    })
}

/// All frames that a card has received; `None` for an invalid one.
///
/// # Panics
/// If the card breaks its contract, or has frames without end.
pub fn receive_all(nic: &mut impl Nic) -> Vec<Option<Vec<u8>>> {
    let into = shared_memory(FRAME_BYTES_MAX);
    let mut received = Vec::new();
    while let Some(frame) = nic.receive(into).expect("a card that can be used") {
        received.push(match frame {
            Received::Frame(bytes) => {
                let mut frame = vec![0; bytes];
                into.read(0, &mut frame);
                Some(frame)
            }
            Received::Invalid => None,
        });
        assert!(received.len() <= ENDLESS, "endless");
    }
    nic.publish();
    received
}

/// Sends a frame; returns whether there was space.
///
/// # Panics
/// If the card breaks its contract.
pub fn send(nic: &mut impl Nic, bytes: &[u8]) -> bool {
    let link = LINK.with(|link| *link);
    let near = Port::try_new(link, Side::Switch).expect("a port");
    near.outgoing().send(bytes).expect("an empty port");
    let far = Port::try_new(link, Side::Domain).expect("a port");
    let has_space = nic.has_space().expect("a card that can be used");
    let frame = far.incoming().peek().expect("a whole port");
    nic.send(&frame.expect("a frame"));
    far.incoming().take();
    nic.publish();
    has_space
}
