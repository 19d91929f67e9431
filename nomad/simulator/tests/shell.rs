//! The shell on one fake machine, in situations that the simulation does not reach.

use std::collections::BTreeMap;

use identity::{Digest, DomainId, Incarnation, Name};
use nomad_client::{Command, Event as Reported, RequestId};
use nomad_protocol::planner::Goals;
use nomad_protocol::{
    AbortReason, Attempt, BootId, CpuFeatures, Envelope, Fleet, Instant, LifeId, MachineId,
    Message, Offer, Presence, Record, RecordedProgress, Sizes, Step, StreamHeader, Timing,
    TransactionId, Turn, Versions,
};
use nomad_shell::pages::SegmentRejected;
use nomad_shell::{Output, StableStorage};
use nomad_simulator::faults::{RootCall, RootFault};
use nomad_simulator::hardware::Parts;
use nomad_simulator::machine::{Common, DOMAIN, Machine, Mutant, hardware, machine_id};
use nomad_simulator::root::Restart;
use service_protocol::root::DomainState;

const HERE: usize = 0;
const PEER: usize = 1;
const MOVE: TransactionId = TransactionId(7);

/// A machine of a fleet of three; `runs`: the domain runs on it.
fn machine(runs: bool, homes: BTreeMap<usize, Restart>) -> Machine {
    let mut hardware = hardware(Parts {
        number: HERE,
        pool_pages: 100,
        homes,
        freeze_us: 1_000_000,
        copy_pages: 4,
        record_slots: 8,
        mutant: Mutant::None,
    });
    if runs {
        assert!(hardware.create(DOMAIN, 4));
    }
    let common = Common {
        machines: 3,
        timing: Timing::STANDARD,
        goals: Goals::default(),
    };
    Machine::new(common, hardware, 0, now())
}

fn now() -> Instant {
    Instant::from_us(5)
}

fn fleet() -> Fleet {
    Fleet::new((0..3).map(machine_id))
}

fn name() -> Name {
    Name::try_new("domain-1").expect("a name")
}

/// The machine's replies to a message of another one.
fn answers(machine: &mut Machine, from: usize, message: Message) -> Vec<Message> {
    let boot = BootId(from as u64);
    let bytes = Envelope { boot, message }.encode();
    machine
        .shell
        .handle_datagram(now(), machine_id(from), &bytes);
    outputs(machine, |output| match output {
        Output::Send { to, bytes } if to == machine_id(from) => {
            let envelope = Envelope::decode(&bytes).expect("its own messages decode");
            Some(envelope.message)
        }
        _ => None,
    })
}

fn outputs<T>(machine: &mut Machine, pick: impl Fn(Output) -> Option<T>) -> Vec<T> {
    let outputs = std::iter::from_fn(|| machine.shell.poll(now()));
    outputs.filter_map(pick).collect()
}

fn state(machine: &Machine) -> DomainState {
    machine.hardware().root.entries[&0].state
}

#[test]
fn a_machine_with_a_younger_copy_is_answered_only_when_the_older_one_is_stopped() {
    let mut machine = machine(true, BTreeMap::new());
    machine.hardware_mut().root_faults.push(RootFault {
        machine: HERE,
        call: RootCall::Outlive,
        times: 1,
    });
    let activated = Step::Activated {
        domain: DOMAIN,
        incarnation: Incarnation(1),
    };
    let activated = Message::Transaction(MOVE, activated);
    assert_eq!(answers(&mut machine, PEER, activated.clone()), []);
    assert!(machine.hardware().runs(0));
    let unknown = Message::Transaction(MOVE, Step::Unknown);
    assert_eq!(answers(&mut machine, PEER, activated), [unknown]);
    assert!(!machine.hardware().runs(0));
    assert_eq!(state(&machine), DomainState::Outlived);
}

#[test]
fn a_leaving_domain_counts_as_running_for_its_home() {
    let mut machine = machine(true, BTreeMap::new());
    let root = &mut machine.hardware_mut().root;
    root.export(0, now()).expect("it runs");
    let asks = Message::Query(name(), Turn(3), fleet().id());
    let holds = Presence::Present {
        incarnation: Incarnation(0),
        runs: true,
    };
    let expected = Message::QueryReply(name(), Turn(3), holds);
    assert_eq!(answers(&mut machine, PEER, asks), [expected]);
}

/// It would start the domain although a machine that it does not ask has it.
#[test]
fn a_home_with_another_fleet_is_not_answered() {
    let mut machine = machine(false, BTreeMap::new());
    let asks = |fleet: Fleet| Message::Query(name(), Turn(3), fleet.id());
    let smaller = Fleet::new([HERE, PEER].map(machine_id));
    assert_eq!(answers(&mut machine, PEER, asks(smaller)), []);
    assert_eq!(answers(&mut machine, PEER, asks(fleet())).len(), 1);
}

#[test]
fn a_domain_that_came_and_left_is_started_again_unasked_only_if_its_manifest_wants_that() {
    for (restart, expected) in [
        (Restart::Never, DomainState::Away),
        (Restart::Always, DomainState::Waiting),
    ] {
        let mut machine = machine(false, BTreeMap::from([(0, restart)]));
        let root = &mut machine.hardware_mut().root;
        root.admit(0, DOMAIN, 4);
        root.adopt(0, Incarnation(2));
        root.leave(0);
        assert_eq!(state(&machine), expected);
    }
}

/// Its own move here is not over, but it is stopped.
#[test]
fn an_outlived_copy_that_arrived_here_counts_as_stopped_for_other_machines() {
    let mut machine = machine(true, BTreeMap::new());
    machine.hardware_mut().write_record(&Record {
        transaction: MOVE,
        peer: machine_id(PEER),
        offer: offer(DOMAIN),
        progress: RecordedProgress::DestinationActivated {
            peer_boot: BootId(PEER as u64),
        },
    });
    let mut machine = machine.crash_nomad(now());
    let activated = Step::Activated {
        domain: DOMAIN,
        incarnation: Incarnation(9),
    };
    answers(
        &mut machine,
        PEER,
        Message::Transaction(TransactionId(8), activated),
    );
    assert_eq!(state(&machine), DomainState::Outlived);
    let entries = machine.shell.moves.ledger.entries();
    assert_eq!(entries.filter(|entry| entry.is_about_to_run).count(), 1);
    let holds = Presence::Present {
        incarnation: Incarnation(0),
        runs: false,
    };
    let expected = Message::QueryReply(name(), Turn(3), holds);
    let asks = Message::Query(name(), Turn(3), fleet().id());
    assert_eq!(answers(&mut machine, PEER, asks)[0], expected);
}

fn offer(domain: DomainId) -> Offer {
    Offer {
        domain,
        incarnation: Incarnation(0),
        name: name(),
        sizes: Sizes {
            pool_bytes: 4 * 4096,
            pages: 4,
            threads: 1,
            slots: 1,
        },
        versions: Versions { image: 1, abi: 1 },
        cpu: CpuFeatures::default(),
        fleet: fleet().id(),
    }
}

/// A machine that receives a domain of `PEER`.
fn destination() -> Machine {
    let mut machine = machine(false, BTreeMap::new());
    let offer = Message::Transaction(MOVE, Step::Offer(offer(DomainId(1))));
    let admitted = answers(&mut machine, PEER, offer);
    assert_eq!(admitted, [Message::Transaction(MOVE, Step::Admit)]);
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
fn a_transaction_has_one_page_stream_from_its_source() {
    let shell = &mut destination().shell;
    let (peer, third) = (machine_id(PEER), machine_id(2));
    assert_eq!(
        shell.begin_segment(third, None, &round(MOVE)),
        Err(SegmentRejected)
    );
    assert_eq!(shell.begin_segment(peer, None, &round(MOVE)), Ok(MOVE));
    assert_eq!(
        shell.begin_segment(peer, None, &round(MOVE)),
        Err(SegmentRejected)
    );
    assert_eq!(
        shell.begin_segment(peer, Some(MOVE), &round(MOVE)),
        Ok(MOVE)
    );
    let other = Some(TransactionId(8));
    assert_eq!(
        shell.begin_segment(peer, other, &round(MOVE)),
        Err(SegmentRejected)
    );
}

#[test]
fn a_destination_that_gives_up_takes_no_more_pages() {
    let mut machine = destination();
    let peer = machine_id(PEER);
    let freeze = StreamHeader::Freeze {
        transaction: MOVE,
        attempt: Attempt::FIRST,
        digest: Digest([0; 32]),
        rounds: 0,
        pages: 4,
    };
    assert_eq!(machine.shell.begin_segment(peer, None, &freeze), Ok(MOVE));
    let abort = Step::Abort(AbortReason::Cancelled);
    answers(&mut machine, PEER, Message::Transaction(MOVE, abort));
    let known = Some(MOVE);
    assert_eq!(
        machine.shell.begin_segment(peer, known, &freeze),
        Err(SegmentRejected)
    );
}

const OPERATOR: RequestId = RequestId(1);

/// The machine's events in reply to an operator's command.
fn reply(machine: &mut Machine, command: &str) -> Vec<Reported> {
    let command = command.parse().expect("a command");
    machine.shell.handle_command(now(), OPERATOR, command);
    events(machine, now())
}

/// The events for the operator by this time, after which no other machine has the domain in both turns of its roll call.
fn events(machine: &mut Machine, now: Instant) -> Vec<Reported> {
    let mut events = Vec::new();
    machine.shell.handle_timeout(now);
    while let Some(output) = machine.shell.poll(now) {
        match output {
            Output::Event(OPERATOR, event) => events.push(event),
            Output::Send { to, bytes } => answer_query(machine, now, to, &bytes),
            _ => {}
        }
    }
    events
}

/// Another machine answers a query: it has no such domain.
fn answer_query(machine: &mut Machine, now: Instant, from: MachineId, bytes: &[u8]) {
    let query = Envelope::decode(bytes).expect("its own messages decode");
    if let Message::Query(name, turn, _) = query.message {
        let life = LifeId(7);
        let presence = Presence::Absent { life, activated: 0 };
        let message = Message::QueryReply(name, turn, presence);
        let boot = BootId(7);
        let bytes = Envelope { boot, message }.encode();
        machine.shell.handle_datagram(now, from, &bytes);
    }
}

#[test]
fn a_stopped_domain_gives_its_memory_back_and_stays_stopped_until_an_operator_starts_it() {
    let mut machine = machine(true, BTreeMap::from([(0, Restart::Always)]));
    let free_pages = machine.hardware().kernel.free_pages;
    let stopped = [Reported::Stopped(name()), Reported::Done];
    assert_eq!(reply(&mut machine, "stop domain-1"), stopped);
    assert_eq!(machine.hardware().kernel.free_pages, free_pages + 4);
    for seconds in 1..10 {
        events(&mut machine, now().after_us(seconds * 1_000_000));
    }
    assert_eq!(state(&machine), DomainState::Away);
    let started = [Reported::Started(name()), Reported::Done];
    assert_eq!(reply(&mut machine, "start domain-1"), started);
    assert!(machine.hardware().runs(0));
}

#[test]
fn a_restarted_domain_runs_afresh_after_every_machine_was_asked() {
    let mut machine = machine(true, BTreeMap::from([(0, Restart::Never)]));
    let before = machine.hardware().root.entries[&0].id;
    let started = [Reported::Started(name()), Reported::Done];
    assert_eq!(reply(&mut machine, "restart domain-1"), started);
    assert_ne!(machine.hardware().root.entries[&0].id, before);
    assert!(machine.hardware().runs(0));
}

#[test]
fn the_operator_of_a_domain_that_waits_for_a_silent_machine_learns_which() {
    let mut machine = machine(true, BTreeMap::from([(0, Restart::Never)]));
    let command = Command::Restart(name());
    machine.shell.handle_command(now(), OPERATOR, command);
    let later = now().after_us(60_000_000);
    machine.shell.handle_timeout(now());
    machine.shell.handle_timeout(later);
    let outputs = std::iter::from_fn(|| machine.shell.poll(later));
    let event = |output| match output {
        Output::Event(OPERATOR, event) => Some(event.to_string()),
        _ => None,
    };
    let events: Vec<String> = outputs.filter_map(event).collect();
    assert!(
        events.len() == 1 && events[0].contains("does not answer"),
        "{events:?}"
    );
    assert_eq!(state(&machine), DomainState::Waiting);
}

#[test]
fn only_its_home_restarts_a_domain() {
    let mut machine = machine(true, BTreeMap::new());
    let events = reply(&mut machine, "restart domain-1");
    assert!(
        events[0].to_string().contains("at home on another machine"),
        "{events:?}"
    );
    assert!(machine.hardware().runs(0));
    reply(&mut machine, "stop domain-1");
    assert!(!machine.hardware().has(0));
}
