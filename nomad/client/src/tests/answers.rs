//! A command is executed once and its answer received whole, whatever the wire does; or the client reports why not.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::scene::{Faults, Scene};
use crate::operator::REQUESTS_MAX;
use crate::{COMMAND_BYTES_MAX, End, Failure};

/// A wire with every fault.
const BAD: Faults = Faults {
    lost: 30,
    duplicated: 30,
    delay_us: 5000,
};

fn lines(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("line {number}")).collect()
}

#[test]
fn a_command_is_executed_and_answered() {
    let mut scene = Scene::new(1, Faults::default(), "fleet", "explain kv");
    let request = scene.take_request();
    assert_eq!(request.command, "explain kv");
    for line in ["slot 1: recreate", "failed: no"] {
        scene.send_line(request.id, line);
    }
    assert_eq!(scene.finish(), Ok(End::Failed));
    assert_eq!(scene.lines, ["slot 1: recreate", "failed: no"]);
}

#[test]
fn whatever_the_wire_does_it_is_executed_once_and_every_line_received_once_in_order() {
    for seed in 0..60 {
        let mut scene = Scene::new(seed, BAD, "fleet", "migrate kv b");
        let request = scene.take_request();
        let mut expected = lines(40);
        for line in &expected {
            scene.send_line(request.id, line);
            scene.pass(seed * 100);
        }
        scene.send_line(request.id, "done");
        expected.push("done".into());
        assert_eq!(scene.finish(), Ok(End::Done), "{seed}");
        assert_eq!(scene.lines, expected, "{seed}");
        assert_eq!(scene.machine.requests, [], "{seed}");
    }
}

#[test]
fn an_answer_of_many_datagrams_comes_whole() {
    for seed in 0..20 {
        let faults = if seed < 10 { Faults::default() } else { BAD };
        let mut scene = Scene::new(seed, faults, "fleet", "explain kv");
        let request = scene.take_request();
        let mut expected: Vec<String> = lines(500);
        expected.push("done".into());
        for line in &expected {
            scene.send_line(request.id, line);
        }
        assert_eq!(scene.finish(), Ok(End::Done));
        assert_eq!(scene.lines, expected);
    }
}

#[test]
fn a_long_silence_of_one_who_works_ends_nothing() {
    let mut scene = Scene::new(1, BAD, "fleet", "migrate kv b");
    let request = scene.take_request();
    scene.pass(600_000_000);
    scene.send_line(request.id, "done");
    assert_eq!(scene.finish(), Ok(End::Done));
}

#[test]
fn a_client_with_another_secret_gets_no_answer_and_reports_the_likely_reason() {
    let mut scene = Scene::new(1, Faults::default(), "another", "list");
    assert_eq!(scene.finish(), Err(Failure::NoAnswer));
    assert_eq!(scene.machine.requests, []);
    assert!(format!("{}", Failure::NoAnswer).contains("another secret"));
}

#[test]
fn a_machine_that_is_not_there_is_given_up() {
    let nothing = Faults {
        lost: 100,
        ..Faults::default()
    };
    let mut scene = Scene::new(1, nothing, "fleet", "list");
    assert_eq!(scene.finish(), Err(Failure::NoAnswer));
}

#[test]
fn a_restarted_server_executes_no_command_again() {
    for seed in 0..50 {
        let mut scene = Scene::new(seed, BAD, "fleet", "migrate kv b");
        let request = scene.take_request();
        scene.send_line(request.id, "phase Offer");
        scene.pass(seed * 20_000);
        scene.restart();
        assert_eq!(scene.finish(), Err(Failure::Forgotten), "{seed}");
        assert_eq!(scene.machine.requests, [], "{seed}");
        assert!(scene.lines.len() <= 1);
    }
}

#[test]
fn a_command_that_is_too_long_is_not_sent() {
    let command = "a".repeat(COMMAND_BYTES_MAX + 1);
    let mut scene = Scene::new(1, Faults::default(), "fleet", &command);
    assert!(matches!(scene.finish(), Err(Failure::TooLong { .. })));
    assert_eq!(scene.client.poll_datagram(), None);
}

#[test]
fn one_who_listens_is_not_forgotten_for_those_who_do_not() {
    let mut scene = Scene::new(1, Faults::default(), "fleet", "migrate kv b");
    let request = scene.take_request();
    for other in 0..4 * REQUESTS_MAX as u64 {
        // Others ask for request ids and then stay silent.
        scene.machine.open(other);
        if other % 8 == 0 {
            scene.pass(3_000_000);
        }
    }
    scene.send_line(request.id, "done");
    assert_eq!(scene.finish(), Ok(End::Done));
}

#[test]
fn a_request_that_has_gone_is_unknown() {
    let mut scene = Scene::new(1, Faults::default(), "fleet", "migrate kv b");
    scene.take_request();
    for other in 0..REQUESTS_MAX as u64 {
        scene.machine.open(other);
    }
    assert_eq!(scene.finish(), Err(Failure::Forgotten));
}
