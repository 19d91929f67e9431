//! Whatever the wire does, a command is executed at most once, and the client receives the whole reply or reports the
//! reason.

use alloc::format;
use alloc::vec::Vec;
use core::net::Ipv4Addr;

use nomad_protocol::{Notice, PhaseName};

use super::scene::{ADDRESS, Faults, Scene, name};
use crate::command::PackageSize;
use crate::operator::{Action, REQUESTS_MAX};
use crate::{Command, End, Event, Failure, Target, samples};

/// A wire with every fault.
const BAD: Faults = Faults {
    lost: 30,
    duplicated: 30,
    delay_us: 5000,
};

/// This many events, none of which ends the reply or may be left out.
fn events(count: usize) -> Vec<Event> {
    let events = samples::events().into_iter().cycle();
    let events = events.filter(|event| event.end().is_none() && !event.is_replaceable());
    events.take(count).collect()
}

fn migrate() -> Command {
    "migrate kv b".parse().expect("a command")
}

#[test]
fn a_command_is_executed_and_the_reply_received() {
    let explain: Command = "explain kv".parse().expect("a command");
    let mut scene = Scene::new(1, Faults::default(), "fleet", explain.clone());
    let request = scene.take_request();
    assert_eq!(request.action, Action::Execute(explain));
    let reply = [samples::machine(), Event::failed("no".into())];
    for event in reply.clone() {
        scene.send_event(request.id, event);
    }
    assert_eq!(scene.finish(), Ok(End::Failed));
    assert_eq!(scene.events, reply);
}

#[test]
fn a_command_is_executed_once_and_every_event_is_received_once_in_order_whatever_the_wire_does() {
    for seed in 0..60 {
        let mut scene = Scene::new(seed, BAD, "fleet", migrate());
        let request = scene.take_request();
        let mut expected = events(40);
        for event in &expected {
            scene.send_event(request.id, event.clone());
            scene.pass(seed * 100);
        }
        scene.send_event(request.id, Event::Done);
        expected.push(Event::Done);
        assert_eq!(scene.finish(), Ok(End::Done), "{seed}");
        assert_eq!(scene.events, expected, "{seed}");
        assert_eq!(scene.machine.requests, [], "{seed}");
    }
}

#[test]
fn a_reply_of_many_datagrams_arrives_whole() {
    for seed in 0..20 {
        let faults = if seed < 10 { Faults::default() } else { BAD };
        let mut scene = Scene::new(seed, faults, "fleet", migrate());
        let request = scene.take_request();
        let mut expected = events(500);
        expected.push(Event::Done);
        for event in &expected {
            scene.send_event(request.id, event.clone());
        }
        assert_eq!(scene.finish(), Ok(End::Done));
        assert_eq!(scene.events, expected);
    }
}

#[test]
fn a_command_may_take_long() {
    let mut scene = Scene::new(1, BAD, "fleet", migrate());
    let request = scene.take_request();
    scene.pass(600_000_000);
    scene.send_event(request.id, Event::Done);
    assert_eq!(scene.finish(), Ok(End::Done));
}

#[test]
fn a_client_with_another_secret_gets_no_reply_and_reports_the_likely_reason() {
    let mut scene = Scene::new(1, Faults::default(), "another", Command::List);
    assert_eq!(scene.finish(), Err(Failure::NoReply));
    assert_eq!(scene.machine.requests, []);
    let text = format!("{}", Failure::NoReply);
    for part in ["another secret", "\n  next: ", "UDP port 7411"] {
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn the_client_gives_up_on_a_machine_that_is_not_there() {
    let nothing = Faults {
        lost: 100,
        ..Faults::default()
    };
    let mut scene = Scene::new(1, nothing, "fleet", Command::List);
    assert_eq!(scene.finish(), Err(Failure::NoReply));
}

#[test]
fn a_machine_that_is_not_the_one_meant_gets_no_command() {
    let elsewhere = Ipv4Addr::new(10, 77, 0, 2);
    let finish = |address, stated: Option<&str>| {
        let target = Target {
            address,
            name: stated.map(name),
        };
        let mut scene = Scene::with_target(target, 1, Faults::default(), "fleet", Command::List);
        if scene.client.end().is_none() {
            scene.pass(100_000);
        }
        (scene.client.end(), scene.machine.requests.len())
    };
    let diverted = Failure::OtherAddress {
        dialled: elsewhere,
        name: name("a"),
        address: ADDRESS,
    };
    let misnamed = Failure::OtherName {
        stated: name("b"),
        name: name("a"),
    };
    assert_eq!(finish(elsewhere, None), (Some(Err(diverted)), 0));
    assert_eq!(finish(ADDRESS, Some("b")), (Some(Err(misnamed)), 0));
    for stated in [None, Some("a")] {
        assert_eq!(finish(ADDRESS, stated), (None, 1));
    }
    // Behind address translation.
    assert_eq!(finish(elsewhere, Some("a")), (None, 1));
}

#[test]
fn a_restarted_server_executes_no_command_again() {
    for seed in 0..50 {
        let mut scene = Scene::new(seed, BAD, "fleet", migrate());
        let request = scene.take_request();
        scene.send_event(request.id, Event::Move(Notice::Phase(PhaseName::Offer)));
        scene.pass(seed * 20_000);
        scene.restart();
        assert_eq!(scene.finish(), Err(Failure::Forgotten), "{seed}");
        assert_eq!(scene.machine.requests, [], "{seed}");
        assert!(scene.events.len() <= 1);
    }
}

#[test]
fn an_active_client_is_not_evicted_for_silent_ones() {
    let mut scene = Scene::new(1, Faults::default(), "fleet", migrate());
    let request = scene.take_request();
    for other in 0..4 * REQUESTS_MAX as u64 {
        // Others ask for request ids and then stay silent.
        scene.machine.open(other);
        if other % 8 == 0 {
            scene.pass(3_000_000);
        }
    }
    scene.send_event(request.id, Event::Done);
    assert_eq!(scene.finish(), Ok(End::Done));
}

#[test]
fn an_evicted_request_is_unknown() {
    let mut scene = Scene::new(1, Faults::default(), "fleet", migrate());
    scene.take_request();
    for other in 0..REQUESTS_MAX as u64 {
        scene.machine.open(other);
    }
    assert_eq!(scene.finish(), Err(Failure::Forgotten));
}

/// A scene in which the client has this much data for the machine.
fn upload(seed: u64, faults: Faults, data: &[u8]) -> Scene {
    let command = Command::Run(PackageSize(data.len() as u32));
    let mut scene = Scene::new(seed, faults, "fleet", command);
    scene.client = scene.client.with_data(data.to_vec());
    scene
}

#[test]
fn data_arrives_whole_and_in_order_whatever_the_wire_does() {
    let data: Vec<u8> = (0..50_000_u32).map(|at| (at % 251) as u8).collect();
    for seed in 0..20 {
        let faults = if seed < 2 { Faults::default() } else { BAD };
        let mut scene = upload(seed, faults, &data);
        let request = scene.take_request();
        while scene.machine.data.len() < data.len() {
            assert_eq!(scene.client.end(), None);
            scene.pass(10_000);
        }
        scene.send_event(request.id, Event::Done);
        assert_eq!(scene.finish(), Ok(End::Done), "{seed}");
        assert!(scene.machine.data == data, "{seed}");
        assert_eq!(scene.machine.requests, [], "{seed}");
    }
}

#[test]
fn a_command_that_is_refused_ends_before_its_data_is_sent() {
    let mut scene = upload(1, BAD, &[7; 500_000]);
    let request = scene.take_request();
    scene.send_event(request.id, Event::failed("too large".into()));
    assert_eq!(scene.finish(), Ok(End::Failed));
    assert!(scene.machine.data.len() < 500_000);
}
