//! Commands to the switch and the handling of its reports.

extern crate std;
use std::format;
use std::string::String;
use std::vec::Vec;

use abi::register::Slot;
use runtime::protocol::{Mac, Mtu};

use super::*;

const A: DomainNumber = DomainNumber(1);
const B: DomainNumber = DomainNumber(2);

fn address(last: u8) -> PortAddress {
    PortAddress {
        mac: Mac([2, 0, 0, 0, 0, last]),
        ip: None,
        kind: PortKind::Domain,
        mtu: Mtu::STANDARD,
    }
}

fn ring(slot: u32) -> Cap<Memory> {
    Cap::from_slot(Slot(slot))
}

fn wake(slot: u32) -> Cap<Notification> {
    Cap::from_slot(Slot(slot))
}

/// Attaches and activates the owner's ports.
fn serve(board: &mut Switchboard, owner: DomainNumber, wake: Cap<Notification>) {
    board.attach(owner, wake);
    board.activate(owner);
}

/// Runs a switch that executes every command; returns the commands as text.
fn run(board: &mut Switchboard) -> (Vec<String>, Vec<Change>) {
    let (mut commands, mut changes, mut done) = (Vec::new(), Vec::new(), 0);
    loop {
        changes.extend(board.completed(done));
        let NextStep {
            serial, command, ..
        } = board.next_step();
        done = serial;
        commands.push(match command {
            Command::Nothing { .. } => return (commands, changes),
            Command::Attach { port, mtu, .. } => format!("attach {}{}", port.0, other_mtu(mtu)),
            Command::Activate { port, .. } => format!("activate {}", port.0),
            Command::Quiesce { port, leaves: true } => format!("quiesce {}", port.0),
            Command::Quiesce { port, .. } => format!("stop {}", port.0),
            Command::Detach { port } => format!("detach {}", port.0),
            Command::Depart { port } => format!("depart {}", port.0),
        });
    }
}

/// The text of an MTU that is not the standard one.
fn other_mtu(mtu: Mtu) -> String {
    if mtu == Mtu::STANDARD {
        String::new()
    } else {
        format!(" mtu {mtu}")
    }
}

#[test]
fn a_port_is_attached_with_its_mtu() {
    let mut board = Switchboard::default();
    let jumbo = PortAddress {
        mtu: Mtu::MAX,
        ..address(1)
    };
    board.add(A, jumbo, ring(10));
    serve(&mut board, A, wake(20));
    assert_eq!(run(&mut board).0, ["attach 1 mtu 65000", "activate 1"]);
}

#[test]
fn a_port_is_attached_and_activated_when_its_owner_runs() {
    let mut board = Switchboard::default();
    board.add(A, address(1), ring(10));
    assert!(!board.has_work());
    serve(&mut board, A, wake(20));
    assert_eq!(run(&mut board).0, ["attach 1", "activate 1"]);
    assert!(!board.has_work());
}

#[test]
fn a_port_is_attached_before_its_owner_runs() {
    let mut board = Switchboard::default();
    board.add(A, address(1), ring(10));
    board.attach(A, wake(20));
    assert_eq!(run(&mut board).0, ["attach 1"]);
    assert!(board.quiesce(A), "no frame flows yet");
    board.attach(A, wake(21));
    assert_eq!(run(&mut board).0, ["detach 1", "attach 1"]);
    board.activate(A);
    assert_eq!(run(&mut board).0, ["activate 1"]);
}

#[test]
fn the_port_of_a_leaving_owner_is_quiet_for_a_restarted_switch_too() {
    let mut board = Switchboard::default();
    board.add(A, address(1), ring(10));
    serve(&mut board, A, wake(20));
    board.quiesce(A);
    board.forget_switch();
    assert_eq!(run(&mut board).0, ["attach 1", "quiesce 1"]);
}

#[test]
fn an_address_is_taken_as_long_as_its_port_exists() {
    let mut board = Switchboard::default();
    let with_ip = |last, ip: &str| PortAddress {
        ip: ip.parse().ok(),
        ..address(last)
    };
    board.add(A, with_ip(1, "10.77.0.20/24"), ring(10));
    assert!(!board.is_taken(A, with_ip(1, "10.77.0.20/24")), "its own");
    assert!(board.is_taken(B, address(1)));
    assert!(board.is_taken(B, with_ip(2, "10.77.0.20/16")));
    assert!(!board.is_taken(B, with_ip(2, "10.77.0.21/24")));
    board.add(B, address(3), ring(11));
    assert!(
        !board.is_taken(A, address(2)),
        "ports without an IPv4 address share none"
    );
    board.remove(A);
    assert!(!board.is_taken(B, with_ip(1, "10.77.0.20/24")));
}

#[test]
fn a_step_stays_the_next_one_until_it_is_reported() {
    let mut board = Switchboard::default();
    board.add(A, address(1), ring(10));
    serve(&mut board, A, wake(20));
    let first = board.next_step();
    assert_eq!(board.next_step(), first);
    board.quiesce(A);
    assert_eq!(board.next_step(), first);
    assert_eq!(board.completed(first.serial + 1), None);
    assert_eq!(board.next_step(), first);
}

#[test]
fn a_restarted_switch_receives_every_port() {
    let mut board = Switchboard::default();
    for (owner, slot) in [(A, 1), (B, 2)] {
        board.add(owner, address(slot as u8), ring(slot));
        serve(&mut board, owner, wake(slot + 10));
    }
    run(&mut board);
    assert!(board.forget_switch().is_empty());
    let (commands, _) = run(&mut board);
    assert_eq!(
        commands,
        ["attach 1", "activate 1", "attach 2", "activate 2"]
    );
}

#[test]
fn the_port_of_a_restarted_owner_is_attached_again() {
    let mut board = Switchboard::default();
    board.add(A, address(1), ring(10));
    serve(&mut board, A, wake(20));
    run(&mut board);
    serve(&mut board, A, wake(21));
    let (commands, _) = run(&mut board);
    assert_eq!(commands, ["detach 1", "attach 1", "activate 1"]);
}

#[test]
fn a_port_is_quiet_once_the_switch_reports_it() {
    let mut board = Switchboard::default();
    board.add(A, address(1), ring(10));
    assert!(board.quiesce(A), "no switch serves it yet");
    serve(&mut board, A, wake(20));
    run(&mut board);
    assert!(!board.quiesce(A));
    let (commands, changes) = run(&mut board);
    assert_eq!(commands, ["quiesce 1"]);
    assert_eq!(changes, [Change::Quiet(A)]);
    assert!(board.quiesce(A));
    board.activate(A);
    assert_eq!(run(&mut board).0, ["activate 1"]);
}

#[test]
fn a_stopped_owner_is_not_leaving_even_if_it_was_before() {
    let mut board = Switchboard::default();
    board.add(A, address(1), ring(10));
    serve(&mut board, A, wake(20));
    run(&mut board);
    board.stop(A);
    let (commands, changes) = run(&mut board);
    assert_eq!(commands, ["stop 1"]);
    assert_eq!(changes, [Change::Quiet(A)]);
    board.activate(A);
    board.quiesce(A);
    assert_eq!(run(&mut board).0, ["quiesce 1"]);
    board.stop(A);
    assert_eq!(run(&mut board).0, ["stop 1"]);
}

#[test]
fn a_port_that_may_be_active_already_is_not_quiet() {
    let mut board = Switchboard::default();
    board.add(A, address(1), ring(10));
    serve(&mut board, A, wake(20));
    let attach = board.next_step();
    board.completed(attach.serial);
    board.next_step();
    assert!(!board.quiesce(A));
    let (commands, changes) = run(&mut board);
    assert_eq!(commands, ["activate 1", "quiesce 1"]);
    assert_eq!(changes, [Change::Served, Change::Quiet(A)]);
}

#[test]
fn a_ring_is_returned_once_the_switch_does_not_use_it() {
    let mut board = Switchboard::default();
    board.add(A, address(1), ring(10));
    assert_eq!(board.remove(A), Some(ring(10)));
    board.add(B, address(2), ring(11));
    serve(&mut board, B, wake(20));
    run(&mut board);
    assert_eq!(board.remove(B), None);
    assert!(board.find(B, PortKind::Domain).is_none());
    let (commands, changes) = run(&mut board);
    assert_eq!(commands, ["detach 2"]);
    assert_eq!(changes, [Change::Gone(ring(11))]);
}

#[test]
fn the_port_of_a_domain_that_has_left_departs() {
    let mut board = Switchboard::default();
    board.add(A, address(1), ring(10));
    serve(&mut board, A, wake(20));
    run(&mut board);
    board.quiesce(A);
    run(&mut board);
    assert_eq!(board.depart(A), None);
    let (commands, changes) = run(&mut board);
    assert_eq!(commands, ["depart 1"]);
    assert_eq!(changes, [Change::Gone(ring(10))]);
}

#[test]
fn a_tunnel_is_served_together_with_its_owners_port() {
    let mut board = Switchboard::default();
    board.add(A, address(1), ring(10));
    let tunnel = PortAddress {
        kind: PortKind::Tunnel,
        ..address(0)
    };
    board.add(A, tunnel, ring(11));
    serve(&mut board, A, wake(20));
    assert_eq!(
        board.find(A, PortKind::Tunnel).map(Port::ring),
        Some(ring(11))
    );
    assert_eq!(
        board.find(A, PortKind::Domain).map(Port::ring),
        Some(ring(10))
    );
    let (commands, _) = run(&mut board);
    assert_eq!(
        commands,
        ["attach 1", "activate 1", "attach 2", "activate 2"]
    );
    assert!(!board.quiesce(A));
    assert_eq!(run(&mut board).0, ["quiesce 1", "quiesce 2"]);
    assert!(board.quiesce(A));
}

#[test]
fn a_ring_that_the_switch_may_use_is_kept_until_it_reports() {
    let mut board = Switchboard::default();
    board.add(A, address(1), ring(10));
    serve(&mut board, A, wake(20));
    let step = board.next_step();
    assert_eq!(step.capabilities, Some((ring(10), wake(20))));
    assert_eq!(board.remove(A), None);
    board.completed(step.serial);
    assert_eq!(run(&mut board).1, [Change::Gone(ring(10))]);
    board.add(B, address(2), ring(11));
    serve(&mut board, B, wake(21));
    board.next_step();
    assert_eq!(board.remove(B), None);
    assert_eq!(board.forget_switch(), [ring(11)]);
}
