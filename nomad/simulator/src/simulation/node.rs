//! What the simulation keeps of a machine beside the machine itself: its clock, and whether it is up.

use nomad_protocol::Instant;

use super::clock::Clock;

/// One machine, as the simulation sees it.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// Its clock.
    pub clock: Clock,
    /// Rises with every crash: what an earlier life began does not reach a later one.
    pub life: u32,
    /// It was restarted and is not up before this.
    pub down_until: Instant,
    /// It is paused and does not go on before this.
    pub paused_until: Instant,
    /// Actions that it has performed.
    pub acted: u64,
}

impl Node {
    pub(super) fn new(rate_permille: u64) -> Self {
        Node {
            clock: Clock::new(rate_permille),
            life: 0,
            down_until: Instant::from_us(0),
            paused_until: Instant::from_us(0),
            acted: 0,
        }
    }

    /// Does anything happen on it now?
    pub(super) fn is_active(&self, now: Instant) -> bool {
        self.down_until <= now && !self.is_paused(now)
    }

    pub(super) fn is_paused(&self, now: Instant) -> bool {
        self.paused_until > now
    }

    /// The first moment at which something that is due when its clock shows `local` happens on it.
    pub(super) fn acts_at(&self, local: Instant) -> Instant {
        let due = self.clock.reaches(local);
        due.max(self.down_until).max(self.paused_until)
    }
}
