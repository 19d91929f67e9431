//! QEMU's own mover, as the peer of the moves of a domain: [`Peer`].

use std::thread::sleep;

use harness::{QemuMigration, migration};

use crate::figures::{self, Summary, ms};
use crate::repetition::WATCHED;
use crate::workload::Workload;

/// The figures of QEMU's mover, for a machine with one service.
#[derive(Clone, Copy)]
pub struct Peer {
    pub gap_ms: Summary,
    pub total_ms: Summary,
}

impl Peer {
    /// Moves the machine with a workload's service this many times, and prints the figures.
    ///
    /// # Errors
    /// The clients' errors.
    pub fn measure(workload: &Workload, moves: usize) -> Result<Peer, String> {
        let mut qemu = QemuMigration::start(workload.setup());
        let watch = workload.service.watch(&qemu.party);
        let moves: Vec<_> = (0..moves)
            .map(|_| {
                sleep(WATCHED);
                qemu.migrate()
            })
            .collect();
        let replies = watch.finish()?;
        let gaps = moves
            .iter()
            .map(|moved| ms(migration::gap_ns(&replies, moved.begun_ns, moved.total)));
        let totals = moves.iter().map(|moved| moved.total.as_secs_f64() * 1e3);
        let downtimes = moves.iter().map(|moved| moved.downtime_ms as f64);
        let name = workload.whole.name;
        figures::print(&format!("downtime_ms.{name}.qemu"), "ms", downtimes);
        Ok(Peer {
            gap_ms: figures::print(&format!("gap_ms.{name}.qemu"), "ms", gaps),
            total_ms: figures::print(&format!("total_ms.{name}.qemu"), "ms", totals),
        })
    }
}
