//! A machine that starts from the fleet's image without being named in it is a guest: it receives domains that came in packages, from
//! their homes, and sends them back. The home of such a domain queries the guest before it starts the domain
//! again.

mod package;

use std::thread::sleep;
use std::time::{Duration, Instant};

use Node::{A, B, C};
use harness::fleet::LIMIT;
use harness::lan_servers::{self, dhcp};
use harness::reply::Reply;
use harness::third_party::Client;
use harness::{Fleet, Node, counter};
use package::{Packages, assert_undisturbed, entry, probe};

/// The archive of both machines and of the guest.
const ARCHIVE: &str = "fleet-guests";
/// The guest, named after the network card of the third machine.
const GUEST: &str = "guest-525400ca7a03";
/// A guest that does not exist.
const UNKNOWN: &str = "guest-000000000001";
/// The interval between commands that are repeated.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// Two machines of a fleet and a guest with an address by DHCP, which know each other.
struct Stage {
    fleet: Fleet,
    guest: String,
    packages: Packages,
    _servers: Client,
}

impl Stage {
    fn start() -> Stage {
        let mut fleet = Fleet::boot_as(&[ARCHIVE; 3]);
        fleet.await_up();
        let servers = lan_servers::start(&fleet.party);
        let stage = Stage {
            guest: dhcp::LEASED.0.to_string(),
            packages: Packages::new(),
            _servers: servers,
            fleet,
        };
        for node in [A, B] {
            stage.await_guest(node);
        }
        stage
    }

    /// Waits until a machine lists the guest with its address.
    fn await_guest(&self, by: Node) {
        let row = [GUEST, &self.guest, "guest"];
        let is_listed = |list: &str| {
            let mut rows = list.lines().map(str::split_whitespace);
            rows.any(|words| words.take(3).eq(row))
        };
        self.await_text(by.address(), &["machines"], is_listed);
    }

    /// Repeats a command until its output is as expected; returns the output.
    fn await_text(&self, at: &str, words: &[&str], is_it: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + LIMIT;
        loop {
            let text = self.fleet.command_at(at, words);
            if is_it(&text) {
                return text;
            }
            assert!(Instant::now() < deadline, "{words:?} at {at}: {text}");
            sleep(POLL_INTERVAL);
        }
    }

    /// Repeats a command until it is done: other machines have to reply first, or a move is not over yet.
    fn perform(&self, at: &str, words: &[&str]) {
        self.await_text(at, words, |text| text.ends_with("done"));
    }

    /// Sends the package to A.
    fn send_package(&self) -> Reply {
        let packages = &self.packages;
        let package = packages.package(entry(), &packages.program);
        let package = package.to_str().expect("a path that is text");
        self.fleet.reply(A, &["run", package])
    }

    fn run_package(&self) {
        let ran = self.send_package();
        assert!(ran.is_done(), "{ran}");
    }

    fn send_to_guest(&self) {
        self.perform(A.address(), &["migrate", "pushed", "--to", GUEST]);
    }

    /// Waits until A lists the domain like this.
    fn await_home(&self, text: &str) {
        let line = format!("home pushed {text}");
        self.await_text(A.address(), &["list"], |list| list.contains(&line));
    }

    /// Checks that a machine refuses a command, for this reason.
    fn assert_refused(&self, at: &str, words: &[&str], reason: &str) {
        let reply = self.fleet.command_at(at, words);
        assert!(reply.contains(reason), "{words:?} at {at}: {reply}");
    }
}

#[test]
fn the_domain_of_a_package_moves_to_a_guest_and_back_without_losing_a_connection() {
    let mut stage = Stage::start();
    stage.fleet.await_log(
        C,
        "is a guest of the fleet: it has no UUID, and it has the network card",
    );
    stage.run_package();
    let client = probe(&stage.fleet);
    stage.send_to_guest();
    stage.await_home(&format!("at {}", stage.guest));
    let list = stage.fleet.command_at(&stage.guest, &["list"]);
    assert!(list.contains("domain pushed running"), "{list}");
    let machines = stage.fleet.command_at(&stage.guest, &["machines"]);
    for (name, origin) in [(GUEST, "own"), ("a", "handshake"), ("b", "handshake")] {
        let is_its = |row: &str| row.starts_with(name) && row.contains(origin);
        assert!(machines.lines().any(is_its), "{machines}");
    }
    stage.perform(&stage.guest, &["migrate", "pushed", "--to", "a"]);
    stage.send_to_guest();
    let log = stage.fleet.command_at(&stage.guest, &["logs"]);
    assert!(
        log.contains("[root] guest-525400ca7a03 is a guest"),
        "{log}"
    );
    assert_undisturbed(client);
    stage.perform(&stage.guest, &["stop", "pushed"]);
    stage.await_home("lost");
    stage.perform(A.address(), &["start", "pushed"]);
    assert_undisturbed(probe(&stage.fleet));
}

#[test]
fn every_other_move_to_or_from_a_guest_is_refused_with_the_reason() {
    let mut stage = Stage::start();
    stage.fleet.await_log(A, counter::READY);
    let [a, b, guest] = [A.address(), B.address(), &stage.guest.clone()];
    let only_packages = "only a domain that `run` has brought may move to a guest";
    stage.assert_refused(a, &["migrate", "counter", "--to", GUEST], only_packages);
    stage.run_package();
    let unknown = format!("unknown guest {UNKNOWN}");
    stage.assert_refused(a, &["migrate", "pushed", "--to", UNKNOWN], &unknown);
    stage.perform(a, &["migrate", "pushed", "--to", "b"]);
    let only_from_home = "it moves to a guest from its home only";
    stage.assert_refused(b, &["migrate", "pushed", "--to", GUEST], only_from_home);
    stage.perform(b, &["migrate", "pushed", "--to", "a"]);
    stage.send_to_guest();
    let only_to_home = "from a guest it moves to its home only";
    stage.assert_refused(guest, &["migrate", "pushed", "--to", "b"], only_to_home);
    let between = "it does not move from one guest to another";
    stage.assert_refused(guest, &["migrate", "pushed", "--to", UNKNOWN], between);
    let packages = &stage.packages;
    let package = packages.package(entry(), &packages.program);
    let package = package.to_str().expect("a path that is text");
    let no_home = "is a guest: send the package to a machine of the fleet";
    stage.assert_refused(guest, &["run", package], no_home);
    let list = stage.fleet.command_at(guest, &["list"]);
    assert!(list.contains("domain pushed running"), "{list}");
}

/// The home remembers the guest, which is off, even across a restart of the home's migration server.
#[test]
fn a_home_waits_for_the_guest_that_has_its_domain_and_starts_it_when_the_guest_has_lost_it() {
    let mut stage = Stage::start();
    stage.run_package();
    stage.send_to_guest();
    stage.fleet.machine(C).kill();
    let silent = |known: &str| format!("in doubt: {GUEST}{known} does not reply");
    stage.await_home(&silent(&format!(" at {}", stage.guest)));
    stage.fleet.restart_server(A);
    stage.await_home(&silent(""));
    let refused = format!("{GUEST} does not reply, so pushed is not run here");
    let start = ["start", "pushed"];
    stage.await_text(A.address(), &start, |reply| reply.contains(&refused));
    stage.fleet.restart(C);
    stage.await_home("lost");
    stage.perform(A.address(), &["start", "pushed"]);
    assert_undisturbed(probe(&stage.fleet));
}

#[test]
fn a_home_whose_server_was_restarted_finds_its_domain_on_the_guest_and_gets_it_back() {
    let mut stage = Stage::start();
    stage.run_package();
    let client = probe(&stage.fleet);
    stage.send_to_guest();
    stage.fleet.restart_server(A);
    stage.await_home(&format!("at {}", stage.guest));
    let refused = format!("{GUEST} at {} runs it", stage.guest);
    stage.assert_refused(A.address(), &["start", "pushed"], &refused);
    stage.perform(&stage.guest, &["migrate", "pushed", "--to", "a"]);
    stage.send_to_guest();
    assert_undisturbed(client);
}

/// The home has forgotten domain and guest, and does not know the guest yet. It finds it before it starts the domain, and does not forget
/// it when its migration server is restarted.
#[test]
fn a_restarted_home_does_not_start_the_domain_of_a_package_that_a_guest_has() {
    let mut stage = Stage::start();
    stage.run_package();
    let client = probe(&stage.fleet);
    stage.send_to_guest();
    stage.fleet.restart(A);
    let waits = stage.send_package();
    assert!(!waits.is_done(), "{waits}");
    let runs = format!("{GUEST} at {} runs it", stage.guest);
    let start = ["start", "pushed"];
    stage.await_text(A.address(), &start, |reply| reply.contains(&runs));
    stage.fleet.restart_server(A);
    stage.await_home(&format!("at {}", stage.guest));
    stage.await_text(A.address(), &start, |reply| reply.contains(&runs));
    stage.perform(&stage.guest, &["migrate", "pushed", "--to", "a"]);
    assert_undisturbed(client);
}
