//! A fleet whose second machine has no stick: the third party starts it from the network, with `caravan netboot`.

use std::path::Path;
use std::time::{Duration, Instant};

use super::{Fleet, STICK_LIMIT, UP, UUID_OF_B, unchanged};
use crate::machine::Options;
use crate::third_party::Client;
use crate::{Node, child};

/// In place of an archive: the network.
pub(super) const NETWORK: &str = "network";

/// The archives: the first machine starts from the archive of the default fleet.
const ARCHIVES: [&str; 2] = ["fleet", NETWORK];

/// The addresses that the third party gives to firmware and boot loader.
const ADDRESSES: [&str; 2] = ["--dhcp", "10.77.0.150-10.77.0.159"];
/// The server's message when it is ready.
const READY: &str = "UEFI HTTP boot: ";
/// How long a server may take until it is ready, or ends because the one before it still has the ports.
const SERVER_LIMIT: Duration = Duration::from_secs(60);

/// The second machine waits for the server before it starts, and may restart later.
fn waiting(options: Options) -> Options {
    options.uuid(UUID_OF_B).stopped().reboots()
}

impl Fleet {
    /// Starts the machines of the default fleet, the second one from the network with the image in this directory, and waits until
    /// their migration servers are up. Returns the server of the image, which ends when it is dropped.
    ///
    /// # Panics
    ///
    /// If one of them does not come up; its log is in the message.
    pub fn start_lab(directory: &Path) -> (Fleet, Client) {
        let mut fleet = Fleet::begin(&ARCHIVES, [unchanged, waiting]);
        let server = fleet.serve_image(directory);
        fleet.machine(Node::B).resume();
        for node in fleet.nodes() {
            fleet.machine(node).expect_anywhere(UP, STICK_LIMIT);
        }
        (fleet, server)
    }

    /// Starts a server of the image in this directory. No other server may be running.
    ///
    /// # Panics
    ///
    /// If it does not start.
    pub fn serve_image(&self, directory: &Path) -> Client {
        child::require("grub-mkstandalone", "grub-common");
        let program = child::beside("caravan", "cargo build -p caravan");
        let text = |path: &Path| path.to_str().expect("a path that is text").to_owned();
        let (program, directory) = (text(&program), text(directory));
        // The user of a `sudo` around the tests does not exist in the host's namespace.
        let words = ["-u", "SUDO_UID", &program, "netboot", "--interface", "lan0"];
        let words = [&words[..], &ADDRESSES, &[&directory]].concat();
        let deadline = Instant::now() + SERVER_LIMIT;
        loop {
            let server = self.party.start("env", &words);
            if server.writes(READY, SERVER_LIMIT) {
                return server;
            }
            // The programs of the server before it may not have ended yet.
            let tail = server.output().tail(10);
            assert!(Instant::now() < deadline, "the image is not served: {tail}");
        }
    }
}
