//! The boots of one machine: [`Boots`] decides which of them is the machine.
//!
//! A machine that has restarted comes with another boot id. So does a second machine with the same name, and the two must
//! not be taken for one: a domain that one of them runs would be reported absent by the other.
//!
//! ```text
//!              the same boot                             another boot
//!   current  ----------------> accepted       current  ----------------> rival, refused
//!                                                ^                         |
//!                                                +------- takeover --------+
//!                              the current boot has been challenged several times since the rival came, and is silent
//! ```
//!
//! A boot is alive at some moment if it completes a handshake that was begun after that moment. If the current boot does so
//! after the rival came, both are alive: two machines have one name. The one that was there first keeps its sessions. Messages
//! in a session prove nothing here, because someone may have held them back. Of three boots, two rivals replace each other and
//! neither takes over.

use nomad_protocol::BootId;

/// How long the current boot must have been silent before a rival takes over.
pub const TAKEOVER_US: u64 = 3_000_000;
/// The number of handshakes to which the current boot must not have responded before a rival takes over.
const CHALLENGES_MIN: u32 = 5;
/// A rival that does not come again within this time is gone.
pub const RIVAL_GONE_US: u64 = 2 * TAKEOVER_US;

/// The boots of a machine that have completed a handshake.
#[derive(Clone, Debug, Default)]
pub(crate) struct Boots {
    current: Option<Current>,
    rival: Option<Rival>,
}

#[derive(Clone, Copy, Debug)]
struct Current {
    boot: BootId,
    /// When it became the current one.
    since_us: u64,
    /// When it was last known to be alive.
    alive_us: u64,
}

#[derive(Clone, Copy, Debug)]
struct Rival {
    boot: BootId,
    /// When it first came.
    since_us: u64,
    /// When it last came.
    last_us: u64,
    /// Handshakes begun with the machine since the rival came, and since the current boot last responded to one of them.
    challenges: u32,
}

/// The decision about a handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Judgement {
    /// It is with the machine.
    Accepted,
    /// It is with the machine, and another boot is alive too.
    Doubled,
    /// It is with the machine, which has restarted: its earlier sessions are void.
    Restarted,
    /// It is with another boot than the machine's.
    Refused,
}

impl Boots {
    /// Judges a handshake with this boot, to a challenge that was made at `challenged_us`.
    pub fn judge(&mut self, now_us: u64, challenged_us: u64, boot: BootId) -> Judgement {
        let Some(current) = &mut self.current else {
            self.current = Some(Current::new(boot, now_us));
            return Judgement::Accepted;
        };
        if current.boot == boot {
            // The response may have been held back, so it proves no more than that.
            current.alive_us = current.alive_us.max(challenged_us);
            return match self.fresh_rival(now_us) {
                Some(rival) if challenged_us >= rival.since_us => {
                    rival.challenges = 0;
                    Judgement::Doubled
                }
                _ => Judgement::Accepted,
            };
        }
        if challenged_us < current.since_us {
            // It may have been alive before the current boot only.
            return Judgement::Refused;
        }
        let alive_us = current.alive_us;
        let rival = match self.fresh_rival(now_us) {
            Some(rival) if rival.boot == boot => {
                rival.last_us = now_us;
                *rival
            }
            _ => *self.rival.insert(Rival {
                boot,
                since_us: now_us,
                last_us: now_us,
                challenges: 0,
            }),
        };
        let silent_us = now_us.saturating_sub(alive_us.max(rival.since_us));
        if silent_us < TAKEOVER_US || rival.challenges < CHALLENGES_MIN {
            return Judgement::Refused;
        }
        self.current = Some(Current::new(boot, now_us));
        self.rival = None;
        Judgement::Restarted
    }

    /// The boot that is the machine; `None` before the first handshake.
    pub fn current(&self) -> Option<BootId> {
        Some(self.current?.boot)
    }

    /// Counts a handshake that is begun with the machine.
    pub fn count_challenge(&mut self, now_us: u64) {
        if let Some(rival) = self.fresh_rival(now_us) {
            rival.challenges += 1;
        }
    }

    fn fresh_rival(&mut self, now_us: u64) -> Option<&mut Rival> {
        let is_fresh = |rival: &&mut Rival| now_us.saturating_sub(rival.last_us) < RIVAL_GONE_US;
        self.rival.as_mut().filter(is_fresh)
    }
}

impl Current {
    fn new(boot: BootId, now_us: u64) -> Current {
        Current {
            boot,
            since_us: now_us,
            alive_us: now_us,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: BootId = BootId(1);
    const NEW: BootId = BootId(2);
    const COME_US: u64 = 1_000_000;

    /// The boots of a machine whose second boot has come at [`COME_US`].
    fn two() -> Boots {
        let mut boots = Boots::default();
        assert_eq!(boots.judge(0, 0, OLD), Judgement::Accepted);
        let judgement = boots.judge(COME_US, COME_US - 1, NEW);
        assert_eq!(judgement, Judgement::Refused);
        boots
    }

    fn challenge(boots: &mut Boots, count: u32) {
        (0..count).for_each(|_| boots.count_challenge(COME_US));
    }

    #[test]
    fn a_restarted_machine_takes_over_once_its_earlier_boot_is_silent() {
        let end_us = COME_US + TAKEOVER_US;
        let mut boots = two();
        challenge(&mut boots, CHALLENGES_MIN);
        assert_eq!(boots.judge(end_us - 1, end_us - 1, NEW), Judgement::Refused);
        assert_eq!(boots.judge(end_us, end_us, NEW), Judgement::Restarted);
        assert_eq!(boots.judge(end_us, end_us, NEW), Judgement::Accepted);
    }

    #[test]
    fn silence_is_no_proof_without_challenges() {
        let end_us = COME_US + TAKEOVER_US;
        let mut boots = two();
        challenge(&mut boots, CHALLENGES_MIN - 1);
        assert_eq!(boots.judge(end_us, end_us, NEW), Judgement::Refused);
    }

    #[test]
    fn of_two_that_are_alive_the_first_stays() {
        let mut boots = two();
        let mut now_us = COME_US;
        for _ in 0..100 {
            now_us += TAKEOVER_US;
            challenge(&mut boots, CHALLENGES_MIN);
            assert_eq!(boots.judge(now_us, now_us - 1, OLD), Judgement::Doubled);
            assert_eq!(boots.judge(now_us, now_us - 1, NEW), Judgement::Refused);
        }
    }

    #[test]
    fn an_old_challenge_proves_neither_two_machines_nor_that_the_earlier_boot_is_alive() {
        let end_us = COME_US + TAKEOVER_US;
        let mut boots = two();
        challenge(&mut boots, CHALLENGES_MIN);
        // A handshake of the earlier boot that someone has held back.
        let late = boots.judge(end_us - 1, COME_US - 1, OLD);
        assert_eq!(late, Judgement::Accepted);
        assert_eq!(boots.judge(end_us, end_us, NEW), Judgement::Restarted);
        assert_eq!(boots.judge(end_us + 1, end_us, OLD), Judgement::Refused);
        assert_eq!(boots.judge(end_us + 2, end_us, NEW), Judgement::Accepted);
    }

    #[test]
    fn a_rival_that_is_gone_begins_anew_when_it_comes_back() {
        let mut boots = two();
        challenge(&mut boots, CHALLENGES_MIN);
        let back_us = COME_US + RIVAL_GONE_US;
        assert_eq!(boots.judge(back_us, back_us, NEW), Judgement::Refused);
        let soon_us = back_us + TAKEOVER_US - 1;
        (0..CHALLENGES_MIN).for_each(|_| boots.count_challenge(soon_us));
        assert_eq!(boots.judge(soon_us, soon_us, NEW), Judgement::Refused);
        let end_us = soon_us + 1;
        assert_eq!(boots.judge(end_us, end_us, NEW), Judgement::Restarted);
    }

    #[test]
    fn of_three_boots_two_rivals_keep_each_other_out() {
        let mut boots = two();
        for step in 0..100 {
            let now_us = COME_US + step * TAKEOVER_US;
            (0..CHALLENGES_MIN).for_each(|_| boots.count_challenge(now_us));
            let boot = BootId(2 + step % 2);
            assert_eq!(boots.judge(now_us, now_us, boot), Judgement::Refused);
        }
    }
}
