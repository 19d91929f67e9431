//! The roll call: before its home starts a domain anew, every other machine must have said that it holds none of that
//! name. Otherwise a home that was restarted would make a second one of a domain that it had sent away.
//!
//! ```text
//!   home                            every other machine
//!   -- Asks (repeated) -->
//!                          <--      Lacks, or Holds
//! ```
//!
//! A machine that is silent, or holds one, keeps the home from starting it, and is named to the operator. The home goes
//! on asking: it starts the domain as soon as nobody has it any more. That somebody holds it makes all earlier answers
//! void, since the domain may have been on its way to whoever said no.

use alloc::vec::Vec;

use crate::identity::MachineId;
use crate::offer::Name;
use crate::time::Instant;
use crate::timers::Timing;

/// One domain's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RollCall {
    name: Name,
    answers: Vec<(MachineId, Attendance)>,
    timing: Timing,
    due: Instant,
    interval_us: u64,
}

/// What is known of one machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attendance {
    /// It has not answered.
    Silent,
    /// It holds no domain of that name.
    Lacks,
    /// It holds one.
    Holds,
}

impl RollCall {
    /// Asks all these machines.
    pub fn new(
        now: Instant,
        name: Name,
        machines: impl IntoIterator<Item = MachineId>,
        timing: Timing,
    ) -> Self {
        let silent = |machine| (machine, Attendance::Silent);
        RollCall {
            name,
            answers: machines.into_iter().map(silent).collect(),
            timing,
            due: now,
            interval_us: timing.repeat_first_us,
        }
    }

    /// The domain's name.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// A machine has answered.
    pub fn heard(&mut self, from: MachineId, attendance: Attendance) {
        if attendance == Attendance::Holds {
            self.answers
                .iter_mut()
                .for_each(|(_, known)| *known = Attendance::Silent);
        }
        let answer = self
            .answers
            .iter_mut()
            .find(|(machine, _)| *machine == from);
        if let Some((_, known)) = answer {
            *known = attendance;
        }
    }

    /// Whom to ask now. Asked again at growing intervals.
    pub fn poll_asks(&mut self, now: Instant) -> Vec<MachineId> {
        if now < self.due {
            return Vec::new();
        }
        self.due = now.after_us(self.interval_us);
        let doubled = self.interval_us.saturating_mul(2);
        // At least a microsecond, so that settings of zero cannot make the caller spin.
        self.interval_us = doubled.min(self.timing.repeat_max_us).max(1);
        self.missing().map(|(machine, _)| machine).collect()
    }

    /// When to call [`RollCall::poll_asks`].
    pub fn poll_timeout(&self) -> Instant {
        self.due
    }

    /// The machines that keep the domain from being started.
    pub fn missing(&self) -> impl Iterator<Item = (MachineId, Attendance)> + '_ {
        let missing = |(_, known): &&(MachineId, Attendance)| *known != Attendance::Lacks;
        self.answers.iter().filter(missing).copied()
    }

    /// Whether every machine has said that it holds none.
    pub fn is_over(&self) -> bool {
        self.missing().next().is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const B: MachineId = MachineId([2; 32]);
    const C: MachineId = MachineId([3; 32]);

    fn roll_call() -> RollCall {
        let name = Name::try_new("counter").expect("a name");
        RollCall::new(Instant::from_us(0), name, [B, C], Timing::default())
    }

    #[test]
    fn is_over_when_every_machine_has_said_no() {
        let mut call = roll_call();
        assert_eq!(call.poll_asks(Instant::from_us(0)), [B, C]);
        call.heard(B, Attendance::Lacks);
        assert!(!call.is_over());
        call.heard(MachineId([9; 32]), Attendance::Lacks);
        assert!(!call.is_over());
        call.heard(C, Attendance::Lacks);
        assert!(call.is_over());
    }

    #[test]
    fn a_machine_that_holds_one_voids_what_others_said() {
        let mut call = roll_call();
        call.heard(B, Attendance::Lacks);
        call.heard(C, Attendance::Holds);
        call.heard(C, Attendance::Lacks);
        let missing: Vec<_> = call.missing().collect();
        assert_eq!(missing, [(B, Attendance::Silent)]);
    }

    #[test]
    fn asks_again_who_has_not_said_no() {
        let mut call = roll_call();
        call.poll_asks(Instant::from_us(0));
        assert_eq!(call.poll_asks(Instant::from_us(1)), []);
        call.heard(B, Attendance::Lacks);
        let due = call.poll_timeout();
        assert_eq!(call.poll_asks(due), [C]);
        assert!(call.poll_timeout() > due);
    }

    #[test]
    fn a_machine_without_others_asks_nobody() {
        let name = Name::try_new("counter").expect("a name");
        let call = RollCall::new(Instant::from_us(0), name, [], Timing::default());
        assert!(call.is_over());
    }
}
