//! The table of the moves.

use harness::Node;
use harness::migration::Migration;

use crate::Seen;
use crate::peer::PeerMove;

/// Prints the moves of the domains, and the clients' results.
pub fn print(seen: &Seen) {
    println!("domain   move      gap ms   total ms   rounds   pages sent   sent again");
    for (domain, from, migration) in &seen.moves {
        let replies = match *domain {
            "counter" => &seen.counter.udp_replies,
            _ => &seen.store.replies,
        };
        print_move(domain, *from, migration, migration.gap_ns(replies));
    }
    let (summary, store) = (&seen.counter.summary, &seen.store);
    let connection = match summary.tcp_survived {
        true => "alive",
        false => "lost",
    };
    println!(
        "\ncounter: UDP {} requests, {} replies; TCP {} requests, {} replies, connection {connection}; errors {}",
        summary.udp.requests,
        summary.udp.replies,
        summary.tcp.requests,
        summary.tcp.replies,
        summary.error_count(),
    );
    println!(
        "kv: {} writes acknowledged and read back, the longest reply took {:.1} ms",
        store.writes,
        store.longest_reply_us as f64 / 1e3
    );
}

fn print_move(domain: &str, from: Node, migration: &Migration, gap_ns: u64) {
    println!(
        "{domain:<8} {} -> {}  {:>8.1}  {:>9.0}  {:>7}  {:>11}  {:>11}",
        from.name(),
        from.other().name(),
        gap_ns as f64 / 1e6,
        migration.total_us as f64 / 1e3,
        migration.rounds,
        migration.pages_sent,
        migration.pages_resent,
    );
}

/// Prints the moves of machines by QEMU below those of the domains.
pub fn print_peer(moves: &[PeerMove]) {
    println!(
        "\nQEMU's own mover moves a whole machine with the domain, on this host and under the same clients:\n"
    );
    println!("domain   move      gap ms   total ms");
    for PeerMove {
        domain,
        gap_ms,
        total_ms,
    } in moves
    {
        println!("{domain:<8} by QEMU {gap_ms:>8.1}  {total_ms:>9.0}");
    }
}
