//! Segments of page streams on one fake machine that receives a domain.

use std::collections::BTreeMap;

use identity::{DomainId, Incarnation, Name};
use nomad_protocol::planner::Goals;
use nomad_protocol::{
    BootId, CpuFeatures, DestinationEvent, Envelope, Event, Fleet, Instant, LocalFailure, Message,
    Offer, Sizes, Step, StreamHeader, Timing, TransactionId, Versions,
};
use nomad_shell::pages::SegmentRejected;
use nomad_simulator::faults::{LocalFault, LocalStep};
use nomad_simulator::hardware::Parts;
use nomad_simulator::machine::{Common, Machine, Mutant, hardware, machine_id};

const HERE: usize = 0;
const PEER: usize = 1;
const THIRD: usize = 2;
const MOVE: TransactionId = TransactionId(7);
const OTHER: TransactionId = TransactionId(8);

fn now() -> Instant {
    Instant::from_us(5)
}

/// A machine of a fleet of three without a domain.
fn machine() -> Machine {
    let parts = Parts {
        number: HERE,
        pool_pages: 100,
        homes: BTreeMap::new(),
        freeze_us: 1_000_000,
        copy_pages: 4,
        record_slots: 8,
        mutant: Mutant::None,
    };
    let common = Common {
        machines: 3,
        timing: Timing::STANDARD,
        goals: Goals::default(),
    };
    Machine::new(common, hardware(parts), 0, now())
}

fn offer(domain: u128) -> Offer {
    Offer {
        domain: DomainId(domain),
        incarnation: Incarnation(0),
        name: Name::try_new(&format!("domain-{domain}")).expect("a name"),
        sizes: Sizes {
            pool_bytes: 4 * 4096,
            pages: 4,
            threads: 1,
            slots: 1,
        },
        versions: Versions { image: 1, abi: 1 },
        cpu: CpuFeatures::default(),
        fleet: Fleet::new((0..3).map(machine_id)).id(),
    }
}

/// A machine that receives a domain of the peer and another one of the third machine.
fn destination() -> Machine {
    let mut machine = machine();
    for (from, transaction, domain) in [(PEER, MOVE, 1), (THIRD, OTHER, 2)] {
        let envelope = Envelope {
            boot: BootId(from as u64),
            message: Message::Transaction(transaction, Step::Offer(offer(domain))),
        };
        let bytes = envelope.encode();
        let shell = &mut machine.shell;
        shell.handle_datagram(now(), machine_id(from), &bytes);
        while shell.poll(now()).is_some() {}
    }
    machine
}

fn round(transaction: TransactionId) -> StreamHeader {
    StreamHeader::Round {
        transaction,
        number: 0,
        pages: 4,
    }
}

#[test]
fn a_machine_sends_pages_only_for_its_own_moves() {
    for known in [None, Some(MOVE)] {
        let shell = &mut destination().shell;
        let mut begins = |from| shell.begin_segment(machine_id(from), known, &round(MOVE));
        assert_eq!(begins(THIRD), Err(SegmentRejected), "{known:?}");
        assert_eq!(begins(PEER), Ok(MOVE), "{known:?}");
    }
}

#[test]
fn a_stream_stays_with_the_move_that_it_began_with() {
    let shell = &mut destination().shell;
    let third = machine_id(THIRD);
    assert_eq!(shell.begin_segment(third, None, &round(OTHER)), Ok(OTHER));
    let mut goes_on = |transaction| shell.begin_segment(third, Some(OTHER), &round(transaction));
    assert_eq!(goes_on(MOVE), Err(SegmentRejected));
    assert_eq!(goes_on(OTHER), Ok(OTHER));
}

#[test]
fn a_domain_is_built_on_trial_when_a_round_is_whole() {
    let mut machine = destination();
    let received = DestinationEvent::RoundReceived {
        number: 0,
        pages: 4,
    };
    let ended = machine.shell.end_segment(&round(MOVE));
    assert_eq!(ended, Ok(Event::Destination(received)));
    let failure = LocalFailure::NoMemory;
    machine.hardware_mut().local.push(LocalFault {
        machine: HERE,
        step: LocalStep::TrialBuild,
        failure,
        times: 1,
    });
    assert_eq!(machine.shell.end_segment(&round(MOVE)), Err(failure));
}
