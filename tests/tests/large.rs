//! A domain of 1 GiB moves between machines of 2 GiB. It takes long, so it moves only if `CARAVAN_LARGE_MOVES` sets a number of
//! moves, as a long run does.

use harness::repeat::variable;
use harness::{Fleet, Node, counter};

#[test]
fn a_domain_of_a_gibibyte_moves() {
    let moves = variable("CARAVAN_LARGE_MOVES").unwrap_or(0);
    if moves == 0 {
        return println!("not run: CARAVAN_LARGE_MOVES is not set");
    }
    let mut fleet = Fleet::start_largest("big-a", |it| it.host_mtu(65_000).memory_mib(2048));
    fleet.await_log(Node::A, counter::READY);
    let probe = fleet.party.probe(&counter::options(counter::BIG));
    for from in [Node::A, Node::B].into_iter().cycle().take(moves) {
        let migration = fleet.migrate("counter", from);
        println!("{migration:?}");
        assert!(migration.pages_sent >= counter::BIG.mib * 256);
    }
    let summary = probe.finish().summary;
    assert_eq!(summary.error_count(), 0, "{summary:?}");
    assert!(summary.tcp_survived, "{summary:?}");
}
