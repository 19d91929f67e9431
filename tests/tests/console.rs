//! The operator's shell on the serial port: what is typed is answered, also when others write there; a machine without
//! the port does without the shell.

use std::thread::sleep;
use std::time::{Duration, Instant};

use harness::machine::{Boot, Machine, Options};
use harness::{Artefacts, MacAddress, Segment, ThirdParty};

/// Stops a hang.
const LIMIT: Duration = Duration::from_secs(240);

/// How often a machine that cannot say how it is is looked at.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Looks until something is so.
fn await_that(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + LIMIT;
    while !is_so() {
        assert!(Instant::now() < deadline, "not within {LIMIT:?}: {what}");
        sleep(POLL_INTERVAL);
    }
}

#[test]
fn a_machine_without_a_serial_port_comes_up_and_its_processor_rests() {
    let mut segment = Segment::new();
    let host = MacAddress::local(100);
    let party = ThirdParty::join(&mut segment, "third", "10.77.0.100/24", host);
    let port = segment.port("a");
    let boot = Boot::Kernel {
        kernel: Artefacts::kernel(),
        archive: Some(Artefacts::archive_named("console")),
    };
    let mut machine = Options::new("a", boot)
        .memory_mib(512)
        .card(&port, MacAddress::local(1))
        .silent()
        .start();
    // The migration server says where it is, to who sends it something: so all that is of a higher priority runs.
    let ask = "echo > /dev/udp/10.77.0.1/7411; ip neighbour show 10.77.0.1";
    await_that("the migration server has an address", || {
        party.run("bash", &["-c", ask], LIMIT).contains("lladdr")
    });
    // Nobody spins.
    await_that("the processor is halted", || {
        machine.registers().value("HLT") == 1
    });
}

/// Nobody can say that machine b does not have the counter: the operator does, once b has had the time to answer.
fn force_the_counter(machine: &mut Machine) {
    const FORCE: &str = "force counter run";
    machine.type_line(FORCE);
    loop {
        let said = machine.expect("counter", LIMIT);
        if said.contains("counter is to run here") {
            return;
        }
        if said.contains("try again") {
            sleep(Duration::from_secs(1));
            machine.type_line(FORCE);
        }
    }
}

#[test]
fn the_shell_lists_domains_and_asks_the_migration_server() {
    let mut segment = Segment::new();
    let port = segment.port("a");
    let boot = Boot::Kernel {
        kernel: Artefacts::kernel(),
        archive: Some(Artefacts::archive_named("console")),
    };
    let mut machine = Options::new("a", boot)
        .memory_mib(512)
        .card(&port, MacAddress::local(1))
        .start();
    machine.expect("[nomad] listening", LIMIT);
    force_the_counter(&mut machine);
    // The counter starts beside the answer, and may be ready before that is typed out.
    machine.expect_anywhere("[counter] counter: ready", LIMIT);
    // Each command: what is typed, with a slip and a backspace, and a line of the answer.
    for (typed, answer) in [
        ("pt\u{8}s", "console                  running"),
        ("mem", "memory "),
        ("log root", "[root] started console with 4 MiB"),
        ("nonsense\u{15}fly", "there is no command `fly`; try `help`"),
        ("explain counter", "rebind to the destination's port"),
        ("migrate counter nowhere", "failed: unknown machine nowhere"),
        ("migrate\u{3}ps", "counter                  running"),
    ] {
        machine.type_line(typed);
        machine.expect(answer, LIMIT);
        machine.expect_text("> ", LIMIT);
    }
    // One domain's lines are its own; all were said before.
    let before = machine.log().len();
    machine.type_line("log counter");
    machine.expect("[counter] counter: ready", LIMIT);
    machine.expect_text("> ", LIMIT);
    let said = machine.log().split_off(before);
    assert!(!said.contains("[root] started"), "{said}");
}
