//! The life of a domain at an operator's command: stopped, started, restarted.

use std::collections::BTreeMap;

use nomad_client::{Command, Event as Reported, RequestId};
use nomad_protocol::{BootId, Envelope, Instant, LifeId, MachineId, Message, Presence};
use nomad_shell::Output;
use nomad_simulator::machine::Machine;
use nomad_simulator::root::Restart;
use service_protocol::root::DomainState;

use super::{machine, name, now, state};

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
