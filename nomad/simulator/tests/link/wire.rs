//! The link between machines: [`Link`].

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use nomad_protocol::{HELLO_GROUP, Instant};
use nomad_simulator::network::NetworkConditions;
use nomad_simulator::random::Random;

use super::end::{End, Frame};

/// A wire that loses some frames, doubles some, and changes their order.
pub const POOR: NetworkConditions = NetworkConditions {
    loss_permille: 50,
    double_permille: 50,
    delay_min_us: 100,
    delay_spread_us: 3_000,
};

/// The device in the middle. It decides which of two machines with one address receives a frame.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Middle {
    /// Both.
    Hub,
    /// The one that has sent last.
    Switch,
}

/// Machines, and the frames between them.
pub struct Link {
    pub now: Instant,
    pub ends: Vec<End>,
    /// The machines that are off.
    pub off: Vec<usize>,
    pub random: Random,
    /// The hellos that were sent.
    pub hellos: Vec<Frame>,
    middle: Middle,
    conditions: NetworkConditions,
    wire: BTreeMap<(Instant, u64), (usize, Frame)>,
    sequence: u64,
    /// Which machine has sent last from each address.
    stations: BTreeMap<Ipv4Addr, usize>,
}

impl Link {
    pub fn new(seed: u64, middle: Middle, conditions: NetworkConditions) -> Link {
        Link {
            now: Instant::from_us(0),
            ends: Vec::new(),
            off: Vec::new(),
            random: Random::new(seed),
            hellos: Vec::new(),
            middle,
            conditions,
            wire: BTreeMap::new(),
            sequence: 0,
            stations: BTreeMap::new(),
        }
    }

    /// Adds a machine; returns its number.
    pub fn add(&mut self, end: End) -> usize {
        self.ends.push(end);
        self.ends.len() - 1
    }

    /// Lets time pass. At every moment at most one machine runs the domain.
    pub fn pass(&mut self, us: u64) {
        let end = self.now.after_us(us);
        while let Some(at) = self.next_at().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.step();
            let running = self.up().filter(|end| self.ends[*end].runs()).count();
            assert!(running <= 1, "the domain runs twice at {:?}", self.now);
        }
        self.now = end;
    }

    fn up(&self) -> impl Iterator<Item = usize> {
        (0..self.ends.len()).filter(|end| !self.off.contains(end))
    }

    fn next_at(&self) -> Option<Instant> {
        let timeouts = self.up().filter_map(|end| self.ends[end].poll_timeout());
        let arrival = self.wire.keys().next().map(|(at, _)| *at);
        timeouts.chain(arrival).min()
    }

    fn step(&mut self) {
        let now = self.now;
        match self.wire.first_entry() {
            Some(first) if first.key().0 <= now => {
                let (to, frame) = first.remove();
                if !self.off.contains(&to) {
                    let frames = self.ends[to].handle_frame(now, &frame);
                    self.send(to, frames);
                }
            }
            _ => {
                for end in self.up().collect::<Vec<_>>() {
                    let is_due = self.ends[end].poll_timeout().is_some_and(|at| at <= now);
                    if is_due {
                        let frames = self.ends[end].handle_timeout(now);
                        self.send(end, frames);
                    }
                }
            }
        }
    }

    fn send(&mut self, from: usize, frames: Vec<Frame>) {
        for frame in frames {
            if frame.to == HELLO_GROUP {
                self.hellos.push(frame.clone());
            }
            self.stations.insert(frame.from, from);
            self.inject(Some(from), frame);
        }
    }

    /// Puts a frame on the link, which its sender does not receive.
    pub fn inject(&mut self, sender: Option<usize>, frame: Frame) {
        let (to, middle) = (frame.to, self.middle);
        let receivers = self.up().filter(|end| {
            let is_it = self.ends[*end].address == to;
            let station = self.stations.get(&to);
            let is_station = middle == Middle::Hub || station.is_none_or(|it| it == end);
            Some(*end) != sender && (to == HELLO_GROUP || is_it && is_station)
        });
        for end in receivers.collect::<Vec<_>>() {
            for at in self.conditions.arrivals(self.now, &mut self.random) {
                self.sequence += 1;
                self.wire.insert((at, self.sequence), (end, frame.clone()));
            }
        }
    }
}
