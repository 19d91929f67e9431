//! Machines without a disk or a stick start from the network: from QEMU's own server, and from `caravan netboot`.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use harness::machine::{Boot, Machine, Options};
use harness::third_party::Client;
use harness::{Artefacts, MacAddress, Node, Segment, ThirdParty, child, lan_servers, scratch};

/// The time limit of a wait. Only a test that hangs reaches it: firmware alone takes minutes on a slow host.
const LIMIT: Duration = Duration::from_secs(600);

/// The address of the host that starts the machines.
const SERVER: &str = "10.77.0.101/24";
/// Its message when it is ready.
const READY: &str = "UEFI HTTP boot: http://10.77.0.101:7480/caravan.iso";

/// Its message about a machine that starts by HTTP.
const IMAGE_READ: &str = "downloads the image";

/// The core image for a BIOS that finds the server by itself.
const BIOS_CORE: &str = "boot/grub/i386-pc/core.0";
/// The message of the menu about a start that has failed.
const FAILED: &str = "The start has failed.";
/// The end of the menu's last entry.
const MENU: &str = "(h)";
const ESCAPE: char = '\u{1b}';

/// The line of a machine that has found its part of the fleet.
const FOUND: &str = "[root] machine a of the fleet, by its network card";
/// The line of one that has joined it.
const UP: &str = "[nomad] listening";

/// A machine of the default fleet that has nothing to start from.
fn machine(name: &str, boot: Boot) -> Options {
    Options::new(name, boot).memory_mib(512)
}

/// The directory for the network, as `scripts/image` makes it.
fn directory() -> PathBuf {
    Artefacts::netboot()
}

/// Starts a machine, and waits until it has joined the fleet.
fn joins(options: Options) {
    await_joined(&mut options.start());
}

fn await_joined(machine: &mut Machine) {
    machine.expect(FOUND, LIMIT);
    machine.expect_anywhere(UP, LIMIT);
}

fn starts_from_files(boot: Boot, start: &str) {
    let options = machine("files", boot);
    joins(options.nic_with_files(&directory(), start, Node::A.nic()));
}

#[test]
fn the_bios_starts_from_files_of_the_network() {
    starts_from_files(Boot::NetworkBios, BIOS_CORE);
}

#[test]
fn a_start_without_its_archive_is_repeated_and_the_escape_key_leads_back_to_the_menu() {
    let image = scratch::directory();
    scratch::copy(&directory(), image.path());
    let [archive, away] = ["archive.tar", "away"].map(|name| image.path().join("boot").join(name));
    fs::rename(&archive, &away).expect("an archive");
    let options = machine("repeats", Boot::NetworkBios);
    let options = options.nic_with_files(image.path(), BIOS_CORE, Node::A.nic());
    let mut machine = options.start();
    machine.expect_text(FAILED, LIMIT);
    machine.press(ESCAPE);
    // The kernel that is loaded does not start without the archive.
    machine.expect_text(MENU, LIMIT);
    machine.press('n');
    machine.expect_text(FAILED, LIMIT);
    fs::rename(&away, &archive).expect("the same directory");
    await_joined(&mut machine);
}

#[test]
fn uefi_starts_from_files_of_the_network() {
    starts_from_files(Boot::NetworkUefi, "boot/grub/x86_64-efi/core.efi");
}

/// A network with a host that runs `caravan netboot`.
struct Lab {
    segment: Segment,
    _host: ThirdParty,
    server: Client,
}

impl Lab {
    /// Starts the host with these options of the command.
    fn start(mut segment: Segment, options: &[&str]) -> Lab {
        child::require("grub-mkstandalone", "grub-common");
        let host = ThirdParty::join(&mut segment, "host", SERVER, MacAddress::local(101));
        let program = child::beside("caravan", "cargo build -p caravan");
        let (program, directory) = (program.to_str(), directory());
        let program = program.expect("a path that is text");
        // The user of a `sudo` around the tests does not exist in the host's namespace.
        let words = ["-u", "SUDO_UID", program, "netboot", "--interface", "lan0"];
        let directory = directory.to_str().expect("a path that is text");
        let server = host.start("env", &[&words, options, &[directory]].concat());
        server.await_output(READY, LIMIT);
        Lab {
            segment,
            _host: host,
            server,
        }
    }

    /// A machine of the lab.
    fn machine(&mut self, name: &str, boot: Boot) -> Options {
        let port = self.segment.port(name);
        machine(name, boot).nic(&port, Node::A.nic())
    }
}

/// Starts a lab whose network has a DHCP server that knows nothing of Caravan.
fn beside_a_dhcp_server(test: impl FnOnce(Lab)) {
    let mut segment = Segment::new();
    let address = format!("{}/24", lan_servers::SERVER);
    let router = ThirdParty::join(&mut segment, "router", &address, MacAddress::local(100));
    let _servers = lan_servers::start(&router);
    test(Lab::start(segment, &[]));
}

#[test]
fn a_bios_starts_beside_the_networks_own_dhcp_server() {
    beside_a_dhcp_server(|mut lab| {
        joins(lab.machine("bios", Boot::NetworkBios));
    });
}

/// GRUB waits half a minute for a reply to its request for the menu, and repeats it.
#[test]
fn uefi_starts_beside_the_networks_own_dhcp_server_though_grubs_requests_are_lost() {
    beside_a_dhcp_server(|mut lab| {
        let port = lab.segment.port("uefi");
        let options = machine("uefi", Boot::NetworkUefi).nic(&port, Node::A.nic());
        let mut machine = options.start();
        machine.expect_text("NBP file downloaded successfully.", LIMIT);
        port.cut();
        machine.expect_text("The menu could not be read", LIMIT);
        port.heal();
        await_joined(&mut machine);
    });
}

/// The same firmware with HTTP boot only, which it tries last.
fn without_pxe(options: Options) -> Options {
    ["IPv4PXESupport", "IPv6PXESupport"]
        .into_iter()
        .fold(options, |options, name| {
            let setting = format!("name=opt/org.tianocore/{name},string=no");
            options.argument("-fw_cfg").argument(setting)
        })
}

#[test]
fn uefi_starts_the_sticks_image_by_http() {
    beside_a_dhcp_server(|mut lab| {
        joins(without_pxe(lab.machine("http", Boot::NetworkUefi)));
        lab.server.await_output(IMAGE_READ, LIMIT);
    });
}

/// The addresses that a lab hands out itself.
const ADDRESSES: [&str; 2] = ["--dhcp", "10.77.0.150-10.77.0.159"];

#[test]
fn a_lab_without_a_dhcp_server_hands_out_addresses() {
    let mut lab = Lab::start(Segment::new(), &ADDRESSES);
    joins(lab.machine("bios", Boot::NetworkBios));
    joins(lab.machine("uefi", Boot::NetworkUefi));
    joins(without_pxe(lab.machine("http", Boot::NetworkUefi)));
    lab.server.await_output(IMAGE_READ, LIMIT);
}
