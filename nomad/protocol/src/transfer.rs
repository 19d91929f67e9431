//! One transaction, whichever side of it this machine is.

use crate::actions::{Action, Event};
use crate::context::Force;
use crate::destination::Destination;
use crate::ids::{BootId, MachineId};
use crate::messages::Step;
use crate::offer::Offer;
use crate::reasons::{Doubt, PhaseName, Side};
use crate::source::{Cancelled, Source};
use crate::time::Instant;
use crate::timers::Timer;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Transfer {
    Source(Source),
    Destination(Destination),
}

/// Makes the same call on either side.
macro_rules! either {
    ($self:expr, $side:ident => $call:expr) => {
        match $self {
            Transfer::Source($side) => $call,
            Transfer::Destination($side) => $call,
        }
    };
}

impl Transfer {
    pub(crate) fn side(&self) -> Side {
        match self {
            Transfer::Source(_) => Side::Source,
            Transfer::Destination(_) => Side::Destination,
        }
    }

    pub(crate) fn peer(&self) -> MachineId {
        match self {
            Transfer::Source(source) => source.destination(),
            Transfer::Destination(destination) => destination.source(),
        }
    }

    pub(crate) fn offer(&self) -> &Offer {
        either!(self, side => side.offer())
    }

    pub(crate) fn phase(&self) -> PhaseName {
        either!(self, side => side.phase())
    }

    pub(crate) fn doubt(&self) -> Option<Doubt> {
        either!(self, side => side.doubt())
    }

    pub(crate) fn handle_message(&mut self, now: Instant, boot: BootId, step: Step) {
        either!(self, side => side.handle_message(now, boot, step));
    }

    pub(crate) fn handle_event(&mut self, now: Instant, event: Event) {
        either!(self, side => side.handle_event(now, event));
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        either!(self, side => side.handle_timeout(now));
    }

    pub(crate) fn expire(&mut self, now: Instant, timer: Timer) {
        either!(self, side => side.expire(now, timer));
    }

    pub(crate) fn cancel(&mut self, now: Instant) -> Cancelled {
        either!(self, side => side.cancel(now))
    }

    pub(crate) fn force(&mut self, now: Instant, force: Force) -> bool {
        either!(self, side => side.force(now, force))
    }

    pub(crate) fn is_about_to_run(&self) -> bool {
        either!(self, side => side.is_about_to_run())
    }

    pub(crate) fn poll_action(&mut self) -> Option<Action> {
        either!(self, side => side.poll_action())
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        either!(self, side => side.poll_timeout())
    }

    pub(crate) fn is_armed(&self, timer: Timer) -> bool {
        either!(self, side => side.is_armed(timer))
    }
}
