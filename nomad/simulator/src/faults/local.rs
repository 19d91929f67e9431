//! Steps of a machine that fail: no memory, a kernel or a service that refuses, a freeze that another holds.

use nomad_protocol::{
    Action, Event, LocalFailure, Refusal, SourceAction, SourceEvent, TargetAction, TargetEvent,
};

use crate::random::Random;

/// The kinds of step that can fail. All others are done when the shell returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LocalStep {
    /// The dirty log is not started.
    StartDirtyLog,
    /// A round is not copied.
    CopyRound,
    /// The domain is not frozen.
    FreezeDomain,
    /// The frozen domain is not read.
    ExportState,
    /// The frozen domain is not sent.
    SendFreeze,
    /// The domain is not retired.
    Retire,
    /// The target reserves nothing.
    Reserve,
    /// The target does not rebuild the domain.
    Rebuild,
    /// The target does not let the domain run.
    Activate,
}

/// A kind of step that fails on a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalFault {
    /// On which machine.
    pub machine: usize,
    /// Which kind of step.
    pub step: LocalStep,
    /// Why.
    pub failure: LocalFailure,
    /// How often, counted from the first step of that kind.
    pub times: u32,
}

impl LocalStep {
    const ALL: [LocalStep; 9] = [
        LocalStep::StartDirtyLog,
        LocalStep::CopyRound,
        LocalStep::FreezeDomain,
        LocalStep::ExportState,
        LocalStep::SendFreeze,
        LocalStep::Retire,
        LocalStep::Reserve,
        LocalStep::Rebuild,
        LocalStep::Activate,
    ];

    fn of(action: &Action) -> Option<Self> {
        Some(match action {
            Action::Source(SourceAction::StartDirtyLog) => LocalStep::StartDirtyLog,
            Action::Source(SourceAction::CopyRound { .. }) => LocalStep::CopyRound,
            Action::Source(SourceAction::FreezeDomain) => LocalStep::FreezeDomain,
            Action::Source(SourceAction::ExportState { .. }) => LocalStep::ExportState,
            Action::Source(SourceAction::SendFreeze { .. }) => LocalStep::SendFreeze,
            Action::Source(SourceAction::Retire { .. }) => LocalStep::Retire,
            Action::Target(TargetAction::Reserve(_)) => LocalStep::Reserve,
            Action::Target(TargetAction::Rebuild { .. }) => LocalStep::Rebuild,
            Action::Target(TargetAction::Activate { .. }) => LocalStep::Activate,
            _ => return None,
        })
    }
}

/// The answer to an action that fails, if it can fail.
pub fn failed(action: &Action, failure: LocalFailure) -> Option<Event> {
    Some(match LocalStep::of(action)? {
        LocalStep::Reserve => Event::Target(TargetEvent::Refused(Refusal::NoMemory {
            needed_bytes: 1,
            available_bytes: 0,
        })),
        LocalStep::Retire => Event::Source(SourceEvent::NotRetired(failure)),
        _ => Event::Failed(failure),
    })
}

impl LocalFault {
    /// Draws one of `machines` machines, a step, a reason, and whether it happens once or for a while.
    pub fn draw(random: &mut Random, machines: usize) -> Self {
        let failures = [
            LocalFailure::NoMemory,
            LocalFailure::Kernel { error: 7 },
            LocalFailure::Service { slot: 3 },
            LocalFailure::FrozenByAnother,
        ];
        LocalFault {
            machine: random.below(machines as u64) as usize,
            step: LocalStep::ALL[random.below(LocalStep::ALL.len() as u64) as usize],
            failure: failures[random.below(failures.len() as u64) as usize],
            times: match random.permille(500) {
                true => 1,
                false => 2 + random.below(20) as u32,
            },
        }
    }

    /// Fails an action of `machine` if it is one of this kind, and counts it.
    pub fn strike(&mut self, machine: usize, action: &Action) -> Option<Event> {
        if self.times == 0 || self.machine != machine || LocalStep::of(action) != Some(self.step) {
            return None;
        }
        self.times -= 1;
        failed(action, self.failure)
    }
}
