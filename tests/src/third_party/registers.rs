//! The clients of a key-value store, run on the third party, the host beside the machines.

use std::fs::File;
use std::io::BufReader;
use std::time::Duration;

use tempfile::TempDir;

use super::{Client, ThirdParty};
use crate::child;
use crate::linear::history;
use crate::linear::workload::{Observed, REPLIED, Workload};

/// How long the store's first reply may take. Only a hang reaches this limit.
const REPLY_LIMIT: Duration = Duration::from_secs(120);
/// How long the clients may take to end: they wait for outstanding replies, and read every key.
const FINISH_LIMIT: Duration = Duration::from_secs(600);
/// The file of their history, in their directory.
const HISTORY: &str = "history";

/// Running clients.
#[derive(Debug)]
pub struct Registers {
    client: Client,
    directory: TempDir,
}

impl Registers {
    pub(super) fn start(party: &ThirdParty, workload: &Workload) -> Self {
        let directory = crate::scratch::directory();
        let program = child::beside("registers", "cargo build -p harness --bins");
        let mut command = party.command(program.to_str().expect("a path that is text"));
        let Workload {
            store,
            seed,
            clients,
            keys,
        } = workload;
        command.arg(store.to_string()).arg(seed.to_string());
        command.arg(clients.to_string()).arg(keys.to_string());
        command.arg(directory.path().join(HISTORY));
        let client = Client::start("registers", command);
        client.await_output(REPLIED, REPLY_LIMIT);
        Self { client, directory }
    }

    /// Ends the clients and returns their observations, whose times are of the same clock as
    /// [`now_ns`](crate::prober::now_ns).
    ///
    /// # Panics
    ///
    /// If the program failed.
    pub fn finish(self) -> Observed {
        let output = self.client.finish(FINISH_LIMIT);
        let summary = output.lines().last().expect("the clients' summary");
        let file = File::open(self.directory.path().join(HISTORY)).expect("the clients' history");
        Observed {
            history: history::read(BufReader::new(file)).expect("the clients' history"),
            summary: serde_json::from_str(summary).expect("the clients' summary"),
        }
    }
}
