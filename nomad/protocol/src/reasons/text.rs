//! The texts of reasons, for the operator.

use core::fmt;

use abi::ObjectKind;

use super::{AbortReason, Doubt, GuestRule, LocalFailure, PhaseName, Refusal, Side, VersionOf};

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
            Refusal::NoService => f.write_str("no such service there"),
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
            Refusal::Draining { machine } => write!(
                f,
                "{machine} admits no domain: it is draining, until `undrain`, or about to restart: try again when it is back"
            ),
            Refusal::Guest(rule) => rule.fmt(f),
        }
    }
}

impl fmt::Display for GuestRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            GuestRule::OnlyPackages => {
                "only a domain that `run` has brought may move to a guest: the home of any other domain starts it again \
                 after a restart, and knows no guests then"
            }
            GuestRule::OnlyFromHome => {
                "it moves to a guest from its home only, which has to know where it is: move it home first"
            }
            GuestRule::OnlyToHome => "from a guest it moves to its home only",
            GuestRule::NotBetweenGuests => {
                "it does not move from one guest to another: move it home first"
            }
            GuestRule::Unknown => "the guest that has it is not known there yet: try again in a few seconds",
            GuestRule::OnAnotherGuest => {
                "another guest may have a copy of it: its home remembers only one guest for each domain"
            }
        })
    }
}

impl fmt::Display for LocalFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            LocalFailure::NoMemory => f.write_str("too little memory"),
            LocalFailure::Pinned { slot, kind } => pinned(f, slot, kind),
            LocalFailure::Service => f.write_str("a service does not serve the domain"),
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

impl fmt::Display for AbortReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AbortReason::Refused(refusal) => write!(f, "the destination refuses: {refusal}"),
            AbortReason::Cancelled => f.write_str("cancelled"),
            AbortReason::TooLong {
                phase: PhaseName::Offer,
            } => f.write_str(
                "no reply to the offer: the destination is off, or has another secret or version",
            ),
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
            AbortReason::Interfered => {
                f.write_str("something changed the frozen domain in each attempt to retire it")
            }
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
            Doubt::Silent => "the other machine has not replied with the outcome",
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
            Doubt::NotActivated => {
                "the domain is to run here, but that fails: `force NAME drop` has its source run it on"
            }
            Doubt::Dropped => {
                "the copy here is dropped, and the destination has not replied that it runs its own: if this move is dropped once \
                 more, the destination gives its own up"
            }
        })
    }
}

fn pinned(f: &mut fmt::Formatter<'_>, slot: Option<u32>, kind: Option<u8>) -> fmt::Result {
    match kind.and_then(ObjectKind::from_number) {
        Some(kind) => write!(f, "{kind:?} stays with its machine")?,
        None => f.write_str("an object stays with its machine")?,
    }
    match slot {
        Some(slot) => write!(f, " (slot {slot})"),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use identity::Name;

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
    fn a_machine_that_admits_nothing_is_draining_or_about_to_restart() {
        let machine = Name::try_new("b").expect("a name");
        let expected = "b admits no domain: it is draining, until `undrain`, or about to restart: try again when it is back";
        assert_eq!(Refusal::Draining { machine }.to_string(), expected);
    }

    #[test]
    fn a_pinned_domain_is_reported_with_kind_and_slot() {
        let failure = LocalFailure::Pinned {
            slot: Some(9),
            kind: Some(ObjectKind::Interrupt as u8),
        };
        let text = AbortReason::Failed {
            on: Side::Source,
            failure,
        };
        assert_eq!(
            text.to_string(),
            "a step of the source failed: Interrupt stays with its machine (slot 9)"
        );
        let nowhere = LocalFailure::Pinned {
            slot: None,
            kind: Some(0xff),
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
