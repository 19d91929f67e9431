//! Resume: the phase in which a transaction continues after a restart of the migration server. It follows from the
//! record and, on the source, from the kernel's state of the domain.

use crate::context::{Context, Facts};
use crate::destination::{Activating, Declining, Discarding, Verifying};
use crate::reasons::{AbortReason, Doubt, Side};
use crate::record::RecordedProgress;
use crate::source::{Committing, InDoubt, Releasing, abort};
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
                peer_boot,
            },
            Retired,
        ) => Phase::Source(Committing::resume(context, peer_boot, (attempt, digest))),
        (Recorded::SourceDeclined { why, .. }, Running) => {
            Phase::Source(abort::enter(context, why))
        }
        (Recorded::SourceDeclined { why, peer_boot }, Retired | Frozen) => {
            Phase::Source(InDoubt::resume_declined(context, peer_boot, why))
        }
        (Recorded::SourceOpen, Retired | Gone)
        | (Recorded::SourceCommitting { .. } | Recorded::SourceDeclined { .. }, Gone) => {
            let doubt = Doubt::RecordContradicted;
            Phase::Source(InDoubt::enter(context, None, doubt))
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
        (Recorded::DestinationReceiving, _) => {
            Phase::Destination(Declining::enter(context, restarted(Side::Destination)))
        }
        (Recorded::DestinationDeclined { why }, _) => {
            Phase::Destination(Declining::resume(context, why))
        }
        (
            Recorded::DestinationPrepared {
                rounds,
                attempt,
                digest,
                peer_boot,
            },
            _,
        ) => {
            let freeze = (attempt, digest, rounds);
            Phase::Destination(Verifying::resume(context, peer_boot, freeze))
        }
        (Recorded::DestinationActivating { peer_boot }, _) => {
            Phase::Destination(Activating::resume_thawing(context, peer_boot))
        }
        (Recorded::DestinationActivated { peer_boot }, _) => {
            Phase::Destination(Activating::resume_running(context, peer_boot))
        }
    }
}
