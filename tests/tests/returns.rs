//! A domain moves back to the machine that it came from, which has kept the pages that were not written meanwhile. The tests
//! compare numbers of pages, which the migration server reports.

mod package;

use std::thread::sleep;
use std::time::{Duration, Instant};

use Node::{A, B, C};
use harness::fleet::{LIMIT, TRIO};
use harness::migration::Migration;
use harness::pauses::{self, Pages};
use harness::prober::Heap;
use harness::third_party::Probe;
use harness::{Fleet, Node, counter};
use package::{Packages, assert_undisturbed, entry};
use serde_json::json;

/// The interval between reads of a log.
const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// Pages per MiB.
const MIB_PAGES: u64 = 256;

/// Starts to probe the counter. It would detect a page with an older content.
fn probe(fleet: &Fleet, heap: Heap) -> Probe {
    let mut options = counter::options(heap);
    options.udp_interval = Duration::from_millis(5);
    options.tcp_interval = Duration::from_millis(10);
    fleet.party.probe(&options)
}

/// Moves the counter along this way; returns what each move reports. Its first round has the pages that the destination does not know.
/// How many more the counter has written until it is frozen depends on the host.
fn moves(fleet: &Fleet, way: &[Node]) -> Vec<Migration> {
    let moves = way.windows(2);
    let moves = moves.map(|ends| fleet.migrate_to("counter", ends[0], ends[1]));
    moves.collect()
}

/// The pages that each move from a machine has sent with their bytes. The machine writes its log after a while.
fn pages_with_data(fleet: &Fleet, from: Node, moves: usize) -> Vec<Pages> {
    let deadline = Instant::now() + LIMIT;
    loop {
        let pauses = pauses::pauses(&fleet.log(from));
        let pages: Vec<Pages> = pauses.iter().filter_map(|pause| pause.pages).collect();
        if pages.len() == moves {
            return pages;
        }
        assert!(Instant::now() < deadline, "{moves} moves: {pauses:?}");
        sleep(POLL_INTERVAL);
    }
}

/// The free pages of a machine, as it reports them.
fn free_pages(fleet: &Fleet, node: Node) -> u64 {
    fleet.memory_of(node).machine.free_pages()
}

#[test]
fn a_domain_that_moves_back_and_forth_sends_only_what_it_has_written() {
    let mut fleet = Fleet::start();
    fleet.await_log(A, counter::READY);
    let probe = probe(&fleet, counter::USUAL);
    let moves = moves(&fleet, &[A, B, A, B, A]);
    let heap_pages = counter::USUAL.mib * MIB_PAGES;
    let first = moves[0].first_round_pages;
    assert!(first > heap_pages, "{moves:?}");
    let is_smaller = |later: &Migration| later.first_round_pages < first / 2;
    assert!(moves[1..].iter().all(is_smaller), "{moves:?}");
    // No page of the heap is zero.
    let from_a = pages_with_data(&fleet, A, 2);
    assert!(from_a[0].all >= heap_pages, "{from_a:?}");
    let in_first_round = from_a[1].all.saturating_sub(moves[2].pages_resent);
    assert!(in_first_round < heap_pages / 2, "{from_a:?}, {moves:?}");
    assert!(
        from_a
            .iter()
            .all(|pages| (1..pages.all).contains(&pages.in_pause)),
        "{from_a:?}"
    );
    assert_undisturbed(probe);
}

/// The copy that A keeps is from before the move to B, and C knows only what was written since the domain came from B.
#[test]
fn a_domain_that_returns_from_another_machine_sends_all_pages() {
    let mut fleet = Fleet::start_as(&TRIO);
    fleet.await_log(A, counter::READY);
    let probe = probe(&fleet, counter::SMALL);
    let moves = moves(&fleet, &[A, B, C, A]);
    let heap_pages = counter::SMALL.mib * MIB_PAGES;
    let is_all = |sent: &Migration| sent.first_round_pages > heap_pages;
    assert!(moves.iter().all(is_all), "{moves:?}");
    assert_undisturbed(probe);
}

#[test]
fn a_domain_sends_all_pages_if_a_migration_server_was_restarted_meanwhile() {
    let mut fleet = Fleet::start_hooked();
    fleet.await_log(A, counter::READY);
    let probe = probe(&fleet, counter::SMALL);
    let heap_pages = counter::SMALL.mib * MIB_PAGES;
    let restarts = [
        (None, true),
        (None, false),
        (Some(B), true),
        (Some(B), true),
        (None, false),
        (Some(A), true),
    ];
    for (from, (restarted, is_all)) in [A, B].into_iter().cycle().zip(restarts) {
        if let Some(restarted) = restarted {
            fleet.restart_server(restarted);
        }
        let sent = fleet.migrate("counter", from).first_round_pages;
        assert_eq!(
            sent > heap_pages,
            is_all,
            "{sent} from {from:?} after {restarted:?}"
        );
    }
    assert_undisturbed(probe);
}

/// The memory of a copy is reported as free, and it is free as soon as another domain needs it.
#[test]
fn a_copy_gives_way_to_a_domain_that_is_started() {
    let mut fleet = Fleet::start();
    fleet.await_log(A, counter::READY);
    let before = free_pages(&fleet, A);
    let list = fleet.list(A);
    let pool_pages = list.domain("counter").expect("it is here").pool_pages;
    moves(&fleet, &[A, B]);
    let free = free_pages(&fleet, A);
    assert!(
        free >= before + pool_pages,
        "{free} pages are free, {before} were"
    );
    // More than is free beside the copy.
    let pool_mib = (free - pool_pages / 2) / MIB_PAGES;
    let mut package = entry();
    package["pool_mib"] = json!(pool_mib);
    let packages = Packages::new();
    let file = packages.package(package, &packages.program);
    let file = file.to_str().expect("a path that is text");
    let reply = fleet.reply(A, &["run", file]);
    assert!(reply.is_done(), "{reply}");
    fleet.await_log(A, "the memory that was kept of counter is needed");
    assert_undisturbed(package::probe(&fleet));
}
