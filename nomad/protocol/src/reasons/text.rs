//! The texts of reasons, for the operator.

use core::fmt;

use abi::ObjectKind;

use super::{
    AbortReason, Change, Doubt, Interference, LocalFailure, PhaseName, Refusal, Side, VersionOf,
};

const MIB: u64 = 1 << 20;

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Side::Source => "the source",
            Side::Destination => "the destination",
        })
    }
}

impl fmt::Display for VersionOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            VersionOf::Protocol => "the protocol",
            VersionOf::Image => "the image format",
            VersionOf::Abi => "the system calls",
        })
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Refusal::NoMemory {
                needed_bytes,
                available_bytes,
            } => {
                let (needed, available) = (needed_bytes.div_ceil(MIB), available_bytes / MIB);
                write!(
                    f,
                    "too little memory: {needed} MiB needed, {available} MiB free"
                )
            }
            Refusal::Version { of, ours, theirs } => {
                write!(f, "{of} there has version {ours}, here {theirs}")
            }
            Refusal::Cpu { missing } => write!(f, "the processor there lacks {missing:?}"),
            Refusal::NoService { slot } => write!(f, "no such service there{}", In(slot)),
            Refusal::AlreadyHere { .. } => f.write_str("a domain of this name or id is there"),
            Refusal::InDoubt { transaction } => {
                write!(f, "a copy in doubt is there, of transaction {transaction}")
            }
            Refusal::Quota { used, limit } => {
                write!(
                    f,
                    "{used} domains of the source are moving there, and at most {limit} may"
                )
            }
            Refusal::OtherFleet => f.write_str("its fleet has other machines than the fleet here"),
            Refusal::RecordsFull => f.write_str("no room for another move's record there"),
        }
    }
}

impl fmt::Display for LocalFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            LocalFailure::NoMemory => f.write_str("too little memory"),
            LocalFailure::Pinned { slot, kind } => pinned(f, slot, kind),
            LocalFailure::Service { slot } => {
                write!(f, "a service does not serve the domain{}", In(slot))
            }
            LocalFailure::BadImage => f.write_str("the image is not valid"),
            LocalFailure::Kernel { error } => match abi::Error::from_status(error.into()) {
                Some(error) => write!(f, "the kernel refused: {error}"),
                None => write!(f, "the kernel refused with status {error}"),
            },
            LocalFailure::Priority { priority } => write!(
                f,
                "a thread has priority {priority}, above that of the migration server there"
            ),
            LocalFailure::FreezeEnded => {
                f.write_str("the domain was frozen for too long, and runs again")
            }
            LocalFailure::FrozenByAnother => f.write_str("another domain holds it frozen"),
        }
    }
}

impl fmt::Display for Interference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.change {
            Change::Reply => "a call received its reply",
            Change::Signal => "a notification was signalled",
            Change::Revoke => "a capability was revoked",
            Change::Other => "something changed it",
        })?;
        write!(f, "{}", In(self.slot))
    }
}

impl fmt::Display for AbortReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AbortReason::Refused(refusal) => write!(f, "the destination refuses: {refusal}"),
            AbortReason::Cancelled => f.write_str("cancelled"),
            AbortReason::TooLong {
                phase: PhaseName::Offer,
            } => {
                f.write_str("no reply to the offer: the destination is off, or has another secret")
            }
            AbortReason::TooLong { phase } => write!(f, "the phase {phase:?} took too long"),
            AbortReason::StreamBroken => f.write_str("the stream of pages broke"),
            AbortReason::PeerRestarted => f.write_str("the other machine was restarted"),
            AbortReason::PeerForgot => f.write_str("the other machine has no record of it"),
            AbortReason::NomadRestarted { on } => {
                write!(f, "the migration server of {on} was restarted")
            }
            AbortReason::DigestMismatch => {
                f.write_str("the rebuilt domain differs from the one that was sent")
            }
            AbortReason::Interfered { by } => write!(f, "the frozen domain was changed: {by}"),
            AbortReason::Failed { on, failure } => write!(f, "a step of {on} failed: {failure}"),
            AbortReason::TimedOut { after_us } => {
                let seconds = after_us.div_ceil(1_000_000);
                write!(f, "it was not committed within {seconds} s")
            }
            AbortReason::NotConverging {
                rounds,
                pages_remaining,
            } => write!(
                f,
                "it does not converge: the downtime goal is out of reach after {rounds} rounds, with {pages_remaining} pages to send again"
            ),
        }
    }
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Doubt::Silent => "the other machine does not reply",
            Doubt::SourceRestarted => "the source was restarted, and may run the domain",
            Doubt::DestinationRestarted => {
                "the destination was restarted, and may have run the domain"
            }
            Doubt::LostAfterActivated => "the destination ran the domain, and was restarted",
            Doubt::EndedByOperator => {
                "the destination's operator has ended the move there, and may have run the domain"
            }
            Doubt::Declined => {
                "the destination has declined the domain, which does not run here yet"
            }
            Doubt::RecordContradicted => "the record and the domain's state contradict each other",
            Doubt::NotReleased => {
                "it runs here, but the source has not confirmed that its copy is gone"
            }
            Doubt::NotAcknowledged => {
                "it runs on the destination, which has not acknowledged that the copy here is gone"
            }
            Doubt::NotAnswered => {
                "the copy here is discarded, but the source has not replied that it knows"
            }
        })
    }
}

fn pinned(f: &mut fmt::Formatter<'_>, slot: u32, kind: u8) -> fmt::Result {
    match ObjectKind::from_number(kind) {
        Some(kind) => write!(f, "{kind:?} stays with its machine{}", In(slot)),
        None => write!(f, "an object stays with its machine{}", In(slot)),
    }
}

/// Names the slot, if it is known.
struct In(u32);

impl fmt::Display for In {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            u32::MAX => Ok(()),
            slot => write!(f, " (slot {slot})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn a_refusal_names_its_values() {
        let refusal = Refusal::NoMemory {
            needed_bytes: 80 * MIB - 1,
            available_bytes: 20 * MIB + 1,
        };
        let text = AbortReason::Refused(refusal).to_string();
        assert_eq!(
            text,
            "the destination refuses: too little memory: 80 MiB needed, 20 MiB free"
        );
        let refusal = Refusal::Version {
            of: VersionOf::Image,
            ours: 999,
            theirs: 1,
        };
        assert_eq!(
            refusal.to_string(),
            "the image format there has version 999, here 1"
        );
    }

    #[test]
    fn a_pinned_domain_is_reported_with_kind_and_slot() {
        let kind = ObjectKind::Interrupt as u8;
        let failure = LocalFailure::Pinned { slot: 9, kind };
        let text = AbortReason::Failed {
            on: Side::Source,
            failure,
        };
        assert_eq!(
            text.to_string(),
            "a step of the source failed: Interrupt stays with its machine (slot 9)"
        );
        let nowhere = LocalFailure::Pinned {
            slot: u32::MAX,
            kind: 0xff,
        };
        assert_eq!(nowhere.to_string(), "an object stays with its machine");
    }

    #[test]
    fn the_kernels_error_is_quoted() {
        let error = abi::Error::PoolEmpty;
        let failure = LocalFailure::Kernel {
            error: error as u32,
        };
        assert_eq!(
            failure.to_string(),
            alloc::format!("the kernel refused: {error}")
        );
    }

    #[test]
    fn an_ended_freeze_reports_that_the_domain_runs() {
        let failure = LocalFailure::FreezeEnded;
        let reason = AbortReason::Failed {
            on: Side::Source,
            failure,
        };
        assert_eq!(
            reason.to_string(),
            "a step of the source failed: the domain was frozen for too long, and runs again"
        );
    }

    #[test]
    fn an_operators_limits_are_quoted() {
        let timed_out = AbortReason::TimedOut {
            after_us: 30_000_000,
        };
        assert_eq!(timed_out.to_string(), "it was not committed within 30 s");
        let not_converging = AbortReason::NotConverging {
            rounds: 4,
            pages_remaining: 900,
        };
        let text = not_converging.to_string();
        assert!(text.contains("after 4 rounds, with 900 pages"), "{text}");
    }

    #[test]
    fn distinguishes_silence_from_slowness() {
        let too_long = |phase| AbortReason::TooLong { phase }.to_string();
        assert!(too_long(PhaseName::Offer).starts_with("no reply to the offer"));
        assert_eq!(
            too_long(PhaseName::Freeze),
            "the phase Freeze took too long"
        );
    }
}
