//! The shell on one fake machine, in situations that the simulation does not reach.

mod drain;
mod force;
mod found;
mod guests;
mod lifecycle;
mod page_stream;
mod restart;
mod round_reports;
mod scene;

use std::collections::{BTreeMap, BTreeSet};

use identity::{DomainId, Incarnation, Name};
use nomad_channel::Encounter;
use nomad_protocol::planner::Goals;
use nomad_protocol::{
    BootId, Envelope, Fleet, Instant, Message, Offer, Presence, Record, RecordedProgress, Sizes,
    Step, Timing, TransactionId, Turn, samples,
};
use nomad_shell::{Output, StableStorage};
use nomad_simulator::faults::{RootCall, RootFault};
use nomad_simulator::hardware::{Parts, domain_number};
use nomad_simulator::machine::{
    Common, DOMAIN, Discovery, Machine, Mutant, address, domain_name, hardware, machine_id,
};
use nomad_simulator::root::Restart;
use service_protocol::root::DomainState;

const HERE: usize = 0;
const PEER: usize = 1;
const MOVE: TransactionId = TransactionId(7);

/// A machine of a fleet of three that has known the others for some time; `runs`: the domain runs on it.
fn machine(runs: bool, homes: BTreeMap<usize, Restart>) -> Machine {
    let mut machine = fresh(runs, homes);
    for other in (0..3).filter(|other| *other != HERE) {
        let met = Encounter::Met(machine_id(other), BootId(7));
        let shell = &mut machine.shell;
        shell.handle_encounter(Instant::from_us(0), address(other), met);
    }
    machine
}

/// The same, but the machine has just started.
fn fresh(runs: bool, homes: BTreeMap<usize, Restart>) -> Machine {
    let mut hardware = hardware(Parts {
        number: HERE,
        pool_pages: 100,
        homes,
        freeze_us: 1_000_000,
        copy_pages: 4,
        record_slots: 8,
        home_names: BTreeMap::new(),
        packages: BTreeSet::new(),
        is_guest: false,
        mutant: Mutant::None,
    });
    if runs {
        assert!(hardware.create(DOMAIN, 4));
    }
    let common = Common {
        machines: 3,
        guests: 0,
        timing: Timing::STANDARD,
        goals: Goals::default(),
        discovery: Discovery::ManifestAndHellos,
    };
    Machine::new(common, hardware, 0, now())
}

fn now() -> Instant {
    Instant::from_us(1_000_000)
}

fn fleet() -> Fleet {
    Fleet::new((0..3).map(machine_id))
}

fn name() -> Name {
    domain_name(0)
}

fn offer(domain: DomainId) -> Offer {
    Offer {
        domain,
        name: domain_name(domain_number(domain)),
        sizes: Sizes {
            pool_bytes: 4 * 4096,
            pages: 4,
            threads: 1,
            slots: 1,
        },
        fleet: fleet().id(),
        ..samples::offer()
    }
}

/// The machine's replies to a message of another one.
fn replies(machine: &mut Machine, from: usize, message: Message) -> Vec<Message> {
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
fn a_machine_with_a_younger_copy_gets_a_reply_only_when_the_older_one_is_stopped() {
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
    assert_eq!(replies(&mut machine, PEER, activated.clone()), []);
    assert!(machine.hardware().runs(0));
    let unknown = Message::Transaction(MOVE, Step::Unknown);
    assert_eq!(replies(&mut machine, PEER, activated), [unknown]);
    assert!(!machine.hardware().runs(0));
    assert_eq!(state(&machine), DomainState::Outlived);
}

#[test]
fn a_leaving_domain_counts_as_running_for_its_home() {
    let mut machine = machine(true, BTreeMap::new());
    let root = &mut machine.hardware_mut().root;
    root.export(0, now()).expect("it runs");
    let query = Message::Query(name(), Turn(3), fleet().id());
    let holds = Presence::Present {
        incarnation: Incarnation(0),
        runs: true,
    };
    let expected = Message::QueryReply(name(), Turn(3), holds);
    assert_eq!(replies(&mut machine, PEER, query), [expected]);
}

/// Such a home could start the domain although a machine that it does not query has it.
#[test]
fn a_home_with_another_fleet_gets_no_reply() {
    let mut machine = machine(false, BTreeMap::new());
    let query = |fleet: Fleet| Message::Query(name(), Turn(3), fleet.id());
    let smaller = Fleet::new([HERE, PEER].map(machine_id));
    assert_eq!(replies(&mut machine, PEER, query(smaller)), []);
    assert_eq!(replies(&mut machine, PEER, query(fleet())).len(), 1);
}

#[test]
fn a_domain_that_came_and_left_is_started_again_by_itself_only_if_its_manifest_says_so() {
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

/// The move that brought the copy is not over, but the copy is stopped.
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
    let (mut machine, _) = machine.crash_nomad(Instant::from_us(0));
    let met = Encounter::Met(machine_id(PEER), BootId(7));
    machine
        .shell
        .handle_encounter(Instant::from_us(0), address(PEER), met);
    let activated = Step::Activated {
        domain: DOMAIN,
        incarnation: Incarnation(9),
    };
    replies(
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
    let query = Message::Query(name(), Turn(3), fleet().id());
    assert_eq!(replies(&mut machine, PEER, query)[0], expected);
}
