//! The simulation's state of a machine besides the machine itself: its clock, and whether it is up.

use nomad_protocol::Instant;

use super::clock::Clock;

/// One machine in the simulation.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// Its clock.
    pub clock: Clock,
    /// The number of its crashes: work and results that nomad scheduled before a crash are dropped after it.
    pub life: u32,
    /// The end of its restart.
    pub down_until: Instant,
    /// The end of its pause.
    pub paused_until: Instant,
    /// The end of the restart of its switch.
    pub unconnected_until: Instant,
    /// The number of actions that it has performed.
    pub actions_performed: u64,
}

impl Node {
    pub(super) fn new(rate_permille: u64) -> Self {
        Node {
            clock: Clock::new(rate_permille),
            life: 0,
            down_until: Instant::from_us(0),
            paused_until: Instant::from_us(0),
            unconnected_until: Instant::from_us(0),
            actions_performed: 0,
        }
    }

    /// Whether it is up and not paused.
    pub(super) fn is_active(&self, now: Instant) -> bool {
        self.down_until <= now && !self.is_paused(now)
    }

    /// Whether its switch is up.
    pub(super) fn is_connected(&self, now: Instant) -> bool {
        self.unconnected_until <= now
    }

    pub(super) fn is_paused(&self, now: Instant) -> bool {
        self.paused_until > now
    }

    /// The first time at which it can handle something that is due when its clock shows `local`.
    pub(super) fn acts_at(&self, local: Instant) -> Instant {
        let due = self.clock.reaches(local);
        due.max(self.down_until).max(self.paused_until)
    }
}
