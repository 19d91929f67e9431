//! A drain, and its refusals. `restart` has a restart of the machine.

mod restart;

use std::collections::BTreeMap;

use nomad_client::event::{DrainStage, Stay};
use nomad_client::{Event as Reported, RequestId};
use nomad_protocol::{
    AbortReason, BootId, Envelope, Instant, LifeId, MachineId, Message, PhaseName, Presence,
    Refusal, Step,
};
use nomad_shell::Output;
use nomad_simulator::faults::{RootCall, RootFault};
use nomad_simulator::machine::{DOMAIN, Machine, machine_id, machine_name};
use nomad_simulator::root::Restart;
use service_protocol::root::DomainState;

use super::{HERE, MOVE, PEER, fresh, machine, now, offer, replies, state};

const OPERATOR: RequestId = RequestId(1);
const OTHER: RequestId = RequestId(2);
const THIRD: usize = 2;

/// How the other machines reply to an offer.
type OfferReply = fn(MachineId) -> Option<Step>;

/// A conversation of the machine with its operators and the other machines.
struct Scene {
    machine: Machine,
    now: Instant,
    reply: OfferReply,
    /// The machines that were offered a domain, each once per offer's transaction.
    offered: Vec<MachineId>,
    /// Whether other machines reply to queries: they have no domain.
    has_replies: bool,
}

impl Scene {
    fn new(machine: Machine, reply: OfferReply) -> Scene {
        Scene {
            machine,
            now: now(),
            reply,
            offered: Vec::new(),
            has_replies: false,
        }
    }

    /// A machine that runs the domain.
    fn running(reply: OfferReply) -> Scene {
        Scene::new(machine(true, BTreeMap::new()), reply)
    }

    /// Sends a command, and returns the events for its operator.
    fn command(&mut self, from: RequestId, text: &str) -> Vec<Reported> {
        let command = text.parse().expect("a command");
        self.machine.shell.handle_command(self.now, from, command);
        self.events_for(from)
    }

    /// The events for an operator, without time passing.
    fn events_for(&mut self, operator: RequestId) -> Vec<Reported> {
        let events = self.events();
        let own = events.into_iter().filter(|(to, _)| *to == operator);
        own.map(|(_, event)| event).collect()
    }

    /// Handles everything that is due at once.
    fn events(&mut self) -> Vec<(RequestId, Reported)> {
        let mut events = Vec::new();
        while let Some(output) = self.machine.shell.poll(self.now) {
            match output {
                Output::Event(to, event) => events.push((to, event)),
                Output::Send { to, bytes } => self.handle_message(to, &bytes),
                _ => {}
            }
        }
        events
    }

    fn handle_message(&mut self, to: MachineId, bytes: &[u8]) {
        let sent = Envelope::decode(bytes).expect("its own messages decode");
        let reply = match sent.message {
            Message::Transaction(transaction, Step::Offer(_)) => {
                if self.offered.last() != Some(&to) {
                    self.offered.push(to);
                }
                (self.reply)(to).map(|step| Message::Transaction(transaction, step))
            }
            Message::Query(name, turn, _) if self.has_replies => {
                let (life, activated) = (LifeId(7), 0);
                let presence = Presence::Absent { life, activated };
                Some(Message::QueryReply(name, turn, presence))
            }
            _ => None,
        };
        if let Some(message) = reply {
            let boot = BootId(7);
            let bytes = Envelope { boot, message }.encode();
            self.machine.shell.handle_datagram(self.now, to, &bytes);
        }
    }

    /// Lets time pass, and returns the events for the operator.
    fn pass(&mut self, seconds: u64) -> Vec<Reported> {
        let mut events = Vec::new();
        for _ in 0..10 * seconds {
            self.now = self.now.after_us(100_000);
            self.machine.shell.handle_timeout(self.now);
            events.extend(self.events_for(OPERATOR));
        }
        events
    }
}

fn refuses(_: MachineId) -> Option<Step> {
    Some(Step::Refuse(Refusal::RecordsFull))
}

fn is_silent(_: MachineId) -> Option<Step> {
    None
}

fn texts(events: &[Reported]) -> Vec<String> {
    events.iter().map(Reported::to_string).collect()
}

/// The reason the domain stays, from the events of a drain that failed.
fn stay(events: &[Reported]) -> &Stay {
    let [
        ..,
        Reported::Stays { reason, .. },
        Reported::Draining(status),
        Reported::Failed(text),
    ] = events
    else {
        panic!("it does not stay: {events:?}");
    };
    assert_eq!((status.stage, status.staying), (DrainStage::Over, 1));
    assert_eq!(text, "on m0 stay domain-1");
    reason
}

#[test]
fn a_domain_is_offered_to_every_other_machine_and_stays_if_all_refuse() {
    let mut scene = Scene::running(refuses);
    let events = scene.command(OPERATOR, "drain");
    assert_eq!(scene.offered, [PEER, THIRD].map(machine_id));
    let expected = Stay::Failed {
        to: machine_name(THIRD),
        reason: AbortReason::Refused(Refusal::RecordsFull),
    };
    assert_eq!(stay(&events), &expected, "{:?}", texts(&events));
    assert_eq!(state(&scene.machine), DomainState::Running);
}

#[test]
fn a_domain_is_offered_to_the_one_machine_that_is_named() {
    let mut scene = Scene::running(refuses);
    let events = scene.command(OPERATOR, "drain --to m2");
    assert_eq!(scene.offered, [machine_id(THIRD)]);
    assert!(matches!(stay(&events), Stay::Failed { .. }));
    let listed = texts(&scene.command(OPERATOR, "list"));
    let expected = "m0 is drained to m2: 0 moved, 1 stays";
    assert!(
        listed.iter().any(|line| line.contains(expected)),
        "{listed:?}"
    );
    let machines = texts(&scene.command(OPERATOR, "machines"));
    assert!(
        machines.iter().any(|line| line.contains(expected)),
        "{machines:?}"
    );
}

#[test]
fn machines_that_do_not_reply_are_tried_once() {
    let mut scene = Scene::running(is_silent);
    scene.command(OPERATOR, "drain");
    let events = scene.pass(30);
    let phase = PhaseName::Offer;
    let expected = Stay::Failed {
        to: machine_name(THIRD),
        reason: AbortReason::TooLong { phase },
    };
    assert_eq!(stay(&events), &expected);
    assert_eq!(scene.offered, [PEER, THIRD].map(machine_id));
}

#[test]
fn a_machine_with_nothing_to_move_is_drained_at_once() {
    let mut scene = Scene::new(machine(false, BTreeMap::new()), refuses);
    let events = texts(&scene.command(OPERATOR, "drain"));
    assert_eq!(
        events,
        [
            "m0 is draining: 0 moved, 0 stay",
            "m0 is drained: 0 moved, 0 stay; it admits no domain until `undrain` or a restart",
            "done"
        ]
    );
}

#[test]
fn refuses_a_destination_that_is_unknown_or_the_machine_itself() {
    for (command, reason) in [
        ("drain --to m9", "unknown machine m9"),
        ("drain --to m0", "m0 is the machine that is to be drained"),
        ("drain --to 10.77.0.1", "10.77.0.1 is the machine"),
        (
            "drain --to 10.77.0.9",
            "no machine of the fleet has the address",
        ),
        ("undrain", "m0 is not draining"),
    ] {
        let mut scene = Scene::running(refuses);
        let events = texts(&scene.command(OPERATOR, command));
        assert!(events[0].contains(reason), "{command}: {events:?}");
        assert!(scene.machine.shell.drain_status().is_none(), "{command}");
    }
}

#[test]
fn a_domain_that_may_not_move_stays_and_a_part_of_the_machine_is_not_mentioned() {
    for is_part_of_machine in [false, true] {
        let mut scene = Scene::running(refuses);
        let entries = &mut scene.machine.hardware_mut().root.entries;
        let entry = entries.get_mut(&0).expect("a domain");
        (entry.is_movable, entry.is_part_of_machine) = (false, is_part_of_machine);
        let events = scene.command(OPERATOR, "drain");
        assert_eq!(scene.offered, []);
        match is_part_of_machine {
            false => assert_eq!(stay(&events), &Stay::NotMovable),
            true => assert_eq!(events.last(), Some(&Reported::Done)),
        }
    }
}

#[test]
fn a_drained_machine_refuses_offers_by_its_name_until_the_drain_is_ended() {
    let mut machine = machine(false, BTreeMap::new());
    let offered = Message::Transaction(MOVE, Step::Offer(offer(DOMAIN)));
    let command = |machine: &mut Machine, text: &str| {
        let command = text.parse().expect("a command");
        machine.shell.handle_command(now(), OPERATOR, command);
    };
    command(&mut machine, "drain");
    let refusal = Refusal::Draining {
        machine: machine_name(HERE),
    };
    let refused = Message::Transaction(MOVE, Step::Refuse(refusal));
    assert_eq!(replies(&mut machine, PEER, offered.clone()), [refused]);
    assert!(machine.hardware().root.entries.is_empty());
    command(&mut machine, "undrain");
    let replies = replies(&mut machine, PEER, offered);
    let is_admitted = matches!(
        replies[..],
        [Message::Transaction(MOVE, Step::Admit { .. })]
    );
    assert!(is_admitted, "{replies:?}");
}

#[test]
fn a_restart_of_the_migration_server_ends_a_drain() {
    let mut scene = Scene::running(is_silent);
    scene.command(OPERATOR, "drain");
    assert!(scene.machine.shell.drain_status().is_some());
    let (machine, _) = scene.machine.crash_nomad(now());
    assert!(machine.shell.drain_status().is_none());
}

#[test]
fn a_cancelled_move_leaves_its_domain_on_the_machine() {
    let mut scene = Scene::running(is_silent);
    scene.command(OPERATOR, "drain");
    scene.command(OTHER, "cancel domain-1");
    // The cancellation's own poll has collected the drain's events, so its status is listed.
    let listed = texts(&scene.command(OTHER, "list"));
    let expected = "domain-1 stays: its move was cancelled";
    assert!(listed.iter().any(|line| line == expected), "{listed:?}");
    assert_eq!(
        scene.offered,
        [machine_id(PEER)],
        "no other machine is tried"
    );
    assert_eq!(state(&scene.machine), DomainState::Running);
}

#[test]
fn ending_a_drain_cancels_its_move_and_fails_the_command_that_began_it() {
    let mut scene = Scene::running(is_silent);
    scene.command(OPERATOR, "drain");
    let command = "undrain".parse().expect("a command");
    scene
        .machine
        .shell
        .handle_command(scene.now, OTHER, command);
    let events = scene.events();
    let to = |operator| {
        let own = events.iter().filter(move |(to, _)| *to == operator);
        own.map(|(_, event)| event.to_string()).collect::<Vec<_>>()
    };
    let expected = ["m0 admits domains again", "domain-1 stays", "done"];
    assert_eq!(to(OTHER), expected);
    assert_eq!(to(OPERATOR), ["failed: an operator has ended the drain"]);
    assert!(scene.machine.shell.drain_status().is_none());
    assert_eq!(scene.machine.shell.moves.ledger.entries().count(), 0);
}

#[test]
fn a_second_operator_follows_the_drain_of_the_first_unless_it_goes_elsewhere() {
    let mut scene = Scene::running(is_silent);
    scene.command(OPERATOR, "drain --to m1");
    let refused = texts(&scene.command(OTHER, "drain"));
    assert!(refused[0].contains("`undrain` ends that"), "{refused:?}");
    let events = scene.command(OTHER, "drain --to m1");
    assert!(matches!(events[..], [Reported::Draining(_)]), "{events:?}");
    scene.now = scene.now.after_us(11_000_000);
    scene.machine.shell.handle_timeout(scene.now);
    let ends = scene.events().into_iter();
    let ends = ends.filter(|(_, event)| event.end().is_some());
    let ends: Vec<RequestId> = ends.map(|(to, _)| to).collect();
    assert_eq!(ends, [OPERATOR, OTHER]);
}

#[test]
fn a_drain_that_is_over_begins_again_with_the_domains_that_stayed() {
    let mut scene = Scene::running(refuses);
    scene.command(OPERATOR, "drain");
    scene.offered.clear();
    scene.command(OPERATOR, "drain");
    assert_eq!(scene.offered, [PEER, THIRD].map(machine_id));
}

#[test]
fn root_that_cannot_list_its_domains_delays_a_drain() {
    let mut scene = Scene::running(refuses);
    scene.machine.hardware_mut().root_faults.push(RootFault {
        machine: HERE,
        call: RootCall::List,
        times: 1,
    });
    assert_eq!(scene.command(OPERATOR, "drain").len(), 1);
    let events = scene.pass(2);
    assert!(matches!(stay(&events), Stay::Failed { .. }));
}

#[test]
fn a_machine_that_drains_starts_no_domain() {
    let homes = BTreeMap::from([(0, Restart::Always)]);
    let mut scene = Scene::new(machine(false, homes), refuses);
    scene.command(OPERATOR, "drain");
    for command in ["start domain-1", "restart domain-1", "force domain-1 run"] {
        let events = texts(&scene.command(OPERATOR, command));
        assert!(
            events[0].contains("m0 is draining"),
            "{command}: {events:?}"
        );
    }
    assert_eq!(state(&scene.machine), DomainState::Waiting);
}

/// Otherwise the domain could run twice: meanwhile it may have arrived on a machine that replied before.
#[test]
fn replies_from_the_time_of_a_drain_start_no_domain_after_it() {
    let homes = BTreeMap::from([(0, Restart::Always)]);
    let mut scene = Scene::new(machine(false, homes), refuses);
    scene.command(OPERATOR, "drain");
    scene.has_replies = true;
    scene.pass(30);
    assert_eq!(state(&scene.machine), DomainState::Waiting);
    scene.has_replies = false;
    scene.command(OPERATOR, "undrain");
    scene.pass(30);
    assert_eq!(state(&scene.machine), DomainState::Waiting);
    scene.has_replies = true;
    scene.pass(30);
    assert_eq!(state(&scene.machine), DomainState::Running);
}

/// Sets the state of the machine's domain.
fn set_state(scene: &mut Scene, state: DomainState) {
    let entries = &mut scene.machine.hardware_mut().root.entries;
    entries.get_mut(&0).expect("a domain").state = state;
}

#[test]
fn a_domain_that_has_faulted_or_was_outlived_stays_and_a_restart_would_lose_it() {
    for (state, reason) in [
        (DomainState::Stopped, Stay::Faulted),
        (DomainState::Outlived, Stay::Outlived),
    ] {
        let mut scene = Scene::running(refuses);
        set_state(&mut scene, state);
        let events = scene.command(OPERATOR, "drain");
        assert_eq!(stay(&events), &reason);
        assert!(
            matches!(events.last(), Some(Reported::Failed(_))),
            "{events:?}"
        );
        let events = scene.command(OTHER, "reboot");
        assert!(
            matches!(events[0], Reported::Lost(_, lost) if lost == state),
            "{events:?}"
        );
        scene.pass(5);
        assert_eq!(scene.machine.hardware().reboots, 0);
    }
}

#[test]
fn a_shortage_that_a_move_in_progress_causes_makes_a_drain_wait() {
    let mut scene = Scene::running(is_silent);
    scene.command(OTHER, "migrate domain-1 m1");
    scene.machine.hardware_mut().is_heap_full = true;
    let events = texts(&scene.command(OPERATOR, "drain"));
    assert_eq!(events, ["m0 is draining: 0 moved, 0 stay"]);
    assert_eq!(scene.pass(5), []);
    // That move fails after ten seconds, and gives its memory back.
    scene.machine.hardware_mut().is_heap_full = false;
    scene.pass(30);
    assert_eq!(scene.offered.last(), Some(&machine_id(THIRD)));
}

#[test]
fn a_shortage_without_a_move_in_progress_is_a_reason_to_stay() {
    let mut scene = Scene::running(is_silent);
    scene.machine.hardware_mut().is_heap_full = true;
    let events = scene.command(OPERATOR, "drain");
    assert!(matches!(stay(&events), Stay::Error(_)));
}

#[test]
fn a_stopped_domain_without_memory_is_not_in_the_way() {
    let mut scene = Scene::running(refuses);
    set_state(&mut scene, DomainState::Stopped);
    let entries = &mut scene.machine.hardware_mut().root.entries;
    entries.get_mut(&0).expect("a domain").pool = None;
    let events = scene.command(OPERATOR, "drain");
    assert_eq!(events.last(), Some(&Reported::Done));
}

#[test]
fn the_reply_of_an_operator_whose_place_is_taken_ends() {
    let mut scene = Scene::running(is_silent);
    scene.command(RequestId(100), "drain");
    for follower in 101..109 {
        let command = "drain".parse().expect("a command");
        scene
            .machine
            .shell
            .handle_command(scene.now, RequestId(follower), command);
    }
    let events = scene.events();
    let ends = |to: u64| {
        let mut own = events
            .iter()
            .filter(|(request, _)| *request == RequestId(to));
        own.any(|(_, event)| matches!(event, Reported::Failed(_)))
    };
    assert!(ends(100) && !ends(101), "{events:?}");
}
