//! Verdicts on a domain that runs while it is listed.

use abi::record::{CURSOR_END, CapabilityRecord, List, ObjectRecord};
use abi::register::{ObjectId, Slot};
use abi::{Error, ObjectKind, Request};
use nomad_image::Refusal;
use runtime::Cap;
use runtime::host::{CallResult, DONE, with_kernel, write_message_data};
use runtime::protocol::root;

use super::*;
use crate::samples::{self, failing, object, refused};

/// The Endpoint of the domain, which is object 1 and has object 2 as its pool.
const ENDPOINT: u64 = 3;

/// A domain that made an object after its objects had been listed and before its capabilities were listed.
fn found() -> Found {
    let mut read = Read::default();
    (read.listing.domain, read.listing.pool) = (ObjectId(1), ObjectId(2));
    read.listing.capabilities.push(capability());
    samples::found(read)
}

fn capability() -> CapabilityRecord {
    CapabilityRecord {
        slot: 20,
        kind: ObjectKind::Endpoint as u64,
        object: ENDPOINT,
        ..CapabilityRecord::default()
    }
}

/// A kernel whose domain consists of these objects and that capability, and a root that knows no names.
fn lists(request: &Request, objects: &[ObjectRecord]) -> CallResult {
    let records = match request {
        Request::Call(_) => return refused(root::Refusal::NoSuchObject),
        Request::DomainDescribe(call) if call.list == List::Objects => {
            objects.iter().map(ObjectRecord::to_words).collect()
        }
        Request::DomainDescribe(call) if call.list == List::Capabilities => {
            Vec::from([capability().to_words()])
        }
        Request::DomainDescribe(_) => Vec::new(),
        _ => return DONE,
    };
    let words = records.as_flattened().iter();
    let bytes: Vec<u8> = words.flat_map(|word| word.to_le_bytes()).collect();
    write_message_data(&bytes);
    Ok([records.len() as u64, CURSOR_END, 0, 0, 0, 0, 0, 0])
}

/// A kernel whose domain has the Endpoint.
fn consistent(request: &Request) -> CallResult {
    let objects = [
        object(2, ObjectKind::Pool),
        object(1, ObjectKind::Domain),
        object(ENDPOINT, ObjectKind::Endpoint),
    ];
    lists(request, &objects)
}

/// A kernel whose domain has no such Endpoint.
fn foreign(request: &Request) -> CallResult {
    let objects = [object(2, ObjectKind::Pool), object(1, ObjectKind::Domain)];
    lists(request, &objects)
}

/// The refusals, and all calls.
fn refusals(
    kernel: fn(&Request) -> CallResult,
) -> (Result<Vec<Refusal>, CaptureError>, Vec<Request>) {
    let (judged, calls) = with_kernel(kernel, || {
        let root = Root::new(Cap::from_slot(Slot(1)));
        let mut found = found();
        let verdicts = found.judge(root)?;
        Ok(verdicts.iter().filter_map(Verdict::refusal).collect())
    });
    (judged, calls)
}

#[test]
fn an_object_that_a_running_domain_creates_while_it_is_listed_is_not_refused() {
    let (judged, calls) = refusals(consistent);
    assert_eq!(judged, Ok(Vec::new()));
    let at = |is_it: fn(&Request) -> bool| calls.iter().position(is_it).expect("was called");
    let frozen = at(|call| matches!(call, Request::DomainFreeze(_)));
    let listed = at(|call| matches!(call, Request::DomainDescribe(_)));
    let thawed = at(|call| matches!(call, Request::DomainThaw(_)));
    assert!(frozen < listed && listed < thawed, "{calls:?}");
    let last = calls
        .iter()
        .rposition(|call| matches!(call, Request::DomainDescribe(_)));
    assert!(last < Some(thawed), "all of it while it is frozen");
}

#[test]
fn a_foreign_object_of_a_frozen_domain_is_refused() {
    assert_eq!(refusals(foreign).0, Ok([Refusal::StaysBehind].into()));
}

#[test]
fn a_domain_that_cannot_be_frozen_is_judged_as_it_was_listed() {
    let kernels: [fn(&Request) -> CallResult; 4] = [
        failing!(DomainFreeze, Error::InUse, consistent),
        failing!(DomainFreeze, Error::TimedOut, consistent),
        failing!(DomainFreeze, Error::WrongState, consistent),
        failing!(DomainThaw, Error::WrongState, consistent),
    ];
    for kernel in kernels {
        assert_eq!(refusals(kernel).0, Ok([Refusal::StaysBehind].into()));
    }
}

#[test]
fn a_domain_that_is_not_refused_is_not_frozen() {
    let (judged, calls) = with_kernel(consistent, || {
        let root = Root::new(Cap::from_slot(Slot(1)));
        let mut found = found();
        let endpoint = object(ENDPOINT, ObjectKind::Endpoint);
        found.read.listing.objects.push(endpoint);
        let verdicts = found.judge(root);
        verdicts.map(|verdicts| verdicts.len())
    });
    assert_eq!(judged, Ok(2));
    let is_freeze = |call: &Request| matches!(call, Request::DomainFreeze(_));
    assert!(!calls.iter().any(is_freeze), "{calls:?}");
}

/// The error for a domain of which root reports this record, and gives no capability.
fn error_of(change: fn(&mut DomainRecord)) -> CaptureError {
    let (mut record, _) = with_kernel(consistent, || found().record);
    change(&mut record);
    obstacle(&record)
}

#[test]
fn only_a_domain_that_the_manifest_keeps_is_pinned() {
    let pinned = error_of(|record| (record.movable, record.state) = (false, DomainState::Away));
    assert_eq!(pinned, CaptureError::Pinned);
    let away = error_of(|record| record.state = DomainState::Away);
    assert_eq!(away, CaptureError::NotRunning(DomainState::Away));
    let waiting = error_of(|record| record.state = DomainState::Waiting);
    assert_eq!(waiting, CaptureError::NotRunning(DomainState::Waiting));
    let stopped = error_of(|record| (record.state, record.pool_pages) = (DomainState::Stopped, 0));
    assert_eq!(stopped, CaptureError::NotRunning(DomainState::Stopped));
    let faulted = error_of(|record| record.state = DomainState::Stopped);
    assert_eq!(faulted, CaptureError::Faulted);
}
