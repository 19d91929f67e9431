//! The defence of this machine's name: [`Defence`].

use nomad_channel::RIVAL_GONE_US;
use nomad_protocol::{Instant, LifeId};

/// The interval between two rounds of probes, to which the delay of the round is added.
const ROUND_US: u64 = 500_000;
/// The delay of each round is shorter than this.
const DELAY_US: u64 = 250_000;

/// The defence of this machine's name, as long as another machine claims it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Defence {
    life: LifeId,
    /// The number of rounds.
    count: u64,
    /// When the next round is due; `None` without a defence.
    due: Option<Instant>,
    /// When the other machine counts as gone.
    until: Instant,
}

impl Defence {
    /// No defence is necessary yet in this life.
    pub fn new(now: Instant, life: LifeId) -> Defence {
        Defence {
            life,
            count: 0,
            due: None,
            until: now,
        }
    }

    /// Begins or continues, for some seconds.
    pub fn begin(&mut self, now: Instant) {
        self.until = now.after_us(RIVAL_GONE_US);
        let due = now.after_us(self.delay_us());
        self.due.get_or_insert(due);
    }

    /// Whether all other machines are to be probed now.
    pub fn poll(&mut self, now: Instant) -> bool {
        if self.due.is_none_or(|due| now < due) {
            return false;
        }
        self.count += 1;
        let is_needed = now < self.until;
        let next = now.after_us(ROUND_US + self.delay_us());
        self.due = is_needed.then_some(next);
        is_needed
    }

    /// When to call [`Defence::poll`].
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.due
    }

    /// A delay that differs from machine to machine and from round to round (the steps of SplitMix64).
    fn delay_us(&self) -> u64 {
        let LifeId(life) = self.life;
        let mut mixed = life ^ self.count.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % DELAY_US
    }
}
