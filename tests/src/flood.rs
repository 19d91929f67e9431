//! A stranger that sends datagrams to a machine's migration server: [`Flood`].

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::fleet::MIGRATION_PORT;
use crate::frame::{self, Addresses};
use crate::random::Random;
use crate::{MacAddress, Node, Port};

/// Frames that are sent at once.
const BATCH: usize = 10;
/// The time between batches. With it, a machine gets up to 10,000 datagrams per second.
const INTERVAL: Duration = Duration::from_millis(1);
/// The most datagrams for each frame that the machine sends, so that a machine on a busy host gets as many as another one while it
/// does the same work.
const PER_SENT_FRAME: u64 = 10;
/// The number of different datagrams that a stranger makes up.
const MADE_UP: usize = 1_000;
/// The longest made-up content of a datagram.
const CONTENT_BYTES_MAX: u64 = 1_400;
/// The kinds of the channel's packets, and the lengths of their bodies (docs/wire-format.md): Initiation, Response, Data with a
/// short message, Retry, Find, Found, Hello.
const PACKETS: [(u8, usize); 7] = [
    (0xc1, 129 + 16),
    (0xc2, 57),
    (0xc3, 40),
    (0xc4, 16),
    (0xc5, 28 + 16),
    (0xc6, 28 + 16),
    (0xc7, 44 + 16),
];

/// The stranger's addresses.
const STRANGER: Addresses = (MacAddress::local(0x77), [10, 77, 0, 119]);

/// A flood, until it is finished.
#[derive(Debug)]
pub struct Flood {
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<u64>,
}

impl Flood {
    /// Begins to deliver these frames to a port's machine, again and again.
    ///
    /// # Panics
    ///
    /// If there are no frames.
    pub fn start(port: &Port, frames: Vec<Vec<u8>>) -> Flood {
        assert!(!frames.is_empty(), "nothing to send to {}", port.name());
        let is_over = Arc::new(AtomicBool::new(false));
        let (port, ends) = (port.clone(), is_over.clone());
        let thread = thread::spawn(move || {
            let mut sent = 0;
            let mut frames = frames.iter().cycle();
            let frames_of_machine = || port.counters().from_peer.frames;
            let before = frames_of_machine();
            while !ends.load(Ordering::Relaxed) {
                let allowed = PER_SENT_FRAME * (frames_of_machine() - before);
                if sent <= allowed {
                    for frame in frames.by_ref().take(BATCH) {
                        port.inject(frame);
                        sent += 1;
                    }
                }
                thread::sleep(INTERVAL);
            }
            sent
        });
        Flood { is_over, thread }
    }

    /// Ends the flood. Returns the number of frames that were sent.
    ///
    /// # Panics
    ///
    /// If its thread has panicked.
    pub fn finish(self) -> u64 {
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.join().expect("the thread of the flood")
    }
}

/// Datagrams that a stranger makes up for a machine's migration server: random bytes, and packets of the channel with random
/// content. Half of them claim to be from the machine's peer.
pub fn made_up(node: Node, seed: u64) -> Vec<Vec<u8>> {
    let mut random = Random::stream(seed, node as u64);
    let content = |random: &mut Random| match random.below(2) {
        0 => {
            let length = random.below(CONTENT_BYTES_MAX) as usize;
            bytes(random, length)
        }
        _ => {
            let (kind, length) = *random.pick(&PACKETS);
            // The indices of sessions are small numbers.
            let index = (random.below(16) as u32).to_le_bytes();
            let rest = bytes(random, 8 + length);
            [&[kind][..], &index, &rest].concat()
        }
    };
    let peer = frame::migration_server(node.other());
    let to = (frame::migration_server(node), MIGRATION_PORT);
    let datagram = |_| {
        let from = *random.pick(&[(STRANGER, 9_999), (peer, MIGRATION_PORT)]);
        let content = content(&mut random);
        frame::udp(from, to, &content)
    };
    (0..MADE_UP).map(datagram).collect()
}

/// Those of the frames that one migration server has sent to this one.
pub fn recorded(node: Node, frames: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let from = frame::migration_server(node.other());
    let to = (frame::migration_server(node), MIGRATION_PORT);
    let is_one = |frame: &&Vec<u8>| frame::is_udp(frame, from, to);
    frames.iter().filter(is_one).cloned().collect()
}

fn bytes(random: &mut Random, count: usize) -> Vec<u8> {
    (0..count).map(|_| random.bits() as u8).collect()
}
