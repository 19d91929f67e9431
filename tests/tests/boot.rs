//! Caravan boots: by every boot path, on every board, with and without the features that older processors lack.
//!
//! Each machine must print the first line of root and a line of a domain. That shows that memory, devices and the archive were
//! found, user mode runs, and a domain reached root through an endpoint.

use std::fs;
use std::time::Duration;

use harness::bochs::Processor;
use harness::fleet::UUID_OF_B;
use harness::machine::{Board, Boot, NicModel, Options};
use harness::{Artefacts, Bochs, MacAddress, Segment, counter, loader, scratch};
use serde_json::json;

/// The time limit of a wait. Only a test that hangs reaches it: firmware alone takes seconds, and many on a slow host.
const LIMIT: Duration = Duration::from_secs(240);

/// The limit for Bochs, which interprets every instruction.
const BOCHS_LIMIT: Duration = Duration::from_secs(900);

/// The archive without a network.
const ARCHIVE: &str = "counter";
/// The kernel's first output, and the prefix of every line of its log.
const KERNEL: &str = "caravan: ";
/// Root's first line.
const ROOT: &str = "[root] ";
/// The migration server's first line. The stick is that of a fleet, and the machine is recognised by its UUID as the one that
/// does not start the counter.
const NOMAD: &str = "[nomad] listening";

/// A machine that QEMU itself starts.
fn by_pvh(name: &str) -> Options {
    let boot = Boot::Kernel {
        kernel: Artefacts::kernel(),
        archive: Some(Artefacts::archive_named(ARCHIVE)),
    };
    Options::new(name, boot).memory_mib(512)
}

/// A machine that the BIOS starts from the USB stick.
fn by_bios(name: &str) -> Options {
    by_stick(name, Boot::StickBios(Artefacts::image()))
}

/// A machine that the UEFI firmware starts from the USB stick.
fn by_uefi(name: &str) -> Options {
    by_stick(name, Boot::StickUefi(Artefacts::image()))
}

fn by_stick(name: &str, boot: Boot) -> Options {
    Options::new(name, boot).memory_mib(512).uuid(UUID_OF_B)
}

/// Starts the machine and waits until the counter runs; returns its log.
fn comes_up(options: Options) -> String {
    comes_up_with(options, counter::READY)
}

/// Starts the machine and waits for root's first line and this line of a domain; returns its log.
fn comes_up_with(options: Options, domain: &str) -> String {
    let mut machine = options.start();
    machine.expect(KERNEL, LIMIT);
    machine.expect(ROOT, LIMIT);
    machine.expect(domain, LIMIT);
    machine.log()
}

/// Starts a PC under Bochs from a CD, and waits until the counter runs; returns its log.
fn comes_up_in_bochs(name: &str, processor: Processor) -> String {
    let archive = Artefacts::archive_named(ARCHIVE);
    let mut machine = Bochs::start(name, processor, &Artefacts::kernel(), &archive);
    for line in [KERNEL, ROOT, counter::READY] {
        machine.expect(line, BOCHS_LIMIT);
    }
    machine.log()
}

/// Whether the kernel lists this feature of the processor.
fn has_feature(log: &str, feature: &str) -> bool {
    let mut features = log.lines().filter(|line| line.starts_with(KERNEL));
    features.any(|line| line.split_whitespace().any(|word| word == feature))
}

#[test]
fn starts_by_pvh_on_a_pc() {
    comes_up(by_pvh("q35"));
}

#[test]
fn starts_on_a_board_without_pci_express() {
    comes_up(by_pvh("pc").board(Board::Pc));
    let mut segment = Segment::new();
    let far = by_bios("pc-bios").board(Board::Pc).behind_root_buses();
    let far = far.nic_model(NicModel::E1000);
    let far = far.nic(&segment.port("pc-bios"), MacAddress::local(9));
    let log = comes_up_with(far, NOMAD);
    let card = "network card 0 is 8086:100e at 41:00.0";
    assert!(log.contains(card), "{log}");
}

#[test]
fn starts_by_pvh_on_the_small_board() {
    comes_up(by_pvh("microvm").board(Board::Microvm));
}

#[test]
fn starts_from_the_stick_under_a_bios() {
    comes_up_with(by_bios("bios"), NOMAD);
}

#[test]
fn starts_from_the_stick_under_uefi() {
    comes_up_with(by_uefi("uefi"), NOMAD);
}

#[test]
fn uses_the_features_of_a_new_processor() {
    let log = comes_up(by_pvh("max"));
    for feature in ["X2APIC", "SMAP", "XSAVE", "FSGSBASE"] {
        assert!(has_feature(&log, feature), "{feature} is not in\n{log}");
    }
}

#[test]
fn runs_without_x2apic() {
    let log = comes_up(by_pvh("xapic").cpu("max,-x2apic"));
    assert!(!has_feature(&log, "X2APIC"), "{log}");
}

#[test]
fn runs_without_the_features_an_old_processor_lacks() {
    let log = comes_up(by_pvh("qemu64").cpu("qemu64"));
    for feature in ["SMAP", "XSAVE", "FSGSBASE"] {
        assert!(!has_feature(&log, feature), "{feature} is in\n{log}");
    }
}

#[test]
fn an_old_processor_starts_from_the_stick() {
    comes_up_with(by_bios("bios-qemu64").cpu("qemu64"), NOMAD);
}

#[test]
fn starts_by_pvh_on_a_small_board_without_x2apic() {
    let small = by_pvh("microvm-xapic").board(Board::Microvm);
    comes_up(small.cpu("max,-x2apic"));
}

#[test]
fn starts_with_more_cores_than_it_uses() {
    for cores in [2, 16] {
        comes_up(by_pvh("cores").cores(cores));
    }
}

#[test]
fn starts_with_memory_above_four_gibibytes() {
    comes_up(by_pvh("large").memory_mib(5 << 10));
}

#[test]
fn starts_with_64_gibibytes() {
    let log = comes_up(by_pvh("largest").unreserved_memory_mib(64 << 10));
    let line = log
        .lines()
        .find(|line| line.contains("MiB of memory are free"));
    let words = line.unwrap_or_default().split_whitespace();
    let free_mib = words.filter_map(|word| word.parse::<u32>().ok()).next();
    assert!(free_mib > Some(63 << 10), "{log}");
}

#[test]
fn starts_on_a_modelled_intel_processor() {
    let log = comes_up_in_bochs("tigerlake", Processor::TigerLake);
    for feature in ["X2APIC", "TSC_DEADLINE", "SMAP", "UMIP"] {
        assert!(has_feature(&log, feature), "{feature} is not in\n{log}");
    }
}

#[test]
fn starts_on_a_modelled_amd_processor() {
    let log = comes_up_in_bochs("ryzen", Processor::Ryzen);
    assert!(!has_feature(&log, "TSC_DEADLINE"), "{log}");
}

/// A machine that starts a patched kernel.
fn by_patched(name: &str, kernel: &loader::PatchedKernel) -> Options {
    let boot = Boot::Kernel {
        kernel: kernel.path(),
        archive: Some(Artefacts::archive_named(ARCHIVE)),
    };
    Options::new(name, boot).memory_mib(512)
}

/// Starts a machine whose kernel QEMU loads and which first executes these instructions. Waits until the counter runs.
fn comes_up_after(name: &str, instructions: &[u8], cpu: &str) {
    let kernel = loader::kernel_after(&Artefacts::kernel(), instructions);
    comes_up(by_patched(name, &kernel).cpu(cpu));
}

#[test]
fn starts_after_a_loader_that_left_five_level_paging_on() {
    comes_up_after("la57", loader::FIVE_LEVEL_PAGING, "max");
}

#[test]
fn starts_after_a_loader_that_left_the_apic_disabled() {
    comes_up_after("apic", loader::APIC_DISABLED, "max");
    comes_up_after("apic", loader::APIC_DISABLED, "max,-x2apic");
}

#[test]
fn interrupts_arrive_after_firmware_gave_the_apic_another_number() {
    let kernel = loader::kernel_after(&Artefacts::kernel(), loader::APIC_RENUMBERED);
    let mut machine = by_patched("renumbered", &kernel).cpu("max,-x2apic").start();
    machine.expect(counter::READY, LIMIT);
    // Each key is an interrupt of the serial port.
    machine.type_line("ps");
    machine.expect("console                  running", LIMIT);
}

#[test]
fn a_machine_whose_firmware_forbids_x2apic_mode_does_not_enter_it() {
    // The width of addresses, the flags, and ten reserved bytes.
    let mut body = [0; 12];
    body[..2].copy_from_slice(&[0x26, 0b10]);
    let directory = scratch::directory();
    let file = directory.path().join("dmar");
    fs::write(&file, body).expect("room for a table");
    let table = format!("sig=DMAR,data={}", file.display());
    let options = by_pvh("dmar").argument("-acpitable").argument(table);
    let log = comes_up(options.cpu("max"));
    assert!(
        !has_feature(&log, "X2APIC") && log.contains("in xAPIC mode"),
        "{log}"
    );
    assert!(log.contains("there is an IOMMU"), "{log}");
}

#[test]
fn continues_after_non_maskable_interrupts_and_counts_them() {
    for cpu in ["max", "max,-x2apic"] {
        let mut machine = by_pvh("nmi").cpu(cpu).start();
        machine.expect(counter::READY, LIMIT);
        for count in 1..=2 {
            machine.control("inject-nmi", json!({}));
            machine.expect(&format!("{count} non-maskable interrupt(s)"), LIMIT);
        }
    }
}

#[test]
fn an_unsuitable_processor_is_reported_on_the_serial_line() {
    for (cpu, line) in [
        ("max,-nx", "does not offer no-execute"),
        ("max,-lm", "has no 64-bit mode"),
    ] {
        by_pvh("refused").cpu(cpu).start().expect(line, LIMIT);
    }
}

#[test]
fn a_machine_without_an_archive_or_memory_reports_it() {
    let boot = Boot::Kernel {
        kernel: Artefacts::kernel(),
        archive: None,
    };
    let mut machine = Options::new("bare", boot).start();
    machine.expect("boot archive: there is none", LIMIT);
    let mut machine = by_pvh("small").memory_mib(8).start();
    machine.expect("the machine has memory for root", LIMIT);
}

#[test]
fn a_command_line_that_is_too_long_is_cut_between_words() {
    // Each word has 11 characters of two bytes each, so that a cut after a number of bytes would be inside of one.
    let line = "ääääääääää= ".repeat(90);
    let options = by_pvh("long").argument("-append").argument(line);
    let mut machine = options.start();
    machine.expect("the command line is too long: `ä", LIMIT);
    machine.expect(counter::READY, LIMIT);
}
