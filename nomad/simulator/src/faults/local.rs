//! Steps of a machine that fail: no memory, a kernel or a service that refuses, a freeze that another holds.
//!
//! A step fails before it has an effect, but for two, which have one when they fail on a real machine: root has exported a domain
//! whose state nomad then cannot read; and a domain that was built and kept is ended before it is built again from a later freeze.
//! Root's other calls either do nothing or are done when they are answered, and its answers do not get lost: what becomes of nomad
//! between the two is a crash.

use abi::Error;
use nomad_protocol::{Action, DestinationAction, LocalFailure, SourceAction};
use nomad_shell::RootError;
use service_protocol::root::Refusal;

use crate::random::Random;

/// The kinds of step that can fail. All others are done when the shell returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LocalStep {
    /// The dirty log is not started.
    StartDirtyLog,
    /// A round is not copied.
    CopyRound,
    /// The domain is not frozen.
    FreezeDomain,
    /// The frozen domain is not exported.
    ExportState,
    /// The frozen domain is exported, and not read.
    ReadState,
    /// The frozen domain is not sent.
    SendFreeze,
    /// The domain is not retired.
    Retire,
    /// The target reserves nothing.
    Reserve,
    /// The target cannot build the domain on trial.
    Rehearse,
    /// The target does not rebuild the domain.
    Rebuild,
    /// The target does not let the domain run.
    Activate,
}

/// A kind of step that fails on a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
    /// All of them.
    pub const ALL: [LocalStep; 11] = [
        LocalStep::StartDirtyLog,
        LocalStep::CopyRound,
        LocalStep::FreezeDomain,
        LocalStep::ExportState,
        LocalStep::ReadState,
        LocalStep::SendFreeze,
        LocalStep::Retire,
        LocalStep::Reserve,
        LocalStep::Rebuild,
        LocalStep::Activate,
        LocalStep::Rehearse,
    ];

    /// The step that an action asks for, if it can fail.
    pub fn of(action: &Action) -> Option<Self> {
        Some(match action {
            Action::Source(SourceAction::StartDirtyLog) => LocalStep::StartDirtyLog,
            Action::Source(SourceAction::CopyRound { .. }) => LocalStep::CopyRound,
            Action::Source(SourceAction::FreezeDomain) => LocalStep::FreezeDomain,
            Action::Source(SourceAction::ExportState { .. }) => LocalStep::ExportState,
            Action::Source(SourceAction::SendFreeze { .. }) => LocalStep::SendFreeze,
            Action::Source(SourceAction::Retire { .. }) => LocalStep::Retire,
            Action::Destination(DestinationAction::Reserve(_)) => LocalStep::Reserve,
            Action::Destination(DestinationAction::Rebuild { .. }) => LocalStep::Rebuild,
            Action::Destination(DestinationAction::Activate { .. }) => LocalStep::Activate,
            _ => return None,
        })
    }
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

    /// Fails a step if it is one of this kind, and counts it.
    pub fn strike(&mut self, step: LocalStep) -> Option<LocalFailure> {
        let strikes = self.times > 0 && step == self.step;
        self.times -= u32::from(strikes);
        strikes.then_some(self.failure)
    }
}

/// Root's error for a failure.
pub fn root_error(failure: LocalFailure) -> RootError {
    match failure {
        LocalFailure::NoMemory => RootError::Call(Error::PoolEmpty),
        _ => RootError::Refused(Refusal::Kernel),
    }
}

/// Calls of root that fail without a step of a transaction that does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RootCall {
    /// It does not list its domains.
    List,
    /// It does not find a domain.
    Find,
    /// It does not start a domain.
    Start,
    /// It does not give up a copy.
    Discard,
    /// It does not give up a domain that has left.
    Release,
    /// It does not serve a domain that stays.
    Revert,
    /// It does not undo a retirement.
    Unretire,
    /// It does not stop an outlived copy.
    Outlive,
}

/// A call of root that fails on a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RootFault {
    /// On which machine.
    pub machine: usize,
    /// Which call.
    pub call: RootCall,
    /// How often, counted from the first such call.
    pub times: u32,
}

impl RootCall {
    /// Those that happen while faults do. A retirement is undone by order, after them; a copy is outlived only after that.
    pub const DRAWN: [RootCall; 6] = [
        RootCall::List,
        RootCall::Find,
        RootCall::Start,
        RootCall::Discard,
        RootCall::Release,
        RootCall::Revert,
    ];
}

impl RootFault {
    /// Draws one of `machines` machines, a call, and whether it fails once or for a while.
    pub fn draw(random: &mut Random, machines: usize) -> Self {
        RootFault {
            machine: random.below(machines as u64) as usize,
            call: RootCall::DRAWN[random.below(RootCall::DRAWN.len() as u64) as usize],
            times: match random.permille(500) {
                true => 1,
                false => 2 + random.below(4) as u32,
            },
        }
    }

    /// Fails a call if it is one of this kind, and counts it.
    pub fn strike(&mut self, call: RootCall) -> Option<RootError> {
        let strikes = self.times > 0 && call == self.call;
        self.times -= u32::from(strikes);
        strikes.then_some(RootError::Refused(Refusal::Kernel))
    }
}
