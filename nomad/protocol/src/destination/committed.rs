//! The source's Commit, which may arrive before the pages and is then remembered: [`Committed`].

use identity::Digest;

use crate::context::{Context, Input};
use crate::downtime::Downtime;
use crate::ids::{Admission, Attempt};
use crate::messages::Step;
use crate::reasons::AbortReason;

use super::Phase;
use super::activate::Activating;
use super::decline::Declining;

/// A Commit for this admission, as it was received. Another admission of the same transaction in the same boot may have been
/// declined, so only the number shows that the source means this one. Pages need no number: Commit has the digest of the
/// domain that was built from them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Committed {
    /// The freeze at which the domain was retired.
    pub(super) attempt: Attempt,
    digest: Digest,
    downtime: Downtime,
}

impl Committed {
    /// The Commit in this input, if the source has sent it for this admission.
    pub(super) fn of(
        context: &Context<'_>,
        input: &Input,
        admission: Admission,
    ) -> Option<Committed> {
        let Input::Message { boot, step } = input else {
            return None;
        };
        match *step {
            Step::Commit {
                admission: number,
                attempt,
                digest,
                downtime_us,
            } if *boot == admission.peer_boot && number == admission.number => Some(Committed {
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
        admission: Admission,
        digest: Digest,
    ) -> Phase {
        if digest == self.digest {
            Activating::enter(context, admission, self.downtime)
        } else {
            Declining::enter(context, admission.number, AbortReason::DigestMismatch)
        }
    }
}
