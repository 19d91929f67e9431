//! The prober as a separate program on the third party, the host beside the machines: the same code as in this process.

use std::time::Duration;

use tempfile::TempDir;

use super::{Client, ThirdParty};
use crate::child;
use crate::prober::{Options, REPLIED, Replies, Report, Summary};

/// How long the domain's first reply may take. Only a hang reaches this limit.
const REPLY_LIMIT: Duration = Duration::from_secs(120);

/// How long the prober may take to collect outstanding replies and to report.
const FINISH_LIMIT: Duration = Duration::from_secs(120);

/// The file for the times of replies, in the probe's directory.
const REPLIES: &str = "replies";

/// A running prober.
#[derive(Debug)]
pub struct Probe {
    client: Client,
    directory: TempDir,
}

impl Probe {
    pub(super) fn start(party: &ThirdParty, options: &Options) -> Self {
        let directory = crate::scratch::directory();
        let program = child::beside("prober", "cargo build -p harness --bins");
        let mut command = party.command(program.to_str().expect("a path that is text"));
        command
            .args(options.arguments())
            .args(["--until-eof", "--json", "--replies"])
            .arg(directory.path().join(REPLIES));
        let client = Client::start("prober", command);
        // A connection that is opened only after the test has acted on the domain proves nothing.
        client.await_output(REPLIED, REPLY_LIMIT);
        Self { client, directory }
    }

    /// Ends the probing and returns its report, whose times are of the same clock as [`now_ns`](crate::prober::now_ns).
    ///
    /// # Panics
    ///
    /// If the prober failed.
    pub fn finish(self) -> Report {
        let output = self.client.finish(FINISH_LIMIT);
        let summary = output.lines().last().expect("the prober's summary");
        let summary: Summary = serde_json::from_str(summary).expect("the prober's summary");
        let times = std::fs::read_to_string(self.directory.path().join(REPLIES))
            .expect("the replies' times");
        Report {
            summary,
            udp_replies: Replies::from_text(&times).expect("the replies' times"),
        }
    }
}
