//! Steps of a machine that fail: no memory, a kernel or a service that refuses, a freeze held by another domain.
//!
//! These fail before they have an effect, with two exceptions, as on a real machine. Root may have exported a domain
//! whose state nomad then cannot read. And a domain that was built and kept is destroyed before it is built again from
//! a later freeze. `point` beside this has the failures after a part of a step was done.

use abi::Error;
use nomad_protocol::{Action, DestinationAction, LocalFailure, SourceAction};
use nomad_shell::RootError;
use service_protocol::root::Refusal;

use crate::random::Random;

/// The kinds of step that can fail. All others always succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LocalStep {
    /// Starting the dirty log.
    StartDirtyLog,
    /// Copying a round.
    CopyRound,
    /// Freezing the domain.
    FreezeDomain,
    /// Exporting the frozen domain.
    ExportState,
    /// Reading the frozen domain, after its export.
    ReadState,
    /// Sending the frozen domain.
    SendFreeze,
    /// Retiring the domain.
    Retire,
    /// Reserving memory on the destination.
    Reserve,
    /// The destination's trial build.
    TrialBuild,
    /// Rebuilding the domain on the destination.
    Rebuild,
    /// Activating the domain on the destination.
    Activate,
}

/// A fault: a kind of step that fails on a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LocalFault {
    /// The machine.
    pub machine: usize,
    /// The kind of step.
    pub step: LocalStep,
    /// The failure.
    pub failure: LocalFailure,
    /// The number of failures, from the first step of that kind.
    pub times: u32,
}

impl LocalStep {
    /// All kinds of step.
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
        LocalStep::TrialBuild,
    ];

    /// The step that performs an action, if it can fail.
    pub fn of(action: &Action) -> Option<Self> {
        Some(match action {
            Action::Source(SourceAction::StartDirtyLog { .. }) => LocalStep::StartDirtyLog,
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
            LocalFailure::Service,
            LocalFailure::FrozenByAnother,
        ];
        LocalFault {
            machine: random.below(machines as u64) as usize,
            step: LocalStep::ALL[random.below(LocalStep::ALL.len() as u64) as usize],
            failure: failures[random.below(failures.len() as u64) as usize],
            times: if random.permille(500) {
                1
            } else {
                2 + random.below(20) as u32
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

/// Calls of root that can fail outside of a step of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RootCall {
    /// Listing its domains.
    List,
    /// Finding a domain.
    Find,
    /// Starting a domain.
    Start,
    /// Giving up a copy.
    Discard,
    /// Giving up a domain that has left.
    Release,
    /// Serving a domain that stays.
    Revert,
    /// Undoing a retirement.
    Unretire,
    /// Stopping an outlived copy.
    Outlive,
    /// Restarting the machine.
    Reboot,
    /// Adding bytes to a package.
    AppendPackage,
    /// Installing a package.
    InstallPackage,
}

/// A fault: a call of root that fails on a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RootFault {
    /// The machine.
    pub machine: usize,
    /// The call.
    pub call: RootCall,
    /// The number of failures, from the first such call.
    pub times: u32,
}

impl RootCall {
    /// The calls made while faults strike. The others are made only after the faults have ended, at an operator's command: a copy can
    /// be outlived only if an operator has forced it to run, and only an operator restarts a machine or sends a package.
    pub const DRAWN: [RootCall; 7] = [
        RootCall::List,
        RootCall::Find,
        RootCall::Start,
        RootCall::Discard,
        RootCall::Release,
        RootCall::Revert,
        RootCall::Unretire,
    ];
}

impl RootFault {
    /// Draws one of `machines` machines, a call, and whether it fails once or for a while.
    pub fn draw(random: &mut Random, machines: usize) -> Self {
        RootFault {
            machine: random.below(machines as u64) as usize,
            call: RootCall::DRAWN[random.below(RootCall::DRAWN.len() as u64) as usize],
            times: if random.permille(500) {
                1
            } else {
                2 + random.below(4) as u32
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
