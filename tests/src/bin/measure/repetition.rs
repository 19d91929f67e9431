//! A repetition: a service that was started afresh moves to the other machine and back, and a client observes that.

use std::ops::Range;
use std::thread::sleep;
use std::time::Duration;

use harness::migration::Migration;
use harness::prober;
use harness::segment::Traffic;
use harness::{Fleet, Node};

use crate::figures::ms;
use crate::service::Service;

/// How long the service is watched after each move. A pause in this time still belongs to the move.
pub const WATCHED: Duration = Duration::from_secs(4);
/// How long the service is watched without a move.
const FLOOR: Duration = Duration::from_secs(3);
/// How long a service may take to become as it is between moves, after its clients have had their first replies.
const SETTLED: Duration = Duration::from_secs(1);

/// The figures of a repetition.
pub struct Repetition {
    /// The longest gap between two replies without a move.
    pub floor_ms: f64,
    /// The move to a machine that has none of the domain's pages.
    pub first: Moved,
    /// The move back.
    pub back: Moved,
}

/// A move, as the operator and the client observe it, and what crossed the wire between both migration servers.
#[derive(Clone)]
pub struct Moved {
    pub migration: Migration,
    pub gap_ms: f64,
    /// From the source to the destination.
    pub there: Traffic,
    /// From the destination to the source.
    pub back: Traffic,
}

impl Repetition {
    /// Measures a service that has just been started on the first machine. Its clients end with the repetition.
    ///
    /// # Errors
    /// The clients' errors, with the machines' logs.
    pub fn measure(fleet: &Fleet, service: Service) -> Result<Repetition, String> {
        let watch = service.watch(&fleet.party);
        sleep(SETTLED);
        let floor = watch_without_move();
        let first = observe(fleet, service, Node::A);
        sleep(WATCHED);
        let back = observe(fleet, service, Node::B);
        let replies = watch.finish().map_err(|reason| {
            let logs = [Node::A, Node::B].map(|node| fleet.log(node));
            format!("{reason}\n{}", logs.join("\n"))
        })?;
        let with_gap = |moved: Moved| Moved {
            gap_ms: ms(moved.migration.gap_ns(&replies)),
            ..moved
        };
        Ok(Repetition {
            floor_ms: ms(replies.longest_gap(floor.start, floor.end)),
            first: with_gap(first),
            back: with_gap(back),
        })
    }
}

/// The time of the watch.
fn watch_without_move() -> Range<u64> {
    let begun_ns = prober::now_ns();
    sleep(FLOOR);
    begun_ns..prober::now_ns()
}

/// Moves the service; its gap is not known yet.
fn observe(fleet: &Fleet, service: Service, from: Node) -> Moved {
    let to = from.other();
    let traffic = || [(from, to), (to, from)].map(|(from, to)| fleet.server_traffic(from, to));
    let before = traffic();
    let migration = fleet.migrate(service.domain(), from);
    let after = traffic();
    let [there, back] = [0, 1].map(|way| Traffic {
        frames: after[way].frames - before[way].frames,
        bytes: after[way].bytes - before[way].bytes,
    });
    Moved {
        migration,
        gap_ms: 0.0,
        there,
        back,
    }
}
