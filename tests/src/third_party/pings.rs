//! A client that sends a PING every millisecond, as a program on the third party (the host beside the machines): see
//! [`crate::pings`].

use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

use tempfile::TempDir;

use super::{Client, ThirdParty};
use crate::child;
use crate::prober::{REPLIED, Replies};

/// How long the first reply, or the end, may take. Only a hang reaches this limit.
const LIMIT: Duration = Duration::from_secs(120);
/// The file for the times of replies, in the client's directory.
const REPLIES: &str = "replies";

/// A running client.
#[derive(Debug)]
pub struct Pings {
    client: Client,
    directory: TempDir,
}

impl Pings {
    pub(super) fn start(party: &ThirdParty, address: SocketAddr) -> Pings {
        let directory = crate::scratch::directory();
        let program = child::beside("pings", "cargo build -p harness --bins");
        let mut command = party.command(program.to_str().expect("a path that is text"));
        command
            .arg(address.to_string())
            .arg(directory.path().join(REPLIES));
        let client = Client::start("pings", command);
        client.await_output(REPLIED, LIMIT);
        Pings { client, directory }
    }

    /// Ends the client; returns when each reply arrived, on the clock of [`now_ns`](crate::prober::now_ns).
    ///
    /// # Panics
    ///
    /// If the connection broke, or a reply was wrong or missing.
    pub fn finish(self) -> Replies {
        self.client.finish(LIMIT);
        let times = fs::read_to_string(self.directory.path().join(REPLIES));
        Replies::from_text(&times.expect("the replies' times")).expect("the replies' times")
    }
}
