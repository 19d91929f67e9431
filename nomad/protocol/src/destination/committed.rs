//! The source's Commit, which may arrive before the pages and is then remembered: [`Committed`].

use identity::Digest;

use crate::context::{Context, Input};
use crate::downtime::Downtime;
use crate::ids::{Attempt, BootId};
use crate::messages::Step;
use crate::reasons::AbortReason;

use super::Phase;
use super::activate::Activating;
use super::decline::Declining;

/// A Commit for this boot, as it was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Committed {
    /// The freeze at which the domain was retired.
    pub(super) attempt: Attempt,
    digest: Digest,
    downtime: Downtime,
}

impl Committed {
    /// The Commit in this input, if it is one of the source's boot `peer_boot` for this boot.
    pub(super) fn of(context: &Context<'_>, input: &Input, peer_boot: BootId) -> Option<Committed> {
        let Input::Message { boot, step } = input else {
            return None;
        };
        match *step {
            Step::Commit {
                boot: local_boot,
                attempt,
                digest,
                downtime_us,
            } if *boot == peer_boot && local_boot == context.facts.local_boot => Some(Committed {
                attempt,
                digest,
                downtime: Downtime::of(downtime_us, context.now),
            }),
            _ => None,
        }
    }

    /// Decides about the verified copy of the freeze that was retired: it runs here if it has the retired state.
    pub(super) fn decide(
        self,
        context: &mut Context<'_>,
        peer_boot: BootId,
        digest: Digest,
    ) -> Phase {
        if digest == self.digest {
            Activating::enter(context, peer_boot, self.downtime)
        } else {
            Declining::enter(context, AbortReason::DigestMismatch)
        }
    }
}
