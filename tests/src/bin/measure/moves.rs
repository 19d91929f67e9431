//! All moves of a workload, and their figures.

use std::iter::zip;

use harness::flood::{self, Flood};
use harness::pauses::{self, Pages, Pause};
use harness::{Fleet, Node};

use crate::figures::{self, print, print_one};
use crate::peer::Peer;
use crate::repetition::{Moved, Repetition};
use crate::workload::Workload;

const PAGE_BYTES: f64 = 4096.0;
/// The moves in one direction before the first counted one.
const WARM_UP_MOVES: usize = 1;

/// The counted moves of one kind.
struct Moves<'a> {
    workload: &'static str,
    /// `first`, to a machine that has none of the domain's pages, or `return`.
    kind: &'static str,
    moves: Vec<&'a Moved>,
    /// Their pages, as the source counted them.
    pages: Vec<Pages>,
    /// The parts of both machines in their pauses.
    pauses: Vec<Pause>,
    /// The datagrams that their streams sent again.
    repeats: Vec<u64>,
}

/// Measures a workload and prints its figures.
///
/// # Errors
/// The clients' errors, or a move whose pause is not in the log.
pub fn measure(workload: &Workload, peer: &Peer, repetitions: usize) -> Result<(), String> {
    let mut fleet = (workload.fleet)();
    fleet.await_log(Node::A, workload.service.ready());
    let floods = workload.has_flood.then(|| start_floods(&fleet));
    // So that no counted move pays for the emulator's first translation of the migration servers.
    let cold = Repetition::measure(&fleet, workload.service)?.first;
    let counted = (0..repetitions).map(|_| {
        workload.service.restart(&fleet)?;
        Repetition::measure(&fleet, workload.service)
    });
    let counted = counted.collect::<Result<Vec<_>, _>>()?;
    let name = workload.name;
    if let Some(floods) = floods {
        let datagrams: u64 = floods.into_iter().map(Flood::finish).sum();
        print_one(
            &format!("flood.datagrams.{name}"),
            "datagrams",
            datagrams as f64,
        );
    }
    print_one(&format!("gap_ms.{name}.cold"), "ms", cold.gap_ms);
    print_one(&format!("total_ms.{name}.cold"), "ms", total_ms(&cold));
    let floors = counted.iter().map(|it| it.floor_ms);
    print(&format!("floor_ms.{name}"), "ms", floors);
    let logs = [Node::A, Node::B].map(|node| fleet.log(node));
    let (firsts, backs) = counted.iter().map(|it| (&it.first, &it.back)).unzip();
    for moves in [
        Moves::new(name, "first", firsts, [&logs[0], &logs[1]])?,
        Moves::new(name, "return", backs, [&logs[1], &logs[0]])?,
    ] {
        moves.print_as_observed(peer);
        moves.print_pages(cold.migration.first_round_pages);
        moves.print_wire();
        moves.print_pauses();
    }
    Ok(())
}

impl<'a> Moves<'a> {
    /// The moves of a kind, with the pauses in the logs of their sources and destinations.
    ///
    /// # Errors
    /// The logs do not have exactly one pause for each move.
    fn new(
        workload: &'static str,
        kind: &'static str,
        moves: Vec<&'a Moved>,
        [source, destination]: [&String; 2],
    ) -> Result<Self, String> {
        let of = |log: &str, side: &str| {
            let pauses = pauses::pauses(log).into_iter();
            let pauses = pauses.filter(|pause| pause.side == side);
            let pauses: Vec<Pause> = pauses.skip(WARM_UP_MOVES).collect();
            match pauses.len() == moves.len() {
                true => Ok(pauses),
                false => Err(format!(
                    "{} moves of {workload} have {} pauses in the log of the {side}",
                    moves.len(),
                    pauses.len()
                )),
            }
        };
        let repeats = pauses::repeats(source).split_off(WARM_UP_MOVES);
        let (source, destination) = (of(source, "source")?, of(destination, "destination")?);
        let pages: Option<Vec<Pages>> = source.iter().map(|pause| pause.pages).collect();
        Ok(Moves {
            workload,
            kind,
            moves,
            pages: pages.ok_or("a pause in the log has no number of pages")?,
            pauses: [source, destination].concat(),
            repeats,
        })
    }

    /// The name of a figure of these moves.
    fn name(&self, figure: &str) -> String {
        format!("{figure}.{}.{}", self.workload, self.kind)
    }

    fn print(&self, figure: &str, unit: &str, of: impl Fn(&Moved) -> f64) -> figures::Summary {
        print(
            &self.name(figure),
            unit,
            self.moves.iter().map(|moved| of(moved)),
        )
    }

    /// Gap and total, also as ratios of the medians to QEMU's.
    fn print_as_observed(&self, peer: &Peer) {
        let gap = self.print("gap_ms", "ms", |moved| moved.gap_ms);
        let total = self.print("total_ms", "ms", total_ms);
        for (figure, own, others) in [
            ("gap_ratio", gap, peer.gap_ms),
            ("total_ratio", total, peer.total_ms),
        ] {
            print_one(&self.name(figure), "ratio", own.median / others.median);
        }
        self.print("freeze_to_thaw_ms", "ms", |moved| {
            moved.migration.freeze_to_release_us as f64 / 1e3
        });
    }

    /// The pages. `all` is the number of pages of which the first round consists if the destination has none.
    fn print_pages(&self, all: u64) {
        self.print("pages_not_sent", "pages", |moved| {
            all as f64 - moved.migration.first_round_pages as f64
        });
        self.print("pages_resent", "pages", |moved| {
            moved.migration.pages_resent as f64
        });
        let in_pause = self.pages.iter().map(|pages| pages.in_pause as f64);
        print(&self.name("pages_in_pause"), "pages", in_pause);
        let with_data = self.pages.iter().map(|pages| pages.all as f64);
        print(&self.name("pages_with_data"), "pages", with_data);
    }

    /// What crossed the wire. The overhead is that of the source's bytes: pages, control, and all heads.
    fn print_wire(&self) {
        self.print("wire_frames", "frames", |moved| moved.there.frames as f64);
        self.print("wire_bytes", "bytes", |moved| moved.there.bytes as f64);
        self.print("wire_frames_back", "frames", |moved| {
            moved.back.frames as f64
        });
        self.print("wire_bytes_back", "bytes", |moved| moved.back.bytes as f64);
        let overheads = zip(&self.moves, &self.pages)
            .map(|(moved, pages)| moved.there.bytes as f64 / (pages.all as f64 * PAGE_BYTES));
        print(&self.name("wire_overhead"), "ratio", overheads);
        let repeats = self.repeats.iter().map(|repeats| *repeats as f64);
        print(&self.name("datagrams_repeated"), "datagrams", repeats);
    }

    /// The steps of the pauses, as the machines measured them.
    fn print_pauses(&self) {
        for (step, us) in steps(&self.pauses) {
            let us = us.into_iter().map(|us| us as f64);
            print(&self.name(&format!("pause.{step}")), "us", us);
        }
    }
}

fn total_ms(moved: &Moved) -> f64 {
    moved.migration.total_us as f64 / 1e3
}

/// The names of the steps of pauses, such as `source.freeze`, and the microseconds of each.
pub fn steps(pauses: &[Pause]) -> Vec<(String, Vec<u64>)> {
    let mut all: Vec<(String, Vec<u64>)> = Vec::new();
    for pause in pauses {
        for step in &pause.steps {
            let name = format!("{}.{}", pause.side, step.name);
            match all.iter_mut().find(|(known, _)| *known == name) {
                Some((_, us)) => us.push(step.us),
                None => all.push((name, vec![step.us])),
            }
        }
    }
    all
}

/// Floods both machines' migration servers.
fn start_floods(fleet: &Fleet) -> [Flood; 2] {
    [Node::A, Node::B].map(|node| {
        let frames = flood::made_up(node, node as u64);
        Flood::start(fleet.port(node), frames)
    })
}
