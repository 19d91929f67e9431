//! The kernel conforms to its interface: the guest `conformance`, in root's place, checks it on several processors.
//!
//! All of them measure time in instructions, so that slices and deadlines have the same length on every host, however slow.
//! In QEMU that excludes x2APIC, which one of Bochs' processors has.

use std::time::Duration;

use harness::bochs::Processor;
use harness::machine::{Boot, Options};
use harness::{Artefacts, Bochs, Machine, Verdict};

/// The time limit of a wait. Only a test that hangs reaches it: a run takes seconds.
const LIMIT: Duration = Duration::from_secs(300);

/// The limit for Bochs, which interprets every instruction.
const BOCHS_LIMIT: Duration = Duration::from_secs(900);

/// The archive in which the guest is root.
const ARCHIVE: &str = "guest-conformance";

/// The guest's exit code for success.
const PASSED: Verdict = Verdict::Exit(0x10);

/// The kernel's log line for the one thread whose exception has no handler.
const UNHANDLED: &str = ": fault 2, 0x6, 0x0";

fn machine(cpu: &str) -> Machine {
    let boot = Boot::Kernel {
        kernel: Artefacts::kernel(),
        archive: Some(Artefacts::archive_named(ARCHIVE)),
    };
    Options::new("conformance", boot)
        .cpu(cpu)
        .counting()
        .start()
}

/// Asserts that every check passed.
fn judge(log: &str) {
    let failed: Vec<&str> = log.lines().filter(|line| line.contains("FAILED")).collect();
    assert!(failed.is_empty(), "{failed:#?}\n{log}");
    assert!(log.contains(" checks, 0 failed"), "{log}");
    assert!(log.contains(UNHANDLED), "{log}");
}

/// Runs every check on this processor, and asserts that each passes.
fn every_check_passes_on(cpu: &str) {
    let mut machine = machine(cpu);
    let verdict = machine.wait_exit(LIMIT);
    let log = machine.log();
    judge(&log);
    assert_eq!(verdict, PASSED, "{log}");
}

/// Runs every check on a PC under Bochs, and asserts that each passes.
fn every_check_passes_in_bochs(name: &str, processor: Processor) {
    let archive = Artefacts::archive_named(ARCHIVE);
    let mut machine = Bochs::start(name, processor, &Artefacts::kernel(), &archive);
    machine.expect(" checks, ", BOCHS_LIMIT);
    judge(&machine.log());
}

#[test]
fn every_check_passes_with_all_features_of_the_emulator() {
    every_check_passes_on("max");
}

#[test]
fn every_check_passes_on_a_plain_processor() {
    every_check_passes_on("qemu64");
}

#[test]
fn every_check_passes_on_a_modelled_intel_processor() {
    every_check_passes_in_bochs("tigerlake", Processor::TigerLake);
}

#[test]
fn every_check_passes_on_a_modelled_amd_processor() {
    every_check_passes_in_bochs("ryzen", Processor::Ryzen);
}
