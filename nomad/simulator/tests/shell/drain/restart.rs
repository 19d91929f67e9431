//! A restart of the machine at an operator's command, and its refusals.

use super::*;

#[test]
fn a_restart_is_refused_while_a_domain_would_be_lost() {
    let mut scene = Scene::running(refuses);
    let events = texts(&scene.command(OPERATOR, "reboot"));
    assert_eq!(events[0], "a restart loses domain-1: it is running");
    assert!(
        events[1].starts_with("failed: m0 is not restarted: "),
        "{events:?}"
    );
    scene.pass(5);
    assert_eq!(scene.machine.hardware().reboots, 0);
}

#[test]
fn a_restart_is_refused_while_a_move_is_not_over() {
    let mut scene = Scene::running(is_silent);
    scene.command(OPERATOR, "migrate domain-1 m1");
    let events = texts(&scene.command(OPERATOR, "reboot"));
    assert!(events[1].contains("Source Offer"), "{events:?}");
    assert_eq!(scene.machine.hardware().reboots, 0);
}

#[test]
fn a_forced_restart_lists_what_is_lost() {
    let mut scene = Scene::running(refuses);
    let events = texts(&scene.command(OPERATOR, "reboot --force"));
    let expected = [
        "a restart loses domain-1: it is running",
        "m0 restarts",
        "done",
    ];
    assert_eq!(events, expected);
    scene.pass(5);
    assert_eq!(scene.machine.hardware().reboots, 1);
}

#[test]
fn a_restart_comes_after_its_reply_and_nothing_begins_meanwhile() {
    let mut scene = Scene::new(machine(false, BTreeMap::new()), refuses);
    let events = texts(&scene.command(OPERATOR, "reboot"));
    assert_eq!(events, ["m0 restarts", "done"]);
    assert_eq!(scene.machine.hardware().reboots, 0);
    for command in ["drain", "undrain", "reboot --force"] {
        let events = texts(&scene.command(OPERATOR, command));
        assert_eq!(events, ["failed: m0 is about to restart"], "{command}");
    }
    let offered = Message::Transaction(MOVE, Step::Offer(offer(DOMAIN)));
    let reply = replies(&mut scene.machine, PEER, offered);
    let is_refused = matches!(
        reply[..],
        [Message::Transaction(
            _,
            Step::Refuse(Refusal::Draining { .. })
        )]
    );
    assert!(is_refused, "{reply:?}");
    scene.pass(5);
    assert_eq!(scene.machine.hardware().reboots, 1);
}

#[test]
fn a_machine_that_does_not_restart_goes_on() {
    let mut scene = Scene::new(fresh(false, BTreeMap::new()), refuses);
    scene.machine.hardware_mut().root_faults.push(RootFault {
        machine: HERE,
        call: RootCall::Reboot,
        times: 1,
    });
    scene.command(OPERATOR, "reboot");
    scene.pass(5);
    assert_eq!(scene.machine.hardware().reboots, 0);
    scene.command(OPERATOR, "reboot");
    scene.pass(5);
    assert_eq!(scene.machine.hardware().reboots, 1);
}
