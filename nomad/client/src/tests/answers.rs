//! A command is obeyed once and its answer heard whole, whatever the wire does; or it is said why not.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::scene::{Faults, Scene};
use crate::desk::REQUESTS_MAX;
use crate::{COMMAND_BYTES_MAX, End, Failure};

/// A wire that does all it can.
const BAD: Faults = Faults {
    lost: 30,
    doubled: 30,
    delay_us: 5000,
};

fn lines(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("line {number}")).collect()
}

#[test]
fn a_command_is_obeyed_and_answered() {
    let mut scene = Scene::new(1, Faults::default(), "fleet", "explain kv");
    let order = scene.order();
    assert_eq!(order.command, "explain kv");
    for line in ["slot 1: recreate", "failed: no"] {
        scene.say(order.request, line);
    }
    assert_eq!(scene.finish(), Ok(End::Failed));
    assert_eq!(scene.lines, ["slot 1: recreate", "failed: no"]);
}

#[test]
fn whatever_the_wire_does_it_is_obeyed_once_and_every_line_heard_once_in_order() {
    for seed in 0..60 {
        let mut scene = Scene::new(seed, BAD, "fleet", "migrate kv b");
        let order = scene.order();
        let mut expected = lines(40);
        for line in &expected {
            scene.say(order.request, line);
            scene.pass(seed * 100);
        }
        scene.say(order.request, "done");
        expected.push("done".into());
        assert_eq!(scene.finish(), Ok(End::Done), "{seed}");
        assert_eq!(scene.lines, expected, "{seed}");
        assert_eq!(scene.machine.orders, [], "{seed}");
    }
}

#[test]
fn an_answer_of_many_datagrams_comes_whole() {
    for seed in 0..20 {
        let faults = if seed < 10 { Faults::default() } else { BAD };
        let mut scene = Scene::new(seed, faults, "fleet", "explain kv");
        let order = scene.order();
        let mut expected: Vec<String> = lines(500);
        expected.push("done".into());
        for line in &expected {
            scene.say(order.request, line);
        }
        assert_eq!(scene.finish(), Ok(End::Done));
        assert_eq!(scene.lines, expected);
    }
}

#[test]
fn a_long_silence_of_one_who_works_ends_nothing() {
    let mut scene = Scene::new(1, BAD, "fleet", "migrate kv b");
    let order = scene.order();
    scene.pass(600_000_000);
    scene.say(order.request, "done");
    assert_eq!(scene.finish(), Ok(End::Done));
}

#[test]
fn one_with_another_secret_hears_nothing_and_is_told_what_that_may_mean() {
    let mut scene = Scene::new(1, Faults::default(), "another", "list");
    assert_eq!(scene.finish(), Err(Failure::NoAnswer));
    assert_eq!(scene.machine.orders, []);
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
fn a_server_that_was_started_anew_obeys_no_command_again() {
    for seed in 0..50 {
        let mut scene = Scene::new(seed, BAD, "fleet", "migrate kv b");
        let order = scene.order();
        scene.say(order.request, "phase Offer");
        scene.pass(seed * 20_000);
        scene.restart();
        assert_eq!(scene.finish(), Err(Failure::Forgotten), "{seed}");
        assert_eq!(scene.machine.orders, [], "{seed}");
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
    let order = scene.order();
    for other in 0..4 * REQUESTS_MAX as u64 {
        // Others ask for numbers and are never heard of again.
        scene.machine.open(other);
        if other % 8 == 0 {
            scene.pass(3_000_000);
        }
    }
    scene.say(order.request, "done");
    assert_eq!(scene.finish(), Ok(End::Done));
}

#[test]
fn a_request_that_has_gone_is_unknown() {
    let mut scene = Scene::new(1, Faults::default(), "fleet", "migrate kv b");
    scene.order();
    for other in 0..REQUESTS_MAX as u64 {
        scene.machine.open(other);
    }
    assert_eq!(scene.finish(), Err(Failure::Forgotten));
}
