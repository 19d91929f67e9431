//! The operator's shell on the serial port replies to commands even while domains log there. A machine without the port runs
//! without the shell.

use std::thread::sleep;
use std::time::{Duration, Instant};

use harness::machine::{Boot, Machine, Options};
use harness::{Artefacts, MacAddress, Port, Segment, ThirdParty, counter};

/// The time limit of a wait. Only a test that hangs reaches it.
const LIMIT: Duration = Duration::from_secs(240);

/// The interval between checks of a machine without output.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// A machine with the console.
fn options(port: &Port) -> Options {
    let boot = Boot::Kernel {
        kernel: Artefacts::kernel(),
        archive: Some(Artefacts::archive_named("console")),
    };
    Options::new("a", boot)
        .memory_mib(512)
        .nic(port, MacAddress::local(1))
}

/// Waits for a condition.
fn await_that(what: &str, mut is_met: impl FnMut() -> bool) {
    let deadline = Instant::now() + LIMIT;
    while !is_met() {
        assert!(Instant::now() < deadline, "not within {LIMIT:?}: {what}");
        sleep(POLL_INTERVAL);
    }
}

#[test]
fn a_machine_without_a_serial_port_comes_up_and_its_processor_halts() {
    let mut segment = Segment::new();
    let host = MacAddress::local(100);
    let party = ThirdParty::join(&mut segment, "third", "10.77.0.100/24", host);
    let port = segment.port("a");
    let mut machine = options(&port).silent().start();
    // The migration server replies to ARP requests, so everything with a higher priority is running too.
    let request = "echo > /dev/udp/10.77.0.1/7411; ip neighbour show 10.77.0.1";
    await_that("the migration server has an address", || {
        party
            .run("bash", &["-c", request], LIMIT)
            .contains("lladdr")
    });
    // No thread spins.
    await_that("the processor is halted", || {
        machine.registers().value("HLT") == 1
    });
}

/// Forces the counter to run. No machine b is there to reply that it does not have the counter, so the operator decides once
/// b has had the time to reply.
fn force_the_counter(machine: &mut Machine) {
    const FORCE: &str = "force counter run";
    machine.type_line(FORCE);
    loop {
        let line = machine.expect("counter", LIMIT);
        if line.contains("counter is to run here") {
            return;
        }
        if line.contains("try again") {
            sleep(Duration::from_secs(1));
            machine.type_line(FORCE);
        }
    }
}

#[test]
fn the_shell_lists_domains_and_queries_the_migration_server() {
    let mut segment = Segment::new();
    let port = segment.port("a");
    let mut machine = options(&port).start();
    machine.expect("[nomad] listening", LIMIT);
    force_the_counter(&mut machine);
    // The counter starts concurrently, and may be ready before the reply is printed.
    machine.expect_anywhere(counter::READY, LIMIT);
    // Typed commands, with editing keys, and a line of each reply.
    for (typed, reply) in [
        ("pt\u{8}s", "console                  running"),
        ("mem", "memory "),
        ("log root", "[root] started console with 4 MiB"),
        ("nonsense\u{15}fly", "there is no command `fly`; try `help`"),
        ("explain counter", "rebind to the destination's port"),
        ("migrate counter nowhere", "failed: unknown machine nowhere"),
        ("migrate\u{3}ps", "counter                  running"),
    ] {
        machine.type_line(typed);
        machine.expect(reply, LIMIT);
        machine.expect_text("> ", LIMIT);
    }
    // The log of one domain contains only its lines. All of them were printed before.
    let before = machine.log().len();
    machine.type_line("log counter");
    machine.expect(counter::READY, LIMIT);
    machine.expect_text("> ", LIMIT);
    let log = machine.log().split_off(before);
    assert!(!log.contains("[root] started"), "{log}");
}
