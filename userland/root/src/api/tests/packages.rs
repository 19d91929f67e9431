//! Domains that come in packages: complete, piece by piece, and rejected.

use alloc::format;
use alloc::string::String;

use manifest::{Capability, Package, Port, Restart, Role};
use runtime::protocol::log::{TEXT_BYTES_MAX, Text};
use runtime::protocol::root::{Installation, decode_reply};

use super::*;
use crate::api::root::packages::{PACKAGES_BYTES_MAX, PACKAGES_MAX};
use crate::definition::Definition;
use crate::image::tests::good;

/// A movable domain that no machine has yet.
fn entry() -> manifest::Domain {
    let mut entry = Definition::for_tests(Restart::Never).description;
    entry.name = Name::try_new("echo").expect("a name");
    entry.capabilities = [Capability::Log, Capability::Port].into();
    entry.port = Some(Port {
        mac: Some(Mac([2, 0, 0, 0, 0, 5])),
        ip: "10.0.0.5/24".parse().ok(),
        gateway: None,
        dns: Vec::new(),
        ip6: None,
        uplink: false,
        mtu: Mtu::STANDARD,
    });
    entry
}

/// A kernel that accepts every call, on a machine with 64 MiB.
fn kernel(request: &Request) -> host::CallResult {
    match request {
        Request::PoolReport(_) => Ok([64 << 8, 0, 0, 0, 0, 0, 0, 0]),
        other => accept_all(other),
    }
}

fn package(domain: manifest::Domain) -> Vec<u8> {
    let program = &good();
    Package { domain, program }.to_bytes()
}

fn begin(bytes: usize) -> RootRequest {
    RootRequest::BeginPackage {
        bytes: bytes as u32,
    }
}

fn append(offset: usize, piece: &[u8]) -> RootRequest {
    RootRequest::AppendPackage {
        offset: offset as u32,
        piece: Text::of(piece),
    }
}

/// Sends a package, each piece twice.
fn send(root: &mut Supervisor, package: &[u8]) {
    assert_eq!(call(root, begin(package.len())), is_done());
    for (index, piece) in package.chunks(TEXT_BYTES_MAX).enumerate() {
        for _ in 0..2 {
            let appended = call(root, append(index * TEXT_BYTES_MAX, piece));
            assert_eq!(appended, is_done());
        }
    }
}

fn install(root: &mut Supervisor) -> Installation {
    let (words, _) = call(root, RootRequest::InstallPackage).expect("a reply");
    decode_reply(&words).expect("an installation")
}

/// The field and the reason for which a package is rejected, which changes nothing.
fn rejected(root: &mut Supervisor, package: &[u8]) -> (Option<Name>, String) {
    let before = (root.domains.iter().count(), root.manifest.clone());
    send(root, package);
    let Installation::Rejected { field, reason } = install(root) else {
        panic!("installed");
    };
    let after = (root.domains.iter().count(), root.manifest.clone());
    assert_eq!(before, after);
    assert_eq!(root.package.capacity(), 0);
    (field, String::from_utf8_lossy(reason.as_bytes()).into())
}

#[test]
fn a_domain_of_a_package_waits_for_a_roll_call_and_is_forgotten_when_it_is_removed() {
    with_kernel(kernel, || {
        let mut root = Supervisor::for_tests();
        send(&mut root, &package(entry()));
        let Installation::Installed(record) = install(&mut root) else {
            panic!("rejected");
        };
        let echo = Name::try_new("echo").expect("a name");
        assert_eq!((record.name, record.state), (echo, DomainState::Waiting));
        assert_eq!(record.home, Name::try_new("nameless").ok());
        assert_eq!(root.manifest.domains.len(), 1);
        let remove = RootRequest::Remove { name: echo };
        assert_eq!(call(&mut root, remove), is_done());
        assert_eq!(
            (root.domains.iter().count(), root.manifest.domains.len()),
            (0, 0)
        );
        assert_eq!(call(&mut root, remove), is_refused(Refusal::NoSuchDomain));
    });
}

#[test]
fn a_domain_that_the_machine_cannot_have_is_rejected_with_its_field() {
    type Change = fn(&mut manifest::Domain);
    let changes: [(Change, &str, &str); 12] = [
        (
            |entry| entry.name = name(),
            "",
            "a domain counter is on this machine",
        ),
        (|entry| entry.role = Some(Role::Switch), "role", "a switch"),
        (
            |entry| entry.capabilities.push(Capability::Root),
            "capabilities",
            "`root` is for domains of the boot",
        ),
        (
            |entry| entry.capabilities.push(Capability::Records),
            "capabilities",
            "`records` is for",
        ),
        (
            |entry| entry.home = Name::try_new("b").ok(),
            "home",
            "it is at home on b, and this is nameless",
        ),
        (|entry| entry.pool_mib = 0, "pool_mib", ""),
        (|entry| entry.pool_mib = 65, "pool_mib", "65 are more"),
        (
            |entry| entry.provides = ["log".into()].into(),
            "provides",
            "`log` is root's",
        ),
        (
            |entry| entry.provides = (0..15).map(|it| format!("s{it}")).collect(),
            "provides",
            "17 capabilities and services are more than 16",
        ),
        (
            |entry| entry.capabilities.push(Capability::Service("x".into())),
            "capabilities",
            "no domain provides `x`",
        ),
        (
            |entry| entry.port.as_mut().expect("a port").mac = Some(Mac([2, 0, 0, 0, 0, 1])),
            "port",
            "the domain `counter` on this machine has the same `mac` or `ip`",
        ),
        (
            |entry| entry.port.as_mut().expect("a port").uplink = true,
            "port",
            "an uplink is a driver's",
        ),
    ];
    with_kernel(kernel, || {
        let mut root = served(DomainState::Running, 1);
        for (change, expected_field, expected) in changes {
            let mut entry = entry();
            change(&mut entry);
            let (field, reason) = rejected(&mut root, &package(entry));
            assert_eq!(field, Name::try_new(expected_field).ok(), "{reason}");
            assert!(reason.starts_with(expected), "{reason}");
        }
    });
}

#[test]
fn a_damaged_package_or_program_is_rejected() {
    with_kernel(kernel, || {
        let mut root = Supervisor::for_tests();
        let whole = package(entry());
        let cut = whole.len() - good().len() / 2;
        for (bytes, expected) in [
            (
                &b"\x7fELF"[..],
                "the package: it is not a package of version 2",
            ),
            (&whole[..30], "the package: it is damaged"),
            (&whole[..cut], "the program of echo: "),
        ] {
            let (field, reason) = rejected(&mut root, bytes);
            assert_eq!(field, None);
            assert!(reason.starts_with(expected), "{reason}");
        }
    });
}

#[test]
fn packages_take_a_bounded_part_of_roots_memory() {
    with_kernel(kernel, || {
        let mut root = Supervisor::for_tests();
        let too_large = call(&mut root, begin(PACKAGES_BYTES_MAX + 1));
        assert_eq!(too_large, is_refused(Refusal::TooLarge));
        send(&mut root, &package(entry()));
        assert!(matches!(install(&mut root), Installation::Installed(_)));
        // Installed packages count, and one that is still being received does not.
        let most = PACKAGES_BYTES_MAX - package(entry()).len();
        assert_eq!(
            call(&mut root, begin(most + 1)),
            is_refused(Refusal::TooLarge)
        );
        assert_eq!(call(&mut root, begin(most)), is_done());
        assert_eq!(call(&mut root, begin(5)), is_done());
    });
}

#[test]
fn a_piece_after_a_gap_or_beyond_the_size_is_refused() {
    with_kernel(kernel, || {
        let mut root = Supervisor::for_tests();
        assert_eq!(call(&mut root, begin(5)), is_done());
        let gap = call(&mut root, append(1, &[1]));
        assert_eq!(gap, is_refused(Refusal::WrongState));
        let beyond = call(&mut root, append(0, &[0; 6]));
        assert_eq!(beyond, is_refused(Refusal::TooLarge));
        assert_eq!(call(&mut root, append(0, &[1, 2, 3])), is_done());
        assert_eq!(call(&mut root, append(1, &[2, 3, 4, 5])), is_done());
        assert_eq!(root.package, [1, 2, 3, 4, 5]);
    });
}

#[test]
fn a_domain_of_the_archive_and_one_that_runs_are_not_removed() {
    with_kernel(kernel, || {
        let remove = RootRequest::Remove { name: name() };
        let mut foreign = root(DomainState::Running, 1);
        assert_eq!(call(&mut foreign, remove), is_refused(Refusal::NotHome));
        let mut archived = root(DomainState::Stopped, 1);
        let definition = Definition::for_tests(Restart::Never);
        let domain = archived.domains.by_name_mut(name()).expect("a domain");
        domain.definition = Some(definition.into());
        assert_eq!(call(&mut archived, remove), is_refused(Refusal::OfArchive));
        let mut running = root(DomainState::Running, 1);
        let domain = running.domains.by_name_mut(name()).expect("a domain");
        let received = Definition::received(entry(), Vec::new(), 0);
        domain.definition = Some(received.into());
        assert_eq!(call(&mut running, remove), is_refused(Refusal::WrongState));
    });
}

#[test]
fn the_number_of_packages_is_bounded_and_one_that_is_removed_makes_room() {
    with_kernel(kernel, || {
        let mut root = Supervisor::for_tests();
        for number in 0..PACKAGES_MAX {
            let mut entry = entry();
            entry.name = Name::try_new(&format!("echo-{number}")).expect("a name");
            (entry.port, entry.capabilities) = (None, Vec::new());
            send(&mut root, &package(entry));
            assert!(matches!(install(&mut root), Installation::Installed(_)));
        }
        assert_eq!(call(&mut root, begin(1)), is_refused(Refusal::TooMany));
        let name = Name::try_new("echo-7").expect("a name");
        assert_eq!(call(&mut root, RootRequest::Remove { name }), is_done());
        assert_eq!(call(&mut root, begin(1)), is_done());
    });
}

#[test]
fn a_package_that_is_too_large_does_not_replace_the_one_being_received() {
    with_kernel(kernel, || {
        let mut root = Supervisor::for_tests();
        assert_eq!(call(&mut root, begin(5)), is_done());
        let too_large = call(&mut root, begin(PACKAGES_BYTES_MAX + 1));
        assert_eq!(too_large, is_refused(Refusal::TooLarge));
        assert_eq!(call(&mut root, append(0, &[1, 2])), is_done());
    });
}

#[test]
fn the_endpoint_of_a_removed_domains_service_is_destroyed_unless_another_needs_it() {
    let ((), calls) = with_kernel(kernel, || {
        let mut root = Supervisor::for_tests();
        let mut entry = entry();
        entry.provides = ["lookup".into()].into();
        entry.movable = false;
        send(&mut root, &package(entry.clone()));
        assert!(matches!(install(&mut root), Installation::Installed(_)));
        let created = root.services.create_for(&root.machine, &entry);
        created.expect("endpoints");
        let name = Name::try_new("echo").expect("a name");
        assert_eq!(call(&mut root, RootRequest::Remove { name }), is_done());
        assert!(root.services.find("lookup").is_none());
    });
    assert!(calls.iter().any(|call| matches!(call, Request::Destroy(_))));
}
