//! The boot menu: each of its entries starts from the stick, and the hardware check names the cards that QEMU was given.

use std::time::Duration;

use harness::fleet::UUID_OF_B;
use harness::machine::{Boot, Machine, NicModel, Options};
use harness::{Artefacts, MacAddress, Segment};

/// The time limit of a wait. Only a test that hangs reaches it: firmware alone takes seconds, and many on a slow host.
const LIMIT: Duration = Duration::from_secs(240);

/// The end of the menu's last entry: then it takes keys.
const MENU: &str = "(h)";
const BEGIN: &str = "hardware report: begin";
const END: &str = "hardware report: end";

/// A card that QEMU has and no driver knows, and a sound chip.
const STRANGERS: [&str; 4] = ["-device", "ne2k_pci,romfile=", "-device", "intel-hda"];

fn with_strangers(options: Options) -> Options {
    let add = |options: Options, argument| options.argument(argument);
    STRANGERS.into_iter().fold(options, add)
}

/// A machine from the stick that the fleet names.
fn stick(name: &str, boot: fn(std::path::PathBuf) -> Boot) -> Options {
    let options = Options::new(name, boot(Artefacts::image())).memory_mib(512);
    options.uuid(UUID_OF_B)
}

/// Types the key of an entry on the serial line.
fn choose(machine: &mut Machine, key: char) {
    machine.expect_text(MENU, LIMIT);
    machine.press(key);
}

/// The lines of the report, without the name of its domain.
fn report(machine: &mut Machine) -> Vec<String> {
    machine.expect(BEGIN, LIMIT);
    machine.expect(END, LIMIT);
    let log = machine.log();
    let lines = log
        .lines()
        .filter_map(|line| line.strip_prefix("[hwcheck] "));
    let lines = lines.map(|line| line.trim_end().to_owned());
    lines.skip_while(|line| !line.contains(BEGIN)).collect()
}

/// The one line of a report with this text.
fn line<'a>(report: &'a [String], text: &str) -> &'a str {
    let mut lines = report.iter().filter(|line| line.contains(text));
    match (lines.next(), lines.next()) {
        (Some(line), None) => line,
        other => panic!("{text} is in {other:?} of {report:#?}"),
    }
}

#[test]
fn a_safe_start_uses_nothing_optional() {
    let mut segment = Segment::new();
    let options = stick("menu-safe", Boot::StickBios);
    let options = options.nic(&segment.port("safe"), MacAddress::local(9));
    let mut machine = options.start();
    choose(&mut machine, 's');
    machine.expect("caravan: a safe start", LIMIT);
    machine.expect("timer by count in xAPIC mode", LIMIT);
    let features = machine.expect("QEMU TCG CPU", LIMIT);
    let used = |feature| features.split_whitespace().any(|word| word == feature);
    for feature in ["SMEP", "SMAP", "XSAVE", "AVX", "X2APIC", "PAT", "PGE"] {
        assert!(!used(feature), "{features}");
    }
    assert!(used("RDSEED"), "{features}");
    machine.expect_anywhere(
        "[nic0] it has no message-signalled interrupt, and is polled",
        LIMIT,
    );
    machine.expect_anywhere("[nomad] listening", LIMIT);
}

#[test]
fn the_first_entry_starts_when_its_key_is_pressed_on_the_keyboard() {
    let mut machine = stick("menu-normal", Boot::StickUefi).start();
    machine.expect_text(MENU, LIMIT);
    machine.type_keys("n");
    machine.expect("[nomad] listening", LIMIT);
    assert!(!machine.log().contains("a safe start"));
}

/// At GRUB's command line the entries' function takes the same words as on an edited entry's line.
#[test]
fn every_word_of_an_entry_reaches_the_command_line_of_the_kernel() {
    let mut machine = stick("menu-words", Boot::StickBios).start();
    choose(&mut machine, 'c');
    machine.expect_text("grub>", LIMIT);
    machine.type_line("start archive one two three four machine=nobody");
    machine.expect("the fleet has no machine nobody", LIMIT);
}

#[test]
fn the_hardware_check_names_cards_with_and_without_a_driver() {
    let mut segment = Segment::new();
    let options = stick("menu-check", Boot::StickBios).nic_model(NicModel::E1000e);
    let options = options.nic(&segment.port("checked"), MacAddress::local(9));
    let mut machine = with_strangers(options).start();
    choose(&mut machine, 'h');
    let report = report(&mut machine);
    assert!(
        line(&report, "machine: ").contains("QEMU Standard PC"),
        "{report:#?}"
    );
    assert!(
        line(&report, "machine: ").contains(UUID_OF_B),
        "{report:#?}"
    );
    assert!(
        line(&report, "the kernel uses: ").contains("X2APIC"),
        "{report:#?}"
    );
    assert!(
        line(&report, "platform: ").contains("24 interrupt lines"),
        "{report:#?}"
    );
    let driven = line(&report, "8086:10d3 Ethernet controller");
    assert!(
        driven.ends_with("driver e1000") && driven.contains("MSI"),
        "{driven}"
    );
    let driver = line(&report, "nic0 (running): ");
    assert!(driver.contains("NIC 52:54:00:ca:7a:09 is up"), "{driver}");
    assert!(driver.contains("the link is up"), "{driver}");
    let stranger = line(&report, "10ec:8029 Ethernet controller");
    assert!(stranger.ends_with("no driver"), "{stranger}");
    line(
        &report,
        "from the log: [root] WARN: the network card 10ec:8029",
    );
    line(&report, "audio or video device");
    let verdict = line(&report, "verdict: ");
    assert!(
        verdict.contains("this machine can join a fleet"),
        "{verdict}"
    );
    assert!(
        verdict.contains("(8086:10d3) is driven by e1000"),
        "{verdict}"
    );
    // The shell shows it again.
    machine.skip_log();
    machine.type_line("log hwcheck");
    machine.expect(END, LIMIT);
    // Its console has no port.
    machine.type_line("list");
    machine.expect("this console has no port", LIMIT);
    machine.expect("next: use the program `caravan`", LIMIT);
}

#[test]
fn the_verdict_is_on_the_screen_and_says_what_is_missing() {
    let mut machine = with_strangers(stick("menu-screen", Boot::StickUefi)).start();
    choose(&mut machine, 'h');
    machine.expect_on_screen("this machine cannot join a fleet: network card", LIMIT);
    machine.expect_on_screen(END, LIMIT);
    let report = report(&mut machine);
    assert!(line(&report, "verdict: ").ends_with("(10ec:8029) has no driver"));
    assert!(
        line(&report, "console: ").contains("a framebuffer"),
        "{report:#?}"
    );
}
