//! Resume: the phase in which a transaction continues after a restart of the migration server. It follows from the
//! record and, on the source, from the kernel's state of the domain.

use crate::context::{Context, Facts};
use crate::destination::{Activating, Declining, Discarding, Verifying};
use crate::reasons::{AbortReason, Side};
use crate::record::RecordedProgress;
use crate::source::{self, Committing, Dropped, InDoubt, Releasing, abort};
use crate::time::Instant;
use crate::timers::Timing;

use super::{Phase, Transaction};

/// The kernel's state of a domain when the migration server was restarted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DomainState {
    /// It runs.
    Running,
    /// It is frozen, not retired.
    Frozen,
    /// It is retired.
    Retired,
    /// It does not exist.
    Gone,
}

impl Transaction {
    pub(crate) fn resume(
        now: Instant,
        timing: Timing,
        facts: Facts,
        progress: RecordedProgress,
        domain: DomainState,
    ) -> Self {
        Self::start(now, timing, facts, |context| {
            enter(context, progress, domain)
        })
    }
}

/// The phase that continues from a record, given the kernel's state of the source's domain.
fn enter(context: &mut Context<'_>, progress: RecordedProgress, domain: DomainState) -> Phase {
    use DomainState::{Frozen, Gone, Retired, Running};
    use RecordedProgress as Recorded;

    let restarted = |on| AbortReason::NomadRestarted { on };
    match (progress, domain) {
        (Recorded::SourceOpen | Recorded::SourceCommitting { .. }, Running | Frozen) => {
            Phase::Source(abort::enter(context, restarted(Side::Source)))
        }
        (
            Recorded::SourceCommitting {
                attempt,
                digest,
                admission,
            },
            Retired,
        ) => Phase::Source(Committing::resume(context, admission, (attempt, digest))),
        (Recorded::SourceDeclined { why, .. }, Running) => {
            Phase::Source(abort::enter(context, why))
        }
        (Recorded::SourceDeclined { why, peer_boot }, Retired | Frozen) => {
            Phase::Source(InDoubt::resume_declined(context, peer_boot, why))
        }
        (Recorded::SourceOpen, Retired | Gone) => {
            Phase::Source(InDoubt::resume_contradicted(context, None))
        }
        (
            Recorded::SourceCommitting {
                attempt,
                digest,
                admission,
            },
            Gone,
        ) => {
            let committed = (admission, source::Frozen::recorded(attempt, digest));
            Phase::Source(InDoubt::resume_contradicted(context, Some(committed)))
        }
        (Recorded::SourceDeclined { why, peer_boot }, Gone) => {
            Phase::Source(InDoubt::resume_gone(context, peer_boot, why))
        }
        (
            Recorded::SourceDropped {
                attempt,
                digest,
                admission,
                is_destroyed,
            },
            _,
        ) => {
            let frozen = source::Frozen::recorded(attempt, digest);
            let dropped = Dropped::resume(context, admission, frozen, is_destroyed);
            Phase::Source(dropped)
        }
        (Recorded::SourceReleasing { peer_boot }, _) => {
            Phase::Source(Releasing::destroy(context, peer_boot))
        }
        (Recorded::SourceReleased { peer_boot }, _) => {
            Phase::Source(Releasing::resume_destroyed(context, peer_boot))
        }
        (Recorded::DestinationOpen, _) => {
            Phase::Destination(Discarding::abort(context, restarted(Side::Destination)))
        }
        (Recorded::DestinationReceiving { admission }, _) => {
            let why = restarted(Side::Destination);
            Phase::Destination(Declining::enter(context, admission, why))
        }
        (
            Recorded::DestinationDeclined {
                why,
                admission,
                is_discarded,
            },
            _,
        ) => Phase::Destination(Declining::resume(context, admission, why, is_discarded)),
        (
            Recorded::DestinationPrepared {
                rounds,
                attempt,
                digest,
                admission,
            },
            _,
        ) => {
            let freeze = (attempt, digest, rounds);
            Phase::Destination(Verifying::resume(context, admission, freeze))
        }
        (Recorded::DestinationActivating { admission }, _) => {
            Phase::Destination(Activating::resume_thawing(context, admission))
        }
        (Recorded::DestinationActivated { peer_boot }, _) => {
            Phase::Destination(Activating::resume_running(context, peer_boot))
        }
    }
}
