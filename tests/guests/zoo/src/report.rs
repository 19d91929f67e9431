//! The state of the workloads, as the text of one datagram.
//!
//! ```text
//! <request> <incarnation> <clock>                 the domain's time, in nanoseconds
//! <rounds> <failure> <interruptions> <name>       one line per workload; failure 0 means none
//! ```

use alloc::string::String;
use core::fmt::Write;

use guest_workloads::Workload;
use guest_workloads::board::Board;
use runtime::clock;

/// The current report.
pub fn report(request: &[u8], workloads: impl Iterator<Item = Workload>) -> String {
    let request = core::str::from_utf8(request).unwrap_or("");
    let (incarnation, now_ns) = (clock::incarnation(), clock::now_ns());
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{request} {incarnation} {now_ns}");
    for (number, workload) in workloads.enumerate() {
        let state = Board::at(number).state();
        let (rounds, failure) = (state.rounds, state.failure);
        let (interruptions, name) = (state.interruptions, workload.name);
        let _ = writeln!(text, "{rounds} {failure} {interruptions} {name}");
    }
    text
}
