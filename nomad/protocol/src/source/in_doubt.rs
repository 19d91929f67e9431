//! InDoubt: the domain is retired here, and does not run on the destination as far as is known.
//!
//! If the destination has declined the domain, the retirement is undone and the domain continues to run here. Otherwise
//! only an operator can find out whether the destination has a copy: the copy here stays, frozen and listed, until an
//! operator forces one outcome by name.

use crate::actions::{Action, Event, Notice, SourceAction, SourceEvent};
use crate::context::{Context, Force, Input};
use crate::ids::{Admission, BootId};
use crate::messages::Step;
use crate::reasons::{AbortReason, Doubt, PhaseName};
use crate::record::RecordedProgress;

use super::Phase;
use super::commit::{Committing, Frozen};
use super::dropped::Dropped;
use super::release::Releasing;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct InDoubt {
    /// The destination's boot, if it is known.
    peer_boot: Option<BootId>,
    why: Doubt,
    /// The freeze that the destination may run, if it is known and the destination has not declined it.
    committed: Option<(Admission, Frozen)>,
    /// The destination's reason, if it has declined the domain.
    declined: Option<AbortReason>,
    /// The decision, while it is being carried out.
    forced: Option<Force>,
}

impl InDoubt {
    fn new(peer_boot: Option<BootId>, why: Doubt) -> Self {
        InDoubt {
            peer_boot,
            why,
            committed: None,
            declined: None,
            forced: None,
        }
    }

    pub(super) fn enter(context: &mut Context<'_>, peer_boot: BootId, why: Doubt) -> Phase {
        Self::new(Some(peer_boot), why).list(context)
    }

    /// Resumes after a restart, with a record that the kernel's state of the domain contradicts. `committed`: the recorded freeze,
    /// if the kernel was asked to retire the domain.
    pub(crate) fn resume_contradicted(
        context: &mut Context<'_>,
        committed: Option<(Admission, Frozen)>,
    ) -> Phase {
        let peer_boot = committed.map(|(admission, _)| admission.peer_boot);
        let contradicted = InDoubt {
            committed,
            ..Self::new(peer_boot, Doubt::RecordContradicted)
        };
        contradicted.list(context)
    }

    /// Resumes after a restart, with the destination having declined a domain that is gone here.
    pub(crate) fn resume_gone(
        context: &mut Context<'_>,
        peer_boot: BootId,
        why: AbortReason,
    ) -> Phase {
        let gone = InDoubt {
            declined: Some(why),
            ..Self::new(Some(peer_boot), Doubt::RecordContradicted)
        };
        gone.list(context)
    }

    /// Runs the domain here while its destination is silent, as an operator has decided.
    pub(super) fn run(context: &mut Context<'_>, admission: Admission, frozen: Frozen) -> Phase {
        let silent = InDoubt {
            committed: Some((admission, frozen)),
            ..Self::new(Some(admission.peer_boot), Doubt::Silent)
        };
        silent.force(context, Force::RunHere)
    }

    /// Continues to run the domain here, because the destination has declined it and never runs it.
    pub(super) fn decline(context: &mut Context<'_>, peer_boot: BootId, why: AbortReason) -> Phase {
        // Durable before the domain runs: a restarted server must not offer the destination a domain that runs here
        // again.
        context.record(RecordedProgress::SourceDeclined { why, peer_boot });
        Self::resume_declined(context, peer_boot, why)
    }

    /// Resumes after a restart that may have come before the retirement was undone.
    pub(crate) fn resume_declined(
        context: &mut Context<'_>,
        peer_boot: BootId,
        why: AbortReason,
    ) -> Phase {
        context.notify(Notice::Declined(why));
        let declined = InDoubt {
            declined: Some(why),
            ..Self::new(Some(peer_boot), Doubt::Declined)
        };
        declined.force(context, Force::RunHere)
    }

    pub(super) fn step(self, context: &mut Context<'_>, input: Input) -> Phase {
        match input {
            Input::Message { boot, step } if self.forced.is_none() => {
                self.handle_message(context, boot, &step)
            }
            Input::Force(force) if self.forced.is_none() => self.force(context, force),
            Input::Event(Event::Source(done)) if self.forced.map(done_by) == Some(done) => {
                self.finish(context)
            }
            // The copy cannot be run. The operator may still drop it, and the destination may still reply.
            Input::Event(Event::Failed(_)) if self.forced == Some(Force::RunHere) => {
                match self.committed {
                    Some((admission, frozen)) if self.why == Doubt::Silent => {
                        Committing::go_on(context, admission, frozen)
                    }
                    _ => self.list(context),
                }
            }
            _ => Phase::InDoubt(self),
        }
    }

    fn handle_message(self, context: &mut Context<'_>, boot: BootId, step: &Step) -> Phase {
        match step {
            // The destination sent this in its earlier boot, and the Unknown of its later boot arrived first. So the
            // domain ran there, and is gone.
            Step::Activated { .. } if self.why == Doubt::DestinationRestarted => {
                context.notify(Notice::InDoubt(Doubt::LostAfterActivated));
                Phase::InDoubt(InDoubt {
                    why: Doubt::LostAfterActivated,
                    ..self
                })
            }
            // The domain runs there. Whatever is left of it here is destroyed.
            Step::Activated { .. } if self.committed_to(boot) => Releasing::enter(context, boot),
            // No machine runs the domain any more; the copy here stays listed. The destination may forget the
            // transaction.
            Step::Declined(why) if self.committed_to(boot) => {
                context.send(Step::Abort(*why));
                Phase::InDoubt(InDoubt {
                    committed: None,
                    declined: Some(*why),
                    ..self
                })
            }
            // The source has not asked the kernel to retire the domain, so the destination need not wait for anything.
            Step::Declined(why) if self.peer_boot.is_none() => {
                context.send(Step::Abort(*why));
                Phase::InDoubt(self)
            }
            // The destination may forget the transaction: that it has declined is recorded here.
            Step::Declined(why) if self.declined.is_some() => {
                context.send(Step::Abort(*why));
                Phase::InDoubt(self)
            }
            Step::Declined(why) if self.is_peer_gone() => {
                if self.peer_boot == Some(boot) && self.why == Doubt::DestinationRestarted {
                    // This arrived late. The boot that took part has never run the domain, and no other boot can.
                    return Self::decline(context, boot, *why);
                }
                // A duplicate of the offer has reached a later boot. Nothing depends on that boot.
                context.send(Step::Abort(*why));
                Phase::InDoubt(self)
            }
            _ => Phase::InDoubt(self),
        }
    }

    /// Whether the domain may have been retired here for a move to this boot of the destination.
    fn committed_to(&self, boot: BootId) -> bool {
        self.committed
            .is_some_and(|(admission, _)| admission.peer_boot == boot)
    }

    /// Whether the boot that took part has ended.
    fn is_peer_gone(&self) -> bool {
        matches!(
            self.why,
            Doubt::DestinationRestarted | Doubt::LostAfterActivated
        )
    }

    /// Lists the copy, which is in doubt until there is a decision.
    fn list(self, context: &mut Context<'_>) -> Phase {
        context.enter(PhaseName::InDoubt);
        context.notify(Notice::InDoubt(self.why));
        let forced = None;
        Phase::InDoubt(InDoubt { forced, ..self })
    }

    /// Carries out a decision. The copy stays in doubt until that is done: a server restarted before then lists it as in
    /// doubt again, or continues to run a domain that the destination has declined.
    fn force(self, context: &mut Context<'_>, force: Force) -> Phase {
        if let (Force::DropCopy, Some((admission, frozen))) = (force, self.committed) {
            return Dropped::enter(context, admission, frozen);
        }
        context.act(Action::Source(match force {
            Force::RunHere => SourceAction::Unretire,
            Force::DropCopy => SourceAction::Destroy,
        }));
        context.timers.clear();
        let forced = Some(force);
        Phase::InDoubt(InDoubt { forced, ..self })
    }

    fn finish(self, context: &mut Context<'_>) -> Phase {
        context.enter(PhaseName::Finished);
        context.act(Action::CloseStream);
        context.act(Action::Forget);
        match (self.declined, self.forced) {
            (Some(why), Some(Force::RunHere)) => {
                context.send(Step::Abort(why));
                context.notify(Notice::Aborted(why));
            }
            _ => context.notify(Notice::Finished),
        }
        Phase::Finished
    }

    pub(super) fn why(&self) -> Doubt {
        self.why
    }

    /// The decision, while it is being carried out.
    pub(super) fn forced(&self) -> Option<Force> {
        self.forced
    }
}

/// The event that reports that the decision was carried out.
fn done_by(force: Force) -> SourceEvent {
    match force {
        Force::RunHere => SourceEvent::Unretired,
        Force::DropCopy => SourceEvent::Destroyed,
    }
}
