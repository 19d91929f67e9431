//! Machines that are found, that move, and that have the name of another.

use std::net::Ipv4Addr;

use nomad_client::{Command, Event, RequestId};
use nomad_protocol::{Hello, LifeId, MachineId};
use nomad_simulator::machine::machine_name;

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

fn probes(machine: &mut Machine) -> Vec<(MachineId, Ipv4Addr)> {
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
    let mut machine = fresh(false, BTreeMap::new());
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
    let mut machine = fresh(false, BTreeMap::new());
    let peer = machine_id(PEER);
    let moved = hello(PEER, ELSEWHERE, 1);
    machine
        .shell
        .handle_encounter(now(), address(PEER), Encounter::Met(peer, BootId(7)));
    machine.shell.handle_hello(now(), ELSEWHERE, &moved);
    assert_eq!(probes(&mut machine), [(peer, ELSEWHERE)]);
    assert_eq!(listed(&mut machine, PEER).0, Some(address(PEER)));
    machine
        .shell
        .handle_encounter(now(), ELSEWHERE, Encounter::Met(peer, BootId(7)));
    assert_eq!(listed(&mut machine, PEER).0, Some(ELSEWHERE));
}

#[test]
fn a_hello_that_is_sent_again_from_elsewhere_has_no_effect() {
    let mut machine = fresh(false, BTreeMap::new());
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
    let mut machine = fresh(false, BTreeMap::new());
    machine.shell.handle_timeout(now());
    let peer = machine_id(PEER);
    let shell = &mut machine.shell;
    shell.handle_encounter(now(), address(PEER), Encounter::Met(peer, BootId(7)));
    shell.handle_encounter(now(), ELSEWHERE, Encounter::Refused(peer));
    shell.handle_timeout(now());
    assert_eq!(probes(&mut machine), [(peer, address(PEER))]);
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
    // A hello is no reason to probe more often.
    machine
        .shell
        .handle_hello(now(), ELSEWHERE, &hello(PEER, ELSEWHERE, 1));
    assert_eq!(probes(&mut machine), []);
}

#[test]
fn both_boots_are_probed_as_long_as_one_claims_the_name_of_the_other() {
    let mut machine = fresh(false, BTreeMap::new());
    let peer = machine_id(PEER);
    let shell = &mut machine.shell;
    shell.handle_encounter(now(), address(PEER), Encounter::Met(peer, BootId(7)));
    shell.handle_encounter(now(), ELSEWHERE, Encounter::Refused(peer));
    let mut probed = Vec::new();
    for ms in 0..7_000 {
        machine.shell.handle_timeout(now().after_us(1_000 * ms));
        probed.extend(probes(&mut machine).into_iter().map(|it| (ms, it.1)));
    }
    let expected = (0..24).map(|step| (250 * step, [address(PEER), ELSEWHERE][step as usize % 2]));
    assert!(probed.iter().copied().eq(expected), "{probed:?}");
}

#[test]
fn a_takeover_ends_the_claim() {
    let mut machine = fresh(false, BTreeMap::new());
    let peer = machine_id(PEER);
    let shell = &mut machine.shell;
    shell.handle_encounter(now(), address(PEER), Encounter::Met(peer, BootId(7)));
    shell.handle_encounter(now(), ELSEWHERE, Encounter::Refused(peer));
    shell.handle_encounter(now(), ELSEWHERE, Encounter::Restarted(peer));
    shell.handle_timeout(now());
    assert_eq!(probes(&mut machine), []);
}

/// A machine that receives a hello of another one with its name, or a recorded one of its own former boot.
#[test]
fn a_machine_defends_its_name_and_reports_only_what_is_proven() {
    let mut machine = fresh(false, BTreeMap::new());
    machine.shell.handle_timeout(now());
    outputs(&mut machine, Some);
    let own = Hello {
        boot: BootId(0),
        ..hello(HERE, address(HERE), 1)
    };
    machine.shell.handle_hello(now(), address(HERE), &own);
    assert_eq!(outputs(&mut machine, Some), [], "its own");

    let others = [1, 2].map(|other| (machine_id(other), address(other)));
    let mut sent = Vec::new();
    for ms in 0..10_000 {
        let now = now().after_us(1_000 * ms);
        if ms == 0 {
            let same_address = hello(HERE, address(HERE), 1);
            machine
                .shell
                .handle_hello(now, address(HERE), &same_address);
        }
        machine.shell.handle_timeout(now);
        let outputs = outputs(&mut machine, Some);
        sent.extend(outputs.into_iter().map(|output| (ms, output)));
    }
    // For six seconds, and each time within a quarter of a second.
    let probed = sent.iter().filter_map(|(ms, output)| match output {
        Output::Probe { machine, address } => Some((*ms, (*machine, *address))),
        _ => None,
    });
    let probed: Vec<_> = probed.collect();
    let mut before = 0;
    for pair in probed.chunks(2) {
        let [(ms, first), second] = pair[..] else {
            panic!("both others");
        };
        assert_eq!([first, second.1], others);
        assert!((before..before + 250).contains(&ms), "{probed:?}");
        let is_hello = |it: &&(u64, Output)| it.0 == ms && matches!(it.1, Output::Hello(_));
        assert_eq!(sent.iter().filter(is_hello).count(), 1);
        before = ms + 500;
    }
    assert!((5_750..6_500).contains(&before), "{probed:?}");
    assert_eq!(listed(&mut machine, HERE).1, None);

    let now = now().after_us(10_000_000);
    machine
        .shell
        .handle_hello(now, ELSEWHERE, &hello(HERE, ELSEWHERE, 1));
    assert_eq!(probes(&mut machine), [(machine_id(HERE), ELSEWHERE)]);
    assert_eq!(log(&mut machine), [""; 0]);
    machine.shell.handle_own_name(now, ELSEWHERE);
    assert!(log(&mut machine)[0].contains("the machine at 10.77.0.99 is called m0"));
}

/// The messages that a machine sends to its peer.
fn sent_to_peer(machine: &mut Machine) -> Vec<Message> {
    outputs(machine, |output| match output {
        Output::Send { to, bytes } if to == machine_id(PEER) => {
            Some(Envelope::decode(&bytes).expect("its own").message)
        }
        _ => None,
    })
}

#[test]
fn a_machine_that_may_be_two_gets_no_reply_to_its_queries() {
    let mut machine = fresh(false, BTreeMap::new());
    let peer = machine_id(PEER);
    let query = Message::Query(name(), Turn(3), fleet().id());
    let mut replies_at = |ms: u64, encounter| {
        let now = Instant::from_us(1_000 * ms);
        let shell = &mut machine.shell;
        for encounter in Option::into_iter(encounter) {
            shell.handle_encounter(now, address(PEER), encounter);
        }
        let boot = BootId(PEER as u64);
        let message = query.clone();
        let bytes = Envelope { boot, message }.encode();
        shell.handle_datagram(now, peer, &bytes);
        sent_to_peer(&mut machine).len()
    };
    assert_eq!(replies_at(0, Some(Encounter::Met(peer, BootId(7)))), 0);
    assert_eq!(replies_at(999, None), 0);
    assert_eq!(replies_at(1_000, None), 1);
    assert_eq!(replies_at(2_000, Some(Encounter::Refused(peer))), 0);
    assert_eq!(replies_at(7_999, None), 0);
    assert_eq!(replies_at(8_000, None), 1, "the other one is gone");
    assert_eq!(replies_at(8_000, Some(Encounter::Restarted(peer))), 0);
    assert_eq!(replies_at(8_500, Some(Encounter::Met(peer, BootId(7)))), 0);
    assert_eq!(replies_at(9_500, None), 1);
}

/// Has both other machines reply to the queries of one turn that they have no domain. The next queries are lost.
fn reply_once(machine: &mut Machine, now: Instant) {
    machine.shell.handle_timeout(now);
    let sent = outputs(machine, |output| match output {
        Output::Send { to, bytes } => Some((to, bytes)),
        _ => None,
    });
    for (to, bytes) in sent {
        let Message::Query(name, turn, _) = Envelope::decode(&bytes).expect("its own").message
        else {
            continue;
        };
        let (life, activated) = (LifeId(7), 0);
        let presence = Presence::Absent { life, activated };
        let message = Message::QueryReply(name, turn, presence);
        let boot = BootId(7);
        let bytes = Envelope { boot, message }.encode();
        machine.shell.handle_datagram(now, to, &bytes);
    }
    outputs(machine, Some);
}

/// Has both other machines reply to the queries of two turns.
fn reply_absent(machine: &mut Machine, now: Instant) {
    reply_once(machine, now);
    reply_once(machine, now.after_us(100_000));
}

#[test]
fn what_a_machine_replied_before_a_claim_does_not_count() {
    let mut machine = machine(false, BTreeMap::from([(0, Restart::Always)]));
    reply_once(&mut machine, now());
    let refused = Encounter::Refused(machine_id(PEER));
    machine.shell.handle_encounter(now(), ELSEWHERE, refused);
    let later = now().after_us(10_000_000);
    reply_once(&mut machine, later);
    assert!(!machine.hardware().runs(0), "one turn since then");
    reply_once(&mut machine, later.after_us(3_000_000));
    assert!(machine.hardware().runs(0));
}

#[test]
fn a_domain_is_not_started_because_of_a_machine_that_may_be_two() {
    let mut machine = fresh(false, BTreeMap::from([(0, Restart::Always)]));
    let peer = machine_id(PEER);
    let at = |ms: u64| Instant::from_us(1_000 * ms);
    for other in [1, 2] {
        let met = Encounter::Met(machine_id(other), BootId(7));
        machine.shell.handle_encounter(at(0), address(other), met);
    }
    for ms in (0..1_000).step_by(100) {
        reply_absent(&mut machine, at(ms));
    }
    assert!(!machine.hardware().runs(0), "not settled");
    // The one that has the domain comes.
    for second in 1..60 {
        let refused = Encounter::Refused(peer);
        machine
            .shell
            .handle_encounter(at(1_000 * second), ELSEWHERE, refused);
        reply_absent(&mut machine, at(1_000 * second));
    }
    assert!(!machine.hardware().runs(0), "claimed");
    for second in 60..70 {
        reply_absent(&mut machine, at(1_000 * second));
    }
    assert!(machine.hardware().runs(0), "the other one is gone");
}

#[test]
fn a_domain_is_not_started_beside_a_machine_with_this_ones_name() {
    let mut machine = machine(false, BTreeMap::from([(0, Restart::Always)]));
    for second in 1..60 {
        let now = Instant::from_us(1_000_000 * second);
        machine.shell.handle_own_name(now, ELSEWHERE);
        reply_absent(&mut machine, now);
    }
    assert!(!machine.hardware().runs(0));
    for second in 60..80 {
        reply_absent(&mut machine, Instant::from_us(1_000_000 * second));
    }
    assert!(machine.hardware().runs(0));
}

#[test]
fn hellos_add_no_machine_to_the_fleet() {
    let mut machine = fresh(false, BTreeMap::new());
    for number in 3..103 {
        let at = Ipv4Addr::new(10, 77, 1, number as u8);
        machine.shell.handle_hello(now(), at, &hello(number, at, 1));
    }
    assert_eq!(probes(&mut machine), []);
    assert_eq!(machine.shell.machines().all().count(), 3);
}
