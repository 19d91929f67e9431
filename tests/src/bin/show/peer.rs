//! The same services in a machine that QEMU's own mover moves, under the same clients: [`moves`].

use std::thread::sleep;

use harness::prober::Replies;
use harness::qemu_migration::{Moved, Setup};
use harness::third_party::finish_kv_checker;
use harness::{QemuMigration, counter, fleet::LIMIT, migration};

use crate::{STORE, WATCHED};

/// The number of moves of each machine: there and back, as the domains.
const MOVES: usize = 2;

/// A move of a machine, and the longest gap between two replies that it caused.
pub struct PeerMove {
    /// The machine's service.
    pub domain: &'static str,
    pub gap_ms: f64,
    pub total_ms: f64,
}

/// Moves a machine with each service.
pub fn moves() -> Vec<PeerMove> {
    let counter = move_counter();
    counter.into_iter().chain(move_store()).collect()
}

fn move_counter() -> Vec<PeerMove> {
    let mut machine = QemuMigration::start(Setup::COUNTER);
    let probe = machine.party.probe(&counter::options(counter::LARGE));
    let moved = move_machine(&mut machine);
    measured("counter", &moved, &probe.finish().udp_replies)
}

fn move_store() -> Vec<PeerMove> {
    let mut machine = QemuMigration::start(Setup::STORE);
    let checker = machine.party.check_kv(STORE);
    let moved = move_machine(&mut machine);
    let replies = finish_kv_checker(checker, LIMIT).replies;
    measured("kv", &moved, &replies)
}

fn move_machine(machine: &mut QemuMigration) -> Vec<Moved> {
    let moves = (0..MOVES).map(|_| {
        sleep(WATCHED);
        machine.migrate()
    });
    let moves = moves.collect();
    sleep(WATCHED);
    moves
}

fn measured(domain: &'static str, moves: &[Moved], replies: &Replies) -> Vec<PeerMove> {
    let moves = moves.iter().map(|moved| PeerMove {
        domain,
        gap_ms: migration::gap_ns(replies, moved.begun_ns, moved.total) as f64 / 1e6,
        total_ms: moved.total.as_secs_f64() * 1e3,
    });
    moves.collect()
}
