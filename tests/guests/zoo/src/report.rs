//! How the workloads are, as text of one datagram.
//!
//! ```text
//! <request> <incarnation> <clock>                  the domain's time, in nanoseconds
//! <rounds> <complaint> <interruptions> <name>      a line for each workload; no complaint is 0
//! ```

use alloc::string::String;
use core::fmt::Write;

use guest_workloads::Workload;
use guest_workloads::board::Board;
use runtime::clock;

/// The current report.
pub fn report(request: &[u8], workloads: impl Iterator<Item = Workload>) -> String {
    let request = core::str::from_utf8(request).unwrap_or("");
    let mut text = String::new();
    // Writing to a string succeeds.
    let _ = writeln!(
        text,
        "{request} {} {}",
        clock::incarnation(),
        clock::now_ns()
    );
    for (number, workload) in workloads.enumerate() {
        let told = Board::at(number).told();
        let _ = writeln!(
            text,
            "{} {} {} {}",
            told.rounds, told.complaint, told.interruptions, workload.name
        );
    }
    text
}
