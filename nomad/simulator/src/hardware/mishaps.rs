//! Faults in the middle of steps, and the death of nomad there.
//!
//! nomad's code does not end at the moment of its death: it gets an error, and continues until it returns. Whatever it still
//! does is undone then, since the machine returns to that moment.

use nomad_shell::RootError;

use super::Hardware;
use crate::faults::{Mishap, Point};

/// The error for a call whose reply was lost. nomad does not know whether the call has had its effect.
pub(super) const REPLY_LOST: RootError = RootError::Malformed;

impl Hardware {
    /// Whether a fault strikes at this point of a step. Then the caller reports a failure.
    pub(super) fn strikes(&mut self, point: Point) -> bool {
        let mut faults = self.points.iter_mut();
        match faults.find_map(|fault| fault.strike(point)) {
            None => return false,
            Some(Mishap::Failure) => self.failed.push(failure_at(point)),
            Some(Mishap::Death { down_us }) if self.at_death.is_none() => {
                self.failed.push(death_at(point));
                self.dead_for_us = Some(down_us);
                self.at_death = Some(Box::new(self.clone()));
            }
            Some(Mishap::Death { .. }) => {}
        }
        true
    }

    /// Whether nomad has died within its last call of the machine. If so, everything that it seems to have done after its death is undone.
    pub fn has_died(&mut self) -> bool {
        if let Some(at_death) = self.at_death.take() {
            *self = *at_death;
        }
        self.dead_for_us.is_some()
    }
}

/// The name under which a failure at this point is reported.
pub fn failure_at(point: Point) -> String {
    format!("after {point:?}")
}

/// The name under which a death at this point is reported.
pub fn death_at(point: Point) -> String {
    format!("death after {point:?}")
}
