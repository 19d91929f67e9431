//! The upgrade of a fleet under load: a machine is drained, restarts by the network with another image, and gets its domains
//! back. Their clients notice nothing but pauses.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use harness::Node::{A, B};
use harness::fleet::LIMIT;
use harness::linear::{Workload, by_key, check};
use harness::listed::Listed;
use harness::repeat::{fresh_seed, variable};
use harness::third_party::finish_kv_checker;
use harness::{Artefacts, Fleet, Node, counter, scratch, store};

/// How long firmware and a boot loader may take until a machine is up. Only a hang reaches this limit.
const BOOT_LIMIT: Duration = Duration::from_secs(600);

/// The mark by which the first image's machine finds its part of the fleet, and the one on the second image's command line.
const FIRST_MARK: &str = "[root] machine b of the fleet, by its UUID";
const SECOND_MARK: &str = "[root] machine b of the fleet, by the kernel's command line";
const UP: &str = "[nomad] listening";

/// The domains at home on A.
const DOMAINS: [&str; 2] = ["counter", "kv"];

/// Makes another image in this directory: its menu names the machine on the kernel's command line.
fn make_second_image(directory: &Path) {
    scratch::copy(&Artefacts::netboot(), directory);
    let menu = directory.join("boot/grub/grub.cfg");
    let text = fs::read_to_string(&menu).expect("the image's menu");
    let changed = text.replacen("    start archive\n", "    start archive machine=b\n", 1);
    assert_ne!(changed, text);
    fs::write(&menu, changed).expect("room for a file");
}

/// Waits until a domain runs on this machine and nowhere else, and no move is left.
fn await_settled(fleet: &Fleet, domain: &str, node: Node) {
    let is_settled = |listed: &Listed| listed.is_settled_on(node, domain).then_some(());
    let what = format!("settled on {}", node.name());
    Listed::wait(fleet, domain, &what, is_settled);
}

#[test]
fn a_machine_is_drained_restarts_with_another_image_and_gets_its_domains_back_under_load() {
    let seed = variable("CARAVAN_UPGRADE_SEED").unwrap_or_else(fresh_seed);
    println!("repeat with CARAVAN_UPGRADE_SEED={seed}");
    let first = Artefacts::netboot();
    let (mut fleet, server) = Fleet::start_lab(&first);
    assert!(fleet.log(B).contains(FIRST_MARK), "{}", fleet.log(B));
    fleet.await_log(A, store::READY);
    fleet.await_log(A, counter::READY);
    for domain in DOMAINS {
        fleet.migrate(domain, A);
    }
    let checker = fleet.party.check_kv(&store::address().to_string());
    let clients = fleet.party.start_registers(&Workload {
        store: store::address(),
        seed,
        clients: 4,
        keys: 8,
    });
    // The machine does not restart while it would lose domains.
    let (refused, is_done) = fleet.outcome(B, &["reboot"]);
    assert!(refused.contains("b is not restarted: "), "{refused}");
    assert!(
        refused.contains("a restart loses kv: it is running") && !is_done,
        "{refused}"
    );
    // B drains, and admits nothing any more.
    let (drained, is_done) = fleet.outcome(B, &["drain"]);
    assert!(
        drained.contains("b is drained: 2 moved, 0 stay"),
        "{drained}"
    );
    assert!(is_done && drained.ends_with("done"), "{drained}");
    for domain in DOMAINS {
        await_settled(&fleet, domain, A);
    }
    let machines = fleet.command(A, &["machines"]);
    assert!(machines.contains("b is drained"), "{machines}");
    let (refused, is_done) = fleet.outcome(A, &["migrate", "kv", "b"]);
    assert!(
        refused.contains("b admits no domain: it is draining"),
        "{refused}"
    );
    assert!(!is_done, "{refused}");
    // Another image is served, and B starts it.
    drop(server);
    let second = scratch::directory();
    make_second_image(second.path());
    let _server = fleet.serve_image(second.path());
    fleet.machine(B).skip_log();
    let (rebooted, is_done) = fleet.outcome(B, &["reboot"]);
    assert_eq!(rebooted, "b restarts\ndone");
    assert!(is_done);
    fleet.machine(B).expect(SECOND_MARK, BOOT_LIMIT);
    fleet.machine(B).expect(UP, BOOT_LIMIT);
    // The domains return.
    for domain in DOMAINS {
        move_back(&fleet, domain);
        await_settled(&fleet, domain, B);
    }
    let observed = clients.finish();
    assert_eq!(observed.summary.lost, [""; 0], "no connection is lost");
    assert_eq!(observed.summary.errors, [""; 0], "no reply is wrong");
    for (key, entries) in by_key(&observed.history) {
        check(&entries).unwrap_or_else(|violation| panic!("key {key}: {violation}"));
    }
    assert!(finish_kv_checker(checker, LIMIT).writes > 0);
}

/// Moves a domain to B, once A has noticed that B was restarted.
fn move_back(fleet: &Fleet, domain: &str) {
    let deadline = Instant::now() + LIMIT;
    loop {
        let (reply, is_done) = fleet.outcome(A, &["migrate", domain, "b"]);
        if is_done {
            return;
        }
        assert!(Instant::now() < deadline, "{domain}: {reply}");
    }
}
