//! The domain that tests send to machines in packages: a small counter under another name.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use harness::prober::Options;
use harness::third_party::Probe;
use harness::{Artefacts, Fleet, scratch};
use manifest::{Domain, Package};
use serde_json::{Value, json};
use tempfile::TempDir;
use xtask::elf;

/// The domain's address.
const SERVICE: &str = "10.77.0.48:7000";

/// The domain.
pub fn entry() -> Value {
    json!({
        "name": "pushed", "image": "pushed", "movable": true, "pool_mib": 12, "heap_mib": 1,
        "capabilities": ["log", "port"],
        "port": { "mac": "52:54:00:4d:00:30", "ip": "10.77.0.48/24" },
        "arguments": { "heap_mib": "2", "working_set_mib": "1", "pages_per_second": "100" },
    })
}

/// The domain's program, and a directory for packages.
pub struct Packages {
    pub program: Vec<u8>,
    directory: TempDir,
}

impl Packages {
    pub fn new() -> Packages {
        let program = elf::read_stripped(&Artefacts::file("counter.elf"));
        Packages {
            program: program.expect("the counter's program"),
            directory: scratch::directory(),
        }
    }

    /// The file of a package with this entry and program.
    pub fn package(&self, entry: Value, program: &[u8]) -> PathBuf {
        let domain: Domain = serde_json::from_value(entry).expect("an entry");
        self.file(&Package { domain, program }.to_bytes())
    }

    /// A file in place of a package.
    pub fn file(&self, bytes: &[u8]) -> PathBuf {
        let path = self.directory.path().join("pushed.caravan");
        fs::write(&path, bytes).expect("a file");
        path
    }
}

/// A client of the domain.
pub fn probe(fleet: &Fleet) -> Probe {
    let mut options = Options::new(SERVICE.parse().expect("an address"));
    options.heap.mib = 2;
    options.heap.working_mib = 1;
    options.udp_interval = Duration::from_millis(5);
    options.tcp_interval = Duration::from_millis(10);
    fleet.party.probe(&options)
}

/// Checks that no reply was wrong, and that the one connection survived.
pub fn assert_undisturbed(probe: Probe) {
    let summary = probe.finish().summary;
    assert_eq!(summary.error_count(), 0, "{summary:?}");
    assert!(summary.tcp_survived, "{summary:?}");
    assert!(summary.tcp.replies > 0, "{summary:?}");
}
