//! The life of a domain at an operator's command: stopped, started, restarted.

use std::collections::BTreeMap;

use identity::Incarnation;
use nomad_client::command::PackageSize;
use nomad_client::{Command, Event as Reported, RequestId};
use nomad_protocol::{BootId, Envelope, Instant, LifeId, MachineId, Message, Presence, Turn};
use nomad_shell::Output;
use nomad_simulator::faults::{RootCall, RootFault};
use nomad_simulator::machine::{DOMAIN, Machine};
use nomad_simulator::root::Restart;
use service_protocol::root::DomainState;

use super::{HERE, PEER, fleet, machine, name, now, replies, state};

const OPERATOR: RequestId = RequestId(1);

/// The machine's events in reply to an operator's command.
fn reply(machine: &mut Machine, command: &str) -> Vec<Reported> {
    let command = command.parse().expect("a command");
    machine.shell.handle_command(now(), OPERATOR, command);
    events(machine, now())
}

/// The events for the operator by this time. The other machines reply that they do not have the domain, in both turns
/// of its roll call.
fn events(machine: &mut Machine, now: Instant) -> Vec<Reported> {
    let mut events = Vec::new();
    machine.shell.handle_timeout(now);
    while let Some(output) = machine.shell.poll(now) {
        match output {
            Output::Event(OPERATOR, event) => events.push(event),
            Output::Send { to, bytes } => reply_to_query(machine, now, to, &bytes),
            _ => {}
        }
    }
    events
}

/// Has another machine reply to a query: it has no such domain.
fn reply_to_query(machine: &mut Machine, now: Instant, from: MachineId, bytes: &[u8]) {
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
fn a_domain_that_runs_here_is_restarted_at_once() {
    let mut machine = machine(true, BTreeMap::from([(0, Restart::Never)]));
    let before = machine.hardware().root.entries[&0].id;
    let started = [Reported::Started(name()), Reported::Done];
    assert_eq!(reply(&mut machine, "restart domain-1"), started);
    assert_ne!(machine.hardware().root.entries[&0].id, before);
    assert!(machine.hardware().runs(0));
}

#[test]
fn only_a_known_domain_that_does_not_run_here_is_started() {
    let cases = [
        (
            "domain-1",
            "domain-1 runs here already: `restart` starts it afresh",
        ),
        (
            "domain-9",
            "domain-9 is not started: no domain of this name is on this machine: `list` shows the domains here",
        ),
    ];
    for (name, reason) in cases {
        for command in [format!("start {name}"), format!("force {name} run")] {
            let mut machine = machine(true, BTreeMap::from([(0, Restart::Never)]));
            let refused = [Reported::failed(reason.into())];
            assert_eq!(reply(&mut machine, &command), refused, "{command}");
        }
    }
}

/// Sends a package of five bytes, whose domain waits.
fn send_package(machine: &mut Machine, from: RequestId) {
    let command = Command::Run(PackageSize(5));
    machine.shell.handle_command(now(), from, command);
    machine.shell.handle_data(now(), from, &[1, 2]);
    machine.shell.handle_data(now(), from, &[3, 4, 5]);
}

#[test]
fn the_domain_of_a_package_is_started_after_every_machine_was_queried() {
    let mut machine = machine(false, BTreeMap::from([(0, Restart::Never)]));
    send_package(&mut machine, OPERATOR);
    let expected = [
        Reported::Received(name()),
        Reported::Started(name()),
        Reported::Done,
    ];
    assert_eq!(events(&mut machine, now()), expected);
    assert!(machine.hardware().runs(0));
}

/// Root reserves the memory of a whole package when its transfer begins.
#[test]
fn a_package_that_fails_leaves_no_memory_reserved() {
    for call in [RootCall::AppendPackage, RootCall::InstallPackage] {
        let mut machine = machine(false, BTreeMap::from([(0, Restart::Never)]));
        machine.hardware_mut().root_faults.push(RootFault {
            machine: HERE,
            call,
            times: 1,
        });
        send_package(&mut machine, OPERATOR);
        assert_eq!(machine.hardware().root.package_bytes, 0, "{call:?}");
        assert_eq!(reports(&mut machine, now()).len(), 1, "it has failed");
        send_package(&mut machine, OPERATOR);
        assert_eq!(machine.hardware().root.package_bytes, 0, "{call:?}");
        let received = Reported::Received(name());
        assert!(events(&mut machine, now()).contains(&received));
    }
}

/// The events for the operators by this time, if no machine replies.
fn reports(machine: &mut Machine, now: Instant) -> Vec<(RequestId, String)> {
    machine.shell.handle_timeout(now);
    let outputs = std::iter::from_fn(|| machine.shell.poll(now));
    let event = |output| match output {
        Output::Event(to, event) => Some((to, event.to_string())),
        _ => None,
    };
    outputs.filter_map(event).collect()
}

#[test]
fn the_operator_learns_which_silent_machine_a_domain_waits_for() {
    let mut machine = machine(false, BTreeMap::from([(0, Restart::Never)]));
    send_package(&mut machine, OPERATOR);
    assert_eq!(reports(&mut machine, now()).len(), 1, "it is received");
    let later = now().after_us(60_000_000);
    let [(OPERATOR, reason)] = &reports(&mut machine, later)[..] else {
        panic!("no reply");
    };
    assert!(reason.contains("does not reply"), "{reason}");
    assert_eq!(state(&machine), DomainState::Waiting);
}

#[test]
fn no_operator_waits_forever() {
    const OTHER: RequestId = RequestId(2);
    type Act = fn(&mut Machine);
    let acts: [(Act, &str); 3] = [
        (|machine| send_package(machine, OTHER), "another operator"),
        (
            |machine| command(machine, OTHER, "stop domain-1"),
            "it is stopped",
        ),
        (
            |machine| {
                let root = &mut machine.hardware_mut().root;
                root.admit(0, DOMAIN, 4);
                root.adopt(0, Incarnation(2));
            },
            "is started",
        ),
    ];
    for (act, expected) in acts {
        let mut machine = machine(false, BTreeMap::from([(0, Restart::Never)]));
        send_package(&mut machine, OPERATOR);
        reports(&mut machine, now());
        act(&mut machine);
        let replies = reports(&mut machine, now().after_us(1));
        let mut own = replies.iter().filter(|(to, _)| *to == OPERATOR);
        let has_reply = own.any(|(_, text)| text.contains(expected));
        assert!(has_reply, "{expected}: {replies:?}");
    }
}

fn command(machine: &mut Machine, from: RequestId, text: &str) {
    let command = text.parse().expect("a command");
    machine.shell.handle_command(now(), from, command);
}

#[test]
fn of_two_homes_of_one_name_neither_starts_it() {
    for is_stopped in [false, true] {
        let mut machine = machine(is_stopped, BTreeMap::from([(0, Restart::Never)]));
        if is_stopped {
            reply(&mut machine, "stop domain-1");
        }
        let query = Message::Query(name(), Turn(3), fleet().id());
        let reply = replies(&mut machine, PEER, query);
        let is_held = matches!(
            reply[..],
            [Message::QueryReply(
                _,
                _,
                Presence::Present { runs: false, .. }
            )]
        );
        assert!(is_held, "{reply:?}");
    }
}

#[test]
fn the_home_of_a_domain_that_runs_elsewhere_names_the_machine_to_stop_it_on() {
    let mut machine = machine(false, BTreeMap::from([(0, Restart::Always)]));
    machine.shell.handle_timeout(now());
    let outputs = std::iter::from_fn(|| machine.shell.poll(now()));
    let sent = outputs.filter_map(|output| match output {
        Output::Send { to, bytes } => Some((to, bytes)),
        _ => None,
    });
    for (to, bytes) in sent.collect::<Vec<_>>() {
        let query = Envelope::decode(&bytes).expect("its own messages decode");
        if let Message::Query(name, turn, _) = query.message {
            let runs = Presence::Present {
                incarnation: Incarnation(1),
                runs: true,
            };
            let message = Message::QueryReply(name, turn, runs);
            let boot = BootId(7);
            let bytes = Envelope { boot, message }.encode();
            machine.shell.handle_datagram(now(), to, &bytes);
        }
    }
    let refused = reply(&mut machine, "stop domain-1");
    assert!(
        refused[0].to_string().contains("stop it there"),
        "{refused:?}"
    );
    assert_eq!(state(&machine), DomainState::Waiting);
}

#[test]
fn a_package_whose_operator_is_silent_is_dropped() {
    let mut machine = machine(false, BTreeMap::from([(0, Restart::Never)]));
    let command = Command::Run(PackageSize(5));
    machine.shell.handle_command(now(), OPERATOR, command);
    machine.shell.handle_data(now(), OPERATOR, &[1, 2]);
    reports(&mut machine, now().after_us(31_000_000));
    machine.shell.handle_data(now(), OPERATOR, &[3, 4, 5]);
    let is_received = |text: &String| text.contains("received");
    let replies = reports(&mut machine, now().after_us(32_000_000));
    assert!(
        !replies.iter().any(|(_, text)| is_received(text)),
        "{replies:?}"
    );
}

#[test]
fn the_restart_of_an_absent_domain_is_refused_and_changes_nothing() {
    let mut machine = machine(true, BTreeMap::from([(0, Restart::Never)]));
    reply(&mut machine, "stop domain-1");
    let refused = reply(&mut machine, "restart domain-1");
    assert!(refused[0].to_string().contains("`start`"), "{refused:?}");
    // In the state Waiting it would be started as soon as the machine that has it loses it.
    assert_eq!(state(&machine), DomainState::Away);
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
