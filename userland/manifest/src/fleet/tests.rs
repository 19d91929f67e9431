//! The compiled fleet: how machines are recognised, and the manifests of guests.

use super::*;
use crate::source::fleet::tests::{TWO, fleet_of};

const UUID: &str = "00112233-4455-6677-8899-aabbccddeeff";
const MAC: Mac = Mac([0x52, 0x54, 0, 0xca, 0x7a, 1]);

/// The names of the sections that match, in order, each with its mark.
fn names(marks: &Marks) -> Vec<(String, Mark)> {
    let fleet = fleet_of(TWO).unwrap();
    let matches = fleet.matches(marks).into_iter();
    matches
        .map(|(member, mark)| (member.manifest.machine.to_string(), mark))
        .collect()
}

#[test]
fn survives_compilation() {
    let fleet = fleet_of(TWO).unwrap();
    let bytes = fleet.to_bytes();
    assert_eq!(Fleet::from_bytes(&bytes), Ok(fleet));
    assert_eq!(
        Fleet::from_bytes(b"caravan manifest 6\n"),
        Err(ManifestError::Version)
    );
    for end in MAGIC.len()..bytes.len() {
        let cut = Fleet::from_bytes(&bytes[..end]);
        assert_eq!(cut, Err(ManifestError::Damaged), "cut at {end}");
    }
}

#[test]
fn a_machine_is_recognised_by_name_uuid_or_card() {
    let uuid = Uuid::parse(UUID);
    let none = Marks::default();
    assert_eq!(
        names(&Marks {
            name: Some("b"),
            ..none.clone()
        }),
        [("b".into(), Mark::Name)]
    );
    let by_uuid = [("b".into(), Mark::Uuid(uuid.unwrap()))];
    assert_eq!(
        names(&Marks {
            uuid,
            ..none.clone()
        }),
        by_uuid
    );
    let macs = [Mac([2; 6]), MAC].into();
    assert_eq!(
        names(&Marks {
            macs,
            ..none.clone()
        }),
        [("a".into(), Mark::Mac(MAC))]
    );
    assert_eq!(names(&none), []);
}

#[test]
fn a_section_that_contradicts_a_stronger_one_comes_second() {
    let marks = Marks {
        name: None,
        uuid: Uuid::parse(UUID),
        macs: [MAC].into(),
    };
    let order =
        |marks: &Marks| -> Vec<String> { names(marks).into_iter().map(|(name, _)| name).collect() };
    assert_eq!(order(&marks), ["b", "a"]);
    assert_eq!(
        order(&Marks {
            name: Some("a"),
            ..marks.clone()
        }),
        ["a", "b"]
    );
    // Two marks of one section agree.
    assert_eq!(
        order(&Marks {
            name: Some("b"),
            macs: Vec::new(),
            ..marks
        }),
        ["b"]
    );
}

#[test]
fn an_unknown_name_matches_nothing_whatever_the_other_marks() {
    let marks = Marks {
        name: Some("c"),
        uuid: Uuid::parse(UUID),
        macs: [MAC].into(),
    };
    assert_eq!(names(&marks), []);
}

#[test]
fn a_guest_is_named_after_its_card_and_starts_the_domains_with_a_role() {
    let fleet = fleet_of(TWO).unwrap();
    let guest = fleet.guest(&Marks {
        macs: [MAC].into(),
        ..Marks::default()
    });
    assert_eq!(guest.machine.as_str(), "guest-525400ca7a01");
    let started: Vec<_> = guest
        .domains_at_home()
        .map(|domain| domain.name.as_str())
        .collect();
    assert_eq!(started, ["switch", "nic0", "nomad"]);
}

#[test]
fn a_guests_migration_server_has_an_address_by_dhcp_and_knows_all_machines() {
    let fleet = fleet_of(TWO).unwrap();
    let guest = |last| {
        let mut mac = MAC;
        mac.0[5] = last;
        let macs = [mac].into();
        fleet.guest(&Marks {
            macs,
            ..Marks::default()
        })
    };
    let [one, other] = [guest(1), guest(2)];
    let one_name = one.machine;
    let server = |guest: &Manifest| {
        let server = guest.at_home_with_role(Role::MigrationServer);
        server.expect("a migration server").clone()
    };
    let [one, other] = [server(&one), server(&other)];
    assert_eq!(one.arguments["peers"], "a=10.77.0.1,b=10.77.0.2");
    let [one, other] = [one, other].map(|server| server.port.expect("a port"));
    assert_eq!(one.ip, Some(crate::network::DHCP));
    assert_ne!(one.mac, other.mac);
    assert_eq!(one.mac, Some(station(one_name)));
}

#[test]
fn a_guest_without_a_card_has_no_migration_server() {
    let guest = fleet_of(TWO).unwrap().guest(&Marks::default());
    assert_eq!(guest.machine.as_str(), "guest");
    assert!(guest.at_home_with_role(Role::MigrationServer).is_none());
}

#[test]
fn the_archive_has_each_program_once() {
    let images = fleet_of(TWO).unwrap();
    let images = images.images();
    for program in ["switch", "nomad-server", "counter", "igb"] {
        assert_eq!(
            images.iter().filter(|image| **image == program).count(),
            1,
            "{images:?}"
        );
    }
}
