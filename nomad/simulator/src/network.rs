//! A fake network for datagrams. It loses, duplicates and delays them, and so reorders them. It can be cut.

use nomad_protocol::Instant;

use crate::random::Random;

/// The faults of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NetworkConditions {
    /// Datagrams lost, per thousand.
    pub loss_permille: u64,
    /// Datagrams that arrive twice, per thousand.
    pub double_permille: u64,
    /// The shortest latency.
    pub delay_min_us: u64,
    /// The difference between the longest and the shortest latency.
    pub delay_spread_us: u64,
}

impl NetworkConditions {
    /// No loss and no reordering.
    pub const FAIR: NetworkConditions = NetworkConditions {
        loss_permille: 0,
        double_permille: 0,
        delay_min_us: 100,
        delay_spread_us: 0,
    };

    /// Draws conditions, from good to bad.
    pub fn draw(random: &mut Random) -> Self {
        let foul = random.below(4);
        NetworkConditions {
            loss_permille: random.below(1 + 130 * foul),
            double_permille: random.below(1 + 100 * foul),
            delay_min_us: 50 + random.below(200),
            delay_spread_us: random.below(1 + 4_000 * foul),
        }
    }

    /// The arrival times of the copies of a datagram that is sent now: none, one or two.
    pub fn arrivals(&self, now: Instant, random: &mut Random) -> Vec<Instant> {
        let copies = match (
            random.permille(self.loss_permille),
            random.permille(self.double_permille),
        ) {
            (true, _) => 0,
            (false, false) => 1,
            (false, true) => 2,
        };
        (0..copies)
            .map(|_| now.after_us(self.delay_us(random)))
            .collect()
    }

    /// The longest latency.
    pub fn latency_max_us(&self) -> u64 {
        self.delay_min_us + self.delay_spread_us
    }

    /// Draws a latency.
    pub fn delay_us(&self, random: &mut Random) -> u64 {
        self.delay_min_us + random.below(1 + self.delay_spread_us)
    }
}

/// A datagram in flight.
#[derive(Clone, Debug)]
pub struct Datagram {
    /// The number of the machine that sent it.
    pub from: usize,
    /// The number of the machine that it is for.
    pub to: usize,
    /// The world's time when it was sent.
    pub sent: Instant,
    /// The encoded envelope.
    pub bytes: Vec<u8>,
}

impl Datagram {
    /// A datagram from one machine to another.
    pub fn new(from: usize, to: usize, sent: Instant, bytes: Vec<u8>) -> Self {
        Datagram {
            from,
            to,
            sent,
            bytes,
        }
    }
}
