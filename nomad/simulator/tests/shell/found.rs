//! Machines that are found, that move, and that have the name of another.

use std::net::Ipv4Addr;

use nomad_channel::Encounter;
use nomad_client::{Command, Event, RequestId};
use nomad_protocol::{Hello, LifeId, MachineId};
use nomad_simulator::machine::{address, machine_name};

use super::*;

const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 99);

fn hello(number: usize, at: Ipv4Addr, count: u64) -> Hello {
    Hello {
        name: machine_name(number),
        boot: BootId(7),
        life: LifeId(7),
        count,
        address: at,
    }
}

fn log(machine: &mut Machine) -> Vec<String> {
    outputs(machine, |output| match output {
        Output::Log(line) => Some(line),
        _ => None,
    })
}

fn probes(machine: &mut Machine) -> Vec<(MachineId, Option<Ipv4Addr>)> {
    outputs(machine, |output| match output {
        Output::Probe { machine, address } => Some((machine, address)),
        _ => None,
    })
}

/// The address of a machine in the reply to `machines`, and that of another one with its name.
fn listed(machine: &mut Machine, number: usize) -> (Option<Ipv4Addr>, Option<Ipv4Addr>) {
    let name = machine_name(number);
    let shell = &mut machine.shell;
    shell.handle_command(now(), RequestId(1), Command::Machines);
    let found = outputs(machine, |output| match output {
        Output::Event(
            _,
            Event::Machine {
                name: other,
                address,
                double,
                ..
            },
        ) if other == name => Some((address, double)),
        _ => None,
    });
    found[0]
}

#[test]
fn hellos_are_sent_at_growing_intervals() {
    let mut machine = machine(false, BTreeMap::new());
    let mut sent = Vec::new();
    for ms in 0..10_000 {
        let now = now().after_us(1_000 * ms);
        machine.shell.handle_timeout(now);
        let counts = outputs(&mut machine, |output| match output {
            Output::Hello(hello) => Some((ms, hello.count, hello.address)),
            _ => None,
        });
        sent.extend(counts);
    }
    let own = address(HERE);
    let expected = [0, 250, 750, 1750, 3750, 5750, 7750, 9750];
    let expected = expected.iter().zip(1..);
    let expected: Vec<_> = expected.map(|(ms, count)| (*ms, count, own)).collect();
    assert_eq!(sent, expected);
}

#[test]
fn a_hello_from_another_address_moves_a_machine_only_once_a_handshake_is_completed_there() {
    let mut machine = machine(false, BTreeMap::new());
    let peer = machine_id(PEER);
    let moved = hello(PEER, ELSEWHERE, 1);
    machine
        .shell
        .handle_encounter(now(), address(PEER), Encounter::Met(peer));
    machine.shell.handle_hello(now(), ELSEWHERE, &moved);
    assert_eq!(probes(&mut machine), [(peer, Some(ELSEWHERE))]);
    assert_eq!(listed(&mut machine, PEER).0, Some(address(PEER)));
    machine
        .shell
        .handle_encounter(now(), ELSEWHERE, Encounter::Met(peer));
    assert_eq!(listed(&mut machine, PEER).0, Some(ELSEWHERE));
}

#[test]
fn a_hello_that_is_sent_again_from_elsewhere_has_no_effect() {
    let mut machine = machine(false, BTreeMap::new());
    let recorded = hello(PEER, address(PEER), 1);
    machine.shell.handle_hello(now(), ELSEWHERE, &recorded);
    assert_eq!(probes(&mut machine), []);
    machine.shell.handle_hello(now(), address(PEER), &recorded);
    assert_eq!(probes(&mut machine).len(), 1);
    let later = now().after_us(5_000_000);
    machine.shell.handle_hello(later, address(PEER), &recorded);
    assert_eq!(probes(&mut machine), [], "it is old");
}

#[test]
fn two_machines_with_one_name_are_reported_and_the_first_is_probed() {
    let mut machine = machine(false, BTreeMap::new());
    machine.shell.handle_timeout(now());
    let peer = machine_id(PEER);
    let shell = &mut machine.shell;
    shell.handle_encounter(now(), address(PEER), Encounter::Met(peer));
    shell.handle_encounter(now(), ELSEWHERE, Encounter::Refused(peer));
    shell.handle_timeout(now());
    assert_eq!(probes(&mut machine), [(peer, Some(address(PEER)))]);
    assert_eq!(listed(&mut machine, PEER), (Some(address(PEER)), None));
    for _ in 0..3 {
        machine
            .shell
            .handle_encounter(now(), address(PEER), Encounter::Doubled(peer));
    }
    let [line] = &log(&mut machine)[..] else {
        panic!("one line");
    };
    for part in [
        "two machines",
        "10.77.0.2 was there first",
        "10.77.0.99 is refused",
    ] {
        assert!(line.contains(part), "{line}");
    }
    let both = (Some(address(PEER)), Some(ELSEWHERE));
    assert_eq!(listed(&mut machine, PEER), both);
    // A hello of the second one is no reason to probe it.
    machine
        .shell
        .handle_hello(now(), ELSEWHERE, &hello(PEER, ELSEWHERE, 1));
    assert_eq!(probes(&mut machine), []);
}

#[test]
fn a_machine_with_this_machines_name_is_reported() {
    let mut machine = machine(false, BTreeMap::new());
    let own = Hello {
        boot: BootId(0),
        ..hello(HERE, address(HERE), 1)
    };
    machine.shell.handle_hello(now(), address(HERE), &own);
    assert_eq!(log(&mut machine), [""; 0], "its own");
    machine
        .shell
        .handle_hello(now(), ELSEWHERE, &hello(HERE, ELSEWHERE, 1));
    assert!(log(&mut machine)[0].contains("the machine at 10.77.0.99 is called m0"));
    assert_eq!(listed(&mut machine, HERE).1, Some(ELSEWHERE));
}

#[test]
fn hellos_add_no_machine_to_the_fleet() {
    let mut machine = machine(false, BTreeMap::new());
    for number in 3..103 {
        let at = Ipv4Addr::new(10, 77, 1, number as u8);
        machine.shell.handle_hello(now(), at, &hello(number, at, 1));
    }
    assert_eq!(probes(&mut machine), []);
    assert_eq!(machine.shell.machines().all().count(), 3);
}
