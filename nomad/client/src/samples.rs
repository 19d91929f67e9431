//! Events of every kind for the tests, each as large as it can be.

use alloc::vec;
use alloc::vec::Vec;
use core::net::Ipv4Addr;

use abi::ObjectKind;
use abi::register::ObjectId;
use identity::{DomainId, Incarnation, Name};
use nomad_image::{Judgement, Role, Subject, Verdict};
use nomad_protocol::planner::{Progress, RoundProgress, Throttle};
use nomad_protocol::{
    AbortReason, Cancelled, Doubt, Force, Notice, PhaseName, Refusal, Side, TransactionId,
};
use service_protocol::journal::LINE_BYTES_MAX;
use service_protocol::root::{DomainRecord, DomainState, MemoryRecord};

use crate::event::{
    AddressOrigin, DrainStage, DrainStatus, Event, Finding, HomeStatus, LastCopy, Location,
    LogLine, MachineReport, MemoryStatus, REASON_BYTES_MAX, REPORTS_MAX, Stay, TransactionStatus,
};

/// The longest name.
pub fn name() -> Name {
    Name::try_new("exactly-twenty-four-byte").expect("a name")
}

/// A machine of the fleet, as an event that does not end a reply.
pub fn machine() -> Event {
    Event::Machine {
        name: name(),
        address: Some(Ipv4Addr::BROADCAST),
        origin: AddressOrigin::Unknown,
        double: Some(Ipv4Addr::BROADCAST),
    }
}

/// One event of every kind.
pub fn events() -> Vec<Event> {
    let progress = Progress {
        rounds: u32::MAX,
        pages_sent: u64::MAX,
        pages_remaining: u64::MAX,
        bytes_per_second: Some(u64::MAX),
        dirty_pages_per_second: Some(u64::MAX),
        downtime_estimate_us: Some(u64::MAX),
        wire_bytes: u64::MAX,
        elapsed_us: u64::MAX,
        throttle: Throttle::MAX,
    };
    let mut events = vec![
        domain(),
        transaction(),
        home(Location::Held {
            by: Some(Ipv4Addr::BROADCAST),
            incarnation: Incarnation(u64::MAX),
            runs: false,
        }),
        home(Location::Lost),
        home(Location::Unknown(vec![
            MachineReport {
                address: Some(Ipv4Addr::BROADCAST),
                guest: Some(name()),
                finding: Finding::Silent,
            };
            REPORTS_MAX
        ])),
        machine(),
        verdict(),
        Event::Omitted(u64::MAX),
        memory(),
        Event::Moving {
            domain: name(),
            to: Ipv4Addr::BROADCAST,
            transaction: TransactionId(u128::MAX),
        },
        Event::Cancelled(name(), Cancelled::IfNotTooLate),
        Event::Received(name()),
        Event::Stopped(name()),
        Event::Removed(name()),
        Event::Log(LogLine {
            number: u64::MAX,
            dropped: u64::MAX,
            domain: name(),
            text: "x".repeat(LINE_BYTES_MAX),
        }),
        Event::Draining(DrainStatus {
            machine: name(),
            to: Some(name()),
            stage: DrainStage::Over,
            moved: u32::MAX,
            staying: u32::MAX,
        }),
        Event::DrainMove {
            domain: name(),
            notice: Notice::Progress(progress),
        },
        Event::DrainMove {
            domain: name(),
            notice: Notice::Finished,
        },
        Event::Undrained(name()),
        Event::Lost(name(), DomainState::Outlived),
        Event::Rebooting(name()),
        Event::Started(name()),
        Event::Forced {
            domain: name(),
            force: Force::RunHere,
            settled: Some(Doubt::Silent),
        },
        Event::Done,
        Event::failed("x".repeat(2 * REASON_BYTES_MAX)),
        Event::rejected(Some(name()), "x".repeat(2 * REASON_BYTES_MAX)),
    ];
    let notices = [
        Notice::Phase(PhaseName::Finished),
        Notice::Progress(progress),
        Notice::Round(RoundProgress {
            round: u32::MAX,
            pages_sent: u64::MAX,
            pages: u64::MAX,
            wire_bytes: u64::MAX,
            wire_bytes_per_second: u64::MAX,
            elapsed_us: u64::MAX,
        }),
        Notice::Received {
            rounds: u32::MAX,
            pages: u64::MAX,
        },
        Notice::Committed,
        Notice::Declined(AbortReason::StreamBroken),
        Notice::Activated,
        Notice::Lost(AbortReason::StreamBroken),
        Notice::InDoubt(Doubt::NotReleased),
        Notice::Aborted(AbortReason::NomadRestarted {
            on: Side::Destination,
        }),
        Notice::Aborted(AbortReason::TimedOut { after_us: u64::MAX }),
        Notice::Aborted(AbortReason::NotConverging {
            rounds: u32::MAX,
            pages_remaining: u64::MAX,
        }),
        Notice::Finished,
    ];
    events.extend(notices.map(Event::Move));
    events.extend(stays().map(|reason| Event::Stays {
        domain: name(),
        reason,
    }));
    events
}

/// A reason of every kind for which a domain stays.
fn stays() -> [Stay; 10] {
    let refusal = Refusal::Draining { machine: name() };
    [
        Stay::NotMovable,
        Stay::Held(held()),
        Stay::NoMachine,
        Stay::Failed {
            to: name(),
            reason: AbortReason::Refused(refusal),
        },
        Stay::Declined {
            by: name(),
            reason: AbortReason::StreamBroken,
        },
        Stay::Cancelled,
        Stay::Faulted,
        Stay::Outlived,
        Stay::InDoubt(Doubt::NotReleased),
        Stay::Error("x".repeat(REASON_BYTES_MAX)),
    ]
}

fn domain() -> Event {
    Event::Domain(DomainRecord {
        name: name(),
        id: DomainId(u128::MAX),
        state: DomainState::Outlived,
        incarnation: Incarnation(u64::MAX),
        movable: true,
        is_part_of_machine: true,
        spent_pages: u64::MAX,
        pool_pages: u64::MAX,
        home: Some(name()),
        has_package: true,
        guest: Some(name()),
    })
}

fn transaction() -> Event {
    Event::Transaction(TransactionStatus {
        transaction: TransactionId(u128::MAX),
        domain: name(),
        side: Side::Destination,
        phase: PhaseName::InDoubt,
        peer: Some(Ipv4Addr::BROADCAST),
        doubt: Some(Doubt::SourceRestarted),
    })
}

fn home(location: Location) -> Event {
    Event::Home(HomeStatus {
        domain: name(),
        location,
        last: Some(LastCopy {
            by: Some(Ipv4Addr::BROADCAST),
            incarnation: Incarnation(u64::MAX),
        }),
    })
}

fn verdict() -> Event {
    Event::Verdict(held())
}

fn held() -> Verdict {
    Verdict {
        subject: Subject::Held(ObjectId(u64::MAX), Role::Pager),
        kind: Some(ObjectKind::Endpoint),
        judgement: Judgement::Rebind(name()),
    }
}

fn memory() -> Event {
    Event::Memory(MemoryStatus {
        machine: MemoryRecord {
            spent_pages: u64::MAX,
            pool_pages: u64::MAX,
            pages_being_freed: u64::MAX,
            heap_growth_pages: u64::MAX,
            heap_free: u64::MAX,
            switch_heap_free: u64::MAX,
        },
        nomad_heap_free: u64::MAX,
        nomad_heap_free_min: u64::MAX,
    })
}
