//! When the card may interrupt for a frame: at once if none came for a while, else only after a quiet time.
//!
//! ```text
//!   listening --frames came--> quiet --time is over, and none came--> listening
//!                               ^  |
//!                               +--+ frames came
//! ```
//!
//! Every interrupt is two changes of the address space, to the driver and to the switch. A lone frame is worth them; of
//! a stream several are fetched together. As the interrupt throttling of network cards does it, and Linux's NAPI.

/// How long the card keeps quiet after frames came: how much later than it could the next one is fetched.
pub const QUIET_NS: u64 = 300_000;

/// Whether the card is quiet, and until when.
#[derive(Debug, Default)]
pub struct Moderation {
    quiet_until_ns: Option<u64>,
}

impl Moderation {
    /// After a round of moving frames, of which some came from the card or none: until when the card is to be quiet.
    /// `None`: it may interrupt.
    pub fn after_round(&mut self, came: bool, now_ns: u64) -> Option<u64> {
        if came {
            self.quiet_until_ns = Some(now_ns.saturating_add(QUIET_NS));
        } else {
            self.quiet_until_ns = self.quiet_until_ns.filter(|until_ns| now_ns < *until_ns);
        }
        self.quiet_until_ns
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lone_frame_interrupts_at_once_and_those_after_it_are_fetched_together() {
        let mut moderation = Moderation::default();
        assert_eq!(moderation.after_round(false, 5), None);
        assert_eq!(moderation.after_round(true, 10), Some(10 + QUIET_NS));
        // Woken by the switch in between.
        assert_eq!(moderation.after_round(false, 20), Some(10 + QUIET_NS));
        let next_ns = 10 + QUIET_NS;
        assert_eq!(
            moderation.after_round(true, next_ns),
            Some(next_ns + QUIET_NS)
        );
        assert_eq!(moderation.after_round(false, next_ns + QUIET_NS), None);
    }
}
