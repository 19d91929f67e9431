//! Reports on machines with and without cards that work.

use runtime::protocol::Name;
use runtime::protocol::inventory::Messages;
use runtime::protocol::root::DomainState;

use super::*;
use crate::inventory::LogLine;

fn name(text: &str) -> Name {
    Name::try_new(text).expect("a name")
}

fn function(device: u8, identity: (u16, u16), class: (u8, u8, u8)) -> FunctionRecord {
    FunctionRecord {
        address: (0, device, 0),
        identity,
        class,
        regions: [Region::None; 6],
        messages: Messages::None,
        driver: None,
        domain: None,
    }
}

/// A network card whose driver is in this state.
fn driven(state: DomainState) -> FunctionRecord {
    FunctionRecord {
        messages: Messages::Msi,
        driver: Some(name("e1000")),
        domain: Some((name("nic0"), state)),
        ..function(3, (0x8086, 0x10d3), (2, 0, 0))
    }
}

fn stranger() -> FunctionRecord {
    function(4, (0x10ec, 0x8029), (2, 0, 0))
}

/// A machine with these functions and these lines of the log.
fn machine(functions: &[FunctionRecord], log: &[(&str, &str)]) -> Machine {
    let line = |(domain, text): &(&str, &str)| LogLine {
        domain: name(domain),
        text: (*text).into(),
    };
    Machine {
        facts: Facts {
            maker: "QEMU".into(),
            product: "Standard PC".into(),
            memory_mib: 497,
            ..Facts::default()
        },
        processor: Processor {
            vendor: "GenuineIntel".into(),
            brand: "a processor".into(),
            signature: (6, 0x8c, 1),
            features: [("NX", true), ("PCID", false)].into(),
        },
        functions: functions.into(),
        log: log.iter().map(line).collect(),
    }
}

fn verdict_on(functions: &[FunctionRecord], log: &[(&str, &str)]) -> String {
    verdict(&machine(functions, log))
}

#[test]
fn a_report_is_between_its_two_lines_and_names_every_part() {
    let mut bridge = function(0, (0x8086, 0x29c0), (6, 0, 0));
    bridge.regions[0] = Region::Memory(0xfebd_0000);
    bridge.regions[4] = Region::Ports(0xc000);
    let log = [
        ("root", "WARN: the network card 10ec:8029 has no driver"),
        (
            "root",
            "ERROR: cannot start nic1: the machine has no such device",
        ),
        ("nic0", "NIC 52:54:00:ca:7a:01 is up"),
        ("nic0", "the link is up, 1000 Mb/s"),
    ];
    let lines = lines(&machine(
        &[bridge, driven(DomainState::Running), stranger()],
        &log,
    ));
    assert_eq!(
        lines,
        [
            BEGIN,
            "machine: QEMU Standard PC, UUID unknown",
            "processor: GenuineIntel family 6 model 140 stepping 1, a processor",
            "the kernel uses: ",
            "and does without: ",
            "further features: NX yes, PCID no",
            "platform: unknown",
            "memory: 497 MiB for domains",
            "console: no framebuffer, no PS/2 keyboard, no serial port",
            "1 devices that need no driver:",
            "  00:00.0 8086:29c0 host bridge; no interrupt messages; memory febd0000; ports c000",
            "2 network card(s):",
            "  00:03.0 8086:10d3 Ethernet controller; MSI; driver e1000",
            "    nic0 (running): NIC 52:54:00:ca:7a:01 is up; the link is up, 1000 Mb/s",
            "  00:04.0 10ec:8029 Ethernet controller; no interrupt messages; no driver",
            "from the log: [root] WARN: the network card 10ec:8029 has no driver",
            "verdict: this machine can join a fleet: network card 00:03.0 (8086:10d3) is driven by \
             e1000, and its link is up, 1000 Mb/s",
            END,
        ]
    );
}

#[test]
fn the_last_link_of_the_best_card_decides() {
    let up = ("nic0", "the link is up, 1000 Mb/s");
    let down = ("nic0", "the link is down");
    let nics = [stranger(), driven(DomainState::Running)];
    let verdict = verdict_on(&nics, &[down, up]);
    assert!(
        verdict.contains("can join a fleet: network card 00:03.0"),
        "{verdict}"
    );
    let verdict = verdict_on(&nics, &[up, down]);
    assert!(verdict.contains("once a cable is plugged in"), "{verdict}");
    let verdict = verdict_on(&nics, &[]);
    assert!(verdict.ends_with("is driven by e1000"), "{verdict}");
}

#[test]
fn a_machine_without_a_card_that_works_cannot_join() {
    let verdict = verdict_on(&[driven(DomainState::Stopped)], &[]);
    assert!(
        verdict.contains("cannot") && verdict.contains("which failed"),
        "{verdict}"
    );
    let verdict = verdict_on(&[stranger()], &[]);
    assert!(
        verdict.ends_with("00:04.0 (10ec:8029) has no driver"),
        "{verdict}"
    );
    let verdict = verdict_on(&[], &[]);
    assert!(verdict.contains("no network card"), "{verdict}");
    let mut small = machine(&[driven(DomainState::Running)], &[]);
    small.facts.memory_mib = 40;
    let verdict = super::verdict(&small);
    assert!(verdict.contains("40 MiB"), "{verdict}");
}

#[test]
fn a_driver_that_was_not_started_is_not_a_failure() {
    let mut fifth = driven(DomainState::Running);
    fifth.domain = None;
    let verdict = verdict_on(&[fifth], &[]);
    assert!(
        verdict.contains("may join") && verdict.contains("not tried"),
        "{verdict}"
    );
}
