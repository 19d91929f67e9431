//! Guests: how they become known, and the bound on their number.

use alloc::format;
use alloc::string::String;
use nomad_client::Event;
use nomad_client::event::AddressOrigin;
use nomad_protocol::{BootId, Fleet, Hello, LifeId};

use super::*;

const NOW: Instant = Instant::from_us(0);
const BOOT: BootId = BootId(1);

fn name(text: &str) -> Name {
    Name::try_new(text).expect("a name")
}

fn guest(number: usize) -> Name {
    name(&format!("guest-{number:012}"))
}

/// The id of a machine: its name.
fn id_of(name: Name) -> MachineId {
    let mut id = [0; 32];
    let text = name.as_str().as_bytes();
    id[..text.len()].copy_from_slice(text);
    MachineId(id)
}

fn address(number: usize) -> Ipv4Addr {
    Ipv4Addr::new(10, 77, 1, number as u8)
}

/// The machines as the one with this name knows them at first: itself, and the member `b`.
fn machines(own: &str) -> Machines {
    let own = name(own);
    let own = FleetMember::new(own, id_of(own), Some(Ipv4Addr::new(10, 77, 0, 1)));
    Machines::parse(own, "b=10.77.0.2", id_of).expect("valid")
}

fn hello(machines: &mut Machines, number: usize) -> Result<Option<MachineId>, Full> {
    let hello = Hello {
        name: guest(number),
        boot: BOOT,
        life: LifeId(1),
        count: 1,
        address: address(number),
    };
    machines.handle_hello(NOW, &hello, id_of)
}

/// Has a guest found by its hello and a handshake.
fn meet(machines: &mut Machines, number: usize) {
    let id = id_of(guest(number));
    assert_eq!(hello(machines, number), Ok(Some(id)));
    machines.prove(NOW, (id, BOOT), address(number));
}

fn find(machines: &Machines, name: Name) -> Result<(Ipv4Addr, Option<MachineId>), String> {
    let destination = name.as_str().parse().expect("a destination");
    machines.find(destination)
}

#[test]
fn a_guest_is_known_after_a_handshake_and_is_not_of_the_fleet() {
    let mut machines = machines("a");
    assert_eq!(hello(&mut machines, 1), Ok(Some(id_of(guest(1)))));
    assert_eq!(machines.list(NOW).len(), 2, "a hello proves nothing");
    let unknown = find(&machines, guest(1)).expect_err("no handshake yet");
    assert!(unknown.starts_with("unknown guest guest-"), "{unknown}");
    machines.prove(NOW, (id_of(guest(1)), BOOT), address(1));
    let found = find(&machines, guest(1));
    assert_eq!(found, Ok((address(1), Some(id_of(guest(1))))));
    let listed = machines.list(NOW).pop().expect("three machines");
    let expected = Event::Machine {
        name: guest(1),
        address: Some(address(1)),
        origin: AddressOrigin::Guest,
        double: None,
    };
    assert_eq!(listed, expected);
    let fleet = Fleet::new(["a", "b"].map(|text| id_of(name(text))));
    assert_eq!(machines.fleet(), fleet);
}

#[test]
fn a_guest_agrees_on_the_fleet_and_ignores_other_guests() {
    let mut machines = machines("guest-000000000009");
    assert_eq!(machines.fleet(), Fleet::new([id_of(name("b"))]));
    assert_eq!(hello(&mut machines, 1), Ok(None));
    let refused = find(&machines, guest(1)).expect_err("a guest");
    assert!(refused.contains("from one guest to another"), "{refused}");
}

#[test]
fn a_further_guest_takes_the_place_of_one_that_is_silent_and_not_needed() {
    let mut machines = machines("a");
    (1..=GUESTS_MAX).for_each(|number| meet(&mut machines, number));
    let last = GUESTS_MAX + 1;
    assert_eq!(hello(&mut machines, last), Err(Full));
    let [needed, idle] = [1, 2].map(|number| id_of(guest(number)));
    machines.set_needed_guests(BTreeSet::from([needed]), &[(guest(1), needed)]);
    machines.mark_silent(needed);
    assert_eq!(hello(&mut machines, last), Err(Full));
    machines.mark_silent(idle);
    assert_eq!(hello(&mut machines, last), Ok(Some(id_of(guest(last)))));
    assert!(machines.get(needed).is_some() && machines.get(idle).is_none());
}

#[test]
fn a_needed_guest_has_a_place_whatever_the_number_of_others() {
    let mut machines = machines("a");
    (1..=GUESTS_MAX).for_each(|number| meet(&mut machines, number));
    let last = guest(GUESTS_MAX + 1);
    machines.set_needed_guests(BTreeSet::from([id_of(last)]), &[(last, id_of(last))]);
    assert_eq!(machines.guest_name(id_of(last)), Some(last));
}

#[test]
fn a_silent_guest_is_up_again_after_the_next_handshake() {
    let mut machines = machines("a");
    meet(&mut machines, 1);
    let up = |machines: &Machines| machines.guests_up().count();
    assert_eq!(up(&machines), 1);
    machines.mark_silent(id_of(guest(1)));
    assert_eq!(up(&machines), 0);
    machines.prove(NOW, (id_of(guest(1)), BOOT), address(1));
    assert_eq!(up(&machines), 1);
}

/// A recorded hello proves nothing, and an address may have been given out twice.
#[test]
fn a_guest_stays_up_whatever_hellos_come_and_whoever_gets_its_address() {
    let mut machines = machines("a");
    meet(&mut machines, 1);
    let recorded = Hello {
        name: guest(1),
        boot: BootId(9),
        life: LifeId(9),
        count: 1,
        address: address(1),
    };
    let probed = machines.handle_hello(NOW.after_us(1_000_000), &recorded, id_of);
    assert_eq!(probed, Ok(Some(id_of(guest(1)))), "it may be a new life");
    let up = |machines: &Machines| machines.guests_up().collect::<Vec<_>>();
    assert_eq!(up(&machines), [id_of(guest(1))]);
    machines.prove(NOW, (id_of(name("b")), BOOT), address(1));
    assert_eq!(up(&machines), [id_of(guest(1))]);
    (2..=GUESTS_MAX).for_each(|number| meet(&mut machines, number));
    assert_eq!(hello(&mut machines, GUESTS_MAX + 1), Err(Full));
}

/// Stations on the network may record hellos and repeat them.
#[test]
fn only_new_hellos_of_the_life_that_was_met_are_signs_of_a_guest() {
    const WITHIN_US: u64 = 10_000_000;
    let (mut machines, id) = (machines("a"), id_of(guest(1)));
    let mut now = NOW;
    let receive = |machines: &mut Machines, now: Instant, (boot, life), count| {
        let hello = Hello {
            name: guest(1),
            boot,
            life: LifeId(life),
            count,
            address: address(1),
        };
        machines.handle_hello(now, &hello, id_of).expect("a place");
        machines.was_noticed(now, id, WITHIN_US)
    };
    let (met, others) = ((BOOT, 1), [(BOOT, 2), (BootId(9), 1), (BootId(9), 9)]);
    assert!(!receive(&mut machines, now, met, 1), "none was met");
    machines.prove(now, (id, BOOT), address(1));
    // It is alive, and too slow for another handshake.
    for count in 2..20 {
        now = now.after_us(WITHIN_US);
        assert!(receive(&mut machines, now, met, count), "{count}");
        for other in others {
            now = now.after_us(WITHIN_US);
            assert!(!receive(&mut machines, now, other, count), "{other:?}");
            assert!(!receive(&mut machines, now, met, count), "{other:?}");
        }
    }
    // A handshake with another life of the same boot, then with another boot, of which no hello was received last.
    assert!(!receive(&mut machines, now, (BOOT, 3), 1));
    machines.prove(now, (id, BOOT), address(1));
    now = now.after_us(WITHIN_US);
    assert!(!receive(&mut machines, now, met, 20));
    assert!(receive(&mut machines, now, (BOOT, 3), 2));
    machines.prove(now, (id, BootId(4)), address(1));
    now = now.after_us(WITHIN_US);
    assert!(!receive(&mut machines, now, (BOOT, 3), 3));
}
