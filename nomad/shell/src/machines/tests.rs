//! Where machines are: by manifest, hello and handshake.

use nomad_protocol::{BootId, LifeId};

use super::*;

const BOOT: BootId = BootId(1);
const A: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
const C: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 3);
const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 9);

fn name(text: &str) -> Name {
    Name::try_new(text).expect("a name")
}

fn id_of(name: Name) -> MachineId {
    MachineId([name.as_str().as_bytes()[0]; 32])
}

fn id(text: &str) -> MachineId {
    id_of(name(text))
}

fn parse(peers: &str) -> Option<Machines> {
    let own = FleetMember::new(name("a"), id("a"), Some(A));
    Machines::parse(own, peers, id_of)
}

fn hello(address: Ipv4Addr, life: u64, count: u64) -> Hello {
    Hello {
        name: name("c"),
        boot: BOOT,
        life: LifeId(life),
        count,
        address,
    }
}

/// The machine to probe because of a hello.
fn handle_hello(machines: &mut Machines, now: Instant, hello: &Hello) -> Option<MachineId> {
    machines.handle_hello(now, hello, id_of).expect("a place")
}

fn at(us: u64) -> Instant {
    Instant::from_us(us)
}

#[test]
fn finds_machines_by_name_and_by_address() {
    let machines = parse("b=10.77.0.2, c=10.77.0.3").expect("valid");
    let find = |text: &str| machines.find(text.parse().expect("a destination"));
    assert_eq!(find("c"), Ok((C, Some(id("c")))));
    assert_eq!(find("10.77.0.3"), Ok((C, Some(id("c")))));
    assert_eq!(machines.id_at(C), Some(id("c")));
    assert_eq!(machines.address_of(id("c")), Some(C));
    assert_eq!(find("10.77.0.9"), Ok((ELSEWHERE, None)));
}

#[test]
fn the_error_of_an_unknown_machine_lists_the_others() {
    let error_of = |peers: &str, name: &str| {
        let machines = parse(peers).expect("valid");
        let found = machines.find(name.parse().expect("a destination"));
        found.expect_err("no such machine")
    };
    let others = "the fleet's other machines are b, c";
    assert_eq!(
        error_of("b,c=10.77.0.3", "d"),
        format!("unknown machine d: {others}")
    );
    for own in ["a", "10.77.0.1"] {
        assert_eq!(
            error_of("b,c", own),
            format!("{own} is this machine: {others}")
        );
    }
    let alone = "unknown machine d: the fleet has no other machine";
    assert_eq!(error_of("", "d"), alone);
}

#[test]
fn a_machine_may_be_known_by_its_name_alone() {
    let machines = parse("b, c=10.77.0.3").expect("valid");
    let names: Vec<_> = machines.all().map(|machine| machine.name).collect();
    assert_eq!(names, ["a", "b", "c"].map(name));
    assert_eq!(machines.address_of(id("c")), Some(C));
    assert_eq!(machines.address_of(id("b")), None);
    let refused = machines.find("b".parse().expect("a destination"));
    assert!(refused.is_err_and(|error| error.contains("no hello")));
}

#[test]
fn refuses_a_list_with_a_typo() {
    for text in [
        "b=",
        "b=10.77.0",
        "=10.77.0.1",
        "a=1.2.3.4;b=1.2.3.5",
        "b c",
    ] {
        assert_eq!(parse(text), None, "{text}");
    }
    let alone = parse("").map(|machines| machines.all().count());
    assert_eq!(alone, Some(1));
}

#[test]
fn a_machine_is_where_its_last_handshake_was_and_may_return() {
    let mut machines = parse("b=10.77.0.2, c=10.77.0.3").expect("valid");
    let [b, c] = [id("b"), id("c")];
    machines.prove(at(0), (c, BOOT), ELSEWHERE);
    assert_eq!(machines.address_of(c), Some(ELSEWHERE));
    assert_eq!(machines.addresses_of(c), [ELSEWHERE, C]);
    assert_eq!(machines.id_at(ELSEWHERE), Some(c));
    assert_eq!(machines.id_at(C), None);
    // Another machine gets the address.
    machines.prove(at(0), (b, BOOT), ELSEWHERE);
    assert_eq!(machines.address_of(b), Some(ELSEWHERE));
    assert_eq!(machines.address_of(c), Some(C));
    assert_eq!(machines.id_at(ELSEWHERE), Some(b));
}

#[test]
fn outsiders_are_bounded_and_no_machine_takes_this_ones_address() {
    let mut machines = parse("b").expect("valid");
    for number in 0..97 {
        let address = Ipv4Addr::new(10, 0, 0, number);
        machines.prove(at(0), (MachineId([number; 32]), BOOT), address);
    }
    assert_eq!(machines.outsiders.len(), OUTSIDERS_MAX);
    let last = MachineId([96; 32]);
    assert_eq!(machines.address_of(last), Some(Ipv4Addr::new(10, 0, 0, 96)));
    machines.prove(at(0), (id("b"), BOOT), A);
    assert_eq!(machines.id_at(A), Some(id("a")));
}

#[test]
fn a_hello_is_probed_until_a_handshake_proves_its_address() {
    let mut machines = parse("b,c").expect("valid");
    let c = id("c");
    assert_eq!(handle_hello(&mut machines, at(0), &hello(C, 1, 0)), Some(c));
    assert_eq!(machines.address_of(c), Some(C), "a first guess");
    // It is probed again, but at most twice per second.
    assert_eq!(handle_hello(&mut machines, at(1), &hello(C, 1, 1)), None);
    let second = handle_hello(&mut machines, at(1_000_000), &hello(C, 1, 2));
    assert_eq!(second, Some(c));
    machines.prove(at(0), (c, BOOT), C);
    assert_eq!(
        handle_hello(&mut machines, at(2_000_000), &hello(C, 1, 3)),
        None
    );
    // A restarted migration server has lost its sessions.
    let restarted = handle_hello(&mut machines, at(3_000_000), &hello(C, 2, 0));
    assert_eq!(restarted, Some(c));
}

#[test]
fn a_hello_from_elsewhere_moves_no_machine_and_an_old_one_is_not_probed() {
    let mut machines = parse("b,c").expect("valid");
    let c = id("c");
    handle_hello(&mut machines, at(0), &hello(C, 1, 5));
    machines.prove(at(0), (c, BOOT), C);
    let moved = handle_hello(&mut machines, at(1_000_000), &hello(ELSEWHERE, 1, 6));
    assert_eq!(moved, Some(c));
    assert_eq!(machines.address_of(c), Some(C), "until it is proven");
    let old = handle_hello(&mut machines, at(2_000_000), &hello(ELSEWHERE, 1, 6));
    assert_eq!(old, None);
    let stranger = Hello {
        name: name("z"),
        ..hello(ELSEWHERE, 1, 7)
    };
    assert_eq!(handle_hello(&mut machines, at(3_000_000), &stranger), None);
    assert_eq!(machines.all().count(), 3, "hellos add nobody");
}

#[test]
fn recorded_hellos_do_not_keep_the_genuine_one_waiting() {
    let mut machines = parse("b,c").expect("valid");
    for count in 0..100 {
        let now = at(100_000 * count);
        handle_hello(&mut machines, now, &hello(ELSEWHERE, 1, count));
        handle_hello(&mut machines, now, &hello(ELSEWHERE, 2, count));
        let probed = handle_hello(&mut machines, now, &hello(C, 3, count));
        assert_eq!(probed.is_some(), count % 5 == 0, "{count}");
    }
}

#[test]
fn handshakes_because_of_hellos_are_begun_at_few_addresses_at_once() {
    let mut machines = parse("c").expect("valid");
    let probed = (0..100).filter(|last| {
        let hello = hello(Ipv4Addr::new(10, 0, 0, *last), 1, u64::from(*last));
        handle_hello(&mut machines, at(0), &hello).is_some()
    });
    assert_eq!(probed.count(), 8);
}

#[test]
fn a_machine_is_settled_a_second_after_its_present_boot_was_met() {
    let mut machines = parse("b,c").expect("valid");
    let [b, c] = [id("b"), id("c")];
    for met_us in [0, 900_000] {
        machines.prove(at(met_us), (c, BOOT), C);
    }
    assert!(!machines.is_settled(at(999_999), c));
    assert!(machines.is_settled(at(1_000_000), c));
    assert!(!machines.is_settled(at(1_000_000), b), "it was never met");
    machines.restart(c);
    machines.prove(at(2_000_000), (c, BOOT), C);
    assert!(!machines.is_settled(at(2_999_999), c));
    assert!(machines.is_settled(at(3_000_000), c));
}

#[test]
fn this_machine_is_settled_unless_it_knows_of_another_one_with_its_name() {
    let mut machines = parse("b").expect("valid");
    let a = id("a");
    assert!(machines.is_settled(at(0), a));
    machines.record_double(at(0), a, ELSEWHERE);
    assert!(!machines.is_settled(at(9_999_999), a));
    assert!(machines.is_settled(at(10_000_000), a));
}

/// A DHCP server may assign a guest the address of a member.
#[test]
fn the_manifest_gives_an_address_to_one_machine() {
    let mut machines = parse("b=10.77.0.2,c").expect("valid");
    machines.prove(at(0), (id("c"), BOOT), C);
    let b = Ipv4Addr::new(10, 77, 0, 2);
    assert_eq!(machines.owner_of(b), Some(name("b")));
    for address in [A, C, ELSEWHERE] {
        assert_eq!(machines.owner_of(address), None);
    }
}
