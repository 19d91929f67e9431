//! Rounds and hand-overs of a domain whose freeze ends early, with a kernel that reports the end.

use alloc::collections::BTreeMap;

use abi::record::ObjectRecord;
use abi::register::ObjectId;
use abi::{ObjectKind, Request};
use nomad_image::{Clock, Listing, Parts, describe};
use runtime::Error;
use runtime::host::{CallResult, with_kernel};
use runtime::protocol::root::Refusal;

use super::hand_over::Exported;
use super::*;
use crate::root::RootError;
use crate::samples::{self, failing, kernel, object};

fn outgoing() -> Outgoing {
    let (found, reservation) = (samples::found(Read::default()), Reservation::default());
    Outgoing::new(Machine::for_tests(), found.record.name, found, reservation)
}

#[test]
fn a_domain_is_stopped_with_a_deadline_and_runs_on_with_that_stops_token() {
    const LIMIT_NS: u64 = 40_000_000;
    let began_ns = runtime::clock::now_ns();
    let (token, calls) = with_kernel(kernel, || {
        let outgoing = outgoing();
        let token = outgoing.pause(LIMIT_NS).expect("is stopped");
        outgoing.resume(token);
        core::mem::forget(outgoing);
        token
    });
    let [Request::DomainFreeze(freeze), Request::DomainThaw(thaw)] = calls[..] else {
        panic!("{calls:?}");
    };
    let deadlines_ns = began_ns + LIMIT_NS..=runtime::clock::now_ns() + LIMIT_NS;
    assert!(deadlines_ns.contains(&freeze.deadline), "{freeze:?}");
    assert_eq!(thaw.token, token);
}

/// Sends a complete round; returns whether it described the domain.
fn send_round(kernel: fn(&Request) -> CallResult) -> Result<bool, CaptureError> {
    let (sent, _) = with_kernel(kernel, || {
        let (mut outgoing, mut out) = (outgoing(), Vec::new());
        outgoing.start_log(Vec::new())?;
        outgoing.begin_round();
        while outgoing.produce(&mut out)? {}
        outgoing.end_round(1, &mut out)?;
        Ok(outgoing.is_described)
    });
    sent
}

#[test]
fn a_domain_that_stays_frozen_for_long_enough_is_described() {
    assert_eq!(send_round(kernel), Ok(true));
}

#[test]
fn a_domain_frozen_by_another_or_thawed_too_soon_is_not_described_this_round() {
    let kernels: [fn(&Request) -> CallResult; 4] = [
        failing!(DomainFreeze, Error::InUse, kernel),
        failing!(DomainFreeze, Error::TimedOut, kernel),
        failing!(DomainThaw, Error::WrongState, kernel),
        failing!(DomainThaw, Error::InUse, kernel),
    ];
    for kernel in kernels {
        assert_eq!(send_round(kernel), Ok(false));
    }
}

#[test]
fn a_retired_domain_ends_the_move() {
    let sent = send_round(failing!(DomainFreeze, Error::WrongState, kernel));
    assert_eq!(sent, Err(CaptureError::Kernel(Error::WrongState)));
}

/// A freeze longer than any test.
const LONG_NS: u64 = u64::MAX;

/// Freezes a domain for this long and exports it; returns the calls too.
fn freeze_and_export(
    kernel: fn(&Request) -> CallResult,
    limit_ns: u64,
) -> (Result<Exported, CaptureError>, Vec<Request>) {
    with_kernel(kernel, || {
        let mut outgoing = outgoing();
        outgoing.freeze(limit_ns)?;
        outgoing.export()
    })
}

#[test]
fn an_export_of_a_domain_that_runs_again_reports_that_the_freeze_ended() {
    let kernels: [fn(&Request) -> CallResult; 2] = [
        failing!(DomainDescribe, Error::WrongState, kernel),
        failing!(DomainDescribe, Error::NotThere, kernel),
    ];
    for kernel in kernels {
        let (exported, _) = freeze_and_export(kernel, LONG_NS);
        assert_eq!(exported, Err(CaptureError::FreezeEnded));
    }
}

#[test]
fn a_domain_whose_freeze_has_ended_is_not_exported() {
    let (exported, calls) = freeze_and_export(kernel, 0);
    assert_eq!(exported, Err(CaptureError::FreezeEnded));
    let is_of_root = |call: &Request| matches!(call, Request::Call(_));
    assert!(!calls.iter().any(is_of_root), "its port stays open");
}

#[test]
fn any_failure_after_the_end_of_a_freeze_is_blamed_on_it() {
    let errors = [
        CaptureError::Root(RootError::Refused(Refusal::WrongState)),
        CaptureError::Inconsistent,
        CaptureError::Kernel(Error::InUse),
    ];
    let explain = |limit_ns, error| {
        let (explained, _) = with_kernel(kernel, || {
            let mut outgoing = outgoing();
            outgoing.freeze(limit_ns)?;
            Ok::<_, CaptureError>(outgoing.hand_over_error(error))
        });
        explained.expect("it was frozen")
    };
    for error in errors {
        assert_eq!(explain(0, error), CaptureError::FreezeEnded);
        assert_eq!(explain(LONG_NS, error), error);
    }
}

#[test]
fn reading_the_pages_of_a_domain_that_runs_again_reports_that_the_freeze_ended() {
    let kernel: fn(&Request) -> CallResult = failing!(DomainBeginLog, Error::NotThere, kernel);
    let (begun, _) = with_kernel(kernel, || {
        let mut outgoing = outgoing();
        outgoing.freeze(LONG_NS)?;
        outgoing.frozen = Some(frozen(&outgoing));
        outgoing.begin_freeze()
    });
    assert_eq!(begun, Err(CaptureError::FreezeEnded));
}

#[test]
fn the_state_of_a_frozen_domain_precedes_its_last_pages() {
    let (sent, _) = with_kernel(kernel, || {
        let (mut outgoing, mut out) = (outgoing(), Vec::new());
        outgoing.start_log(Vec::new())?;
        outgoing.freeze(LONG_NS)?;
        outgoing.export()?;
        outgoing.begin_freeze()?;
        let is_sent_before = outgoing.is_state_sent;
        outgoing.produce(&mut out)?;
        let is_sent_first = outgoing.is_state_sent;
        out.clear();
        outgoing.end_freeze(&mut out)?;
        Ok::<_, CaptureError>((is_sent_before, is_sent_first, out.len()))
    });
    let (is_sent_before, is_sent_first, rest) = sent.expect("sends");
    assert!(!is_sent_before && is_sent_first);
    // The head of the seal, its number and its checksum.
    assert!(rest < 100, "{rest} bytes: the state is sent once");
}

#[test]
fn the_steps_of_a_pause_are_followed_by_the_pages_that_were_sent() {
    let ([steps, again], _) = with_kernel(kernel, || {
        let mut outgoing = outgoing();
        outgoing.timeline.begin();
        outgoing.sent = SentPages {
            all: 17_574,
            in_pause: 62,
        };
        [outgoing.end_pause(), outgoing.end_pause()]
    });
    let steps = steps.expect("it was measured");
    assert!(steps.starts_with("await_activated "), "{steps}");
    assert!(steps.ends_with(" us, sent 62 of 17574 pages"), "{steps}");
    assert_eq!(again, None);
}

/// A frozen domain with one listed Memory.
fn frozen(outgoing: &Outgoing) -> Frozen {
    let parts = Parts {
        identity: outgoing.identity.clone(),
        clock: Clock { domain_ns: 0 },
        slot_count: 0,
        wake: None,
        threads: BTreeMap::new(),
        exports: Vec::new(),
    };
    let nothing = Listing::default();
    let described = describe(&nothing, &Names::new(), &mut Numbering::default(), parts);
    let mut read = Read::default();
    (read.listing.domain, read.listing.pool) = (ObjectId(1), ObjectId(2));
    read.listing.objects.push(ObjectRecord {
        size: 8,
        ..object(3, ObjectKind::Memory)
    });
    let description = described.expect("describes nothing");
    Frozen { read, description }
}
