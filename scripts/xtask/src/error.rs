//! The errors of the xtask. Each contains the offending value.

use std::path::{Path, PathBuf};

/// A result with this crate's error.
pub type Result<T> = std::result::Result<T, Error>;

/// An error. If the next step is not obvious, its text states it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The command line was not understood.
    #[error("{0}; see `cargo xtask help`")]
    Usage(String),
    /// A file or directory could not be read or written.
    #[error("{0}: {1}")]
    File(PathBuf, std::io::Error),
    /// A program could not be started.
    #[error("cannot start {0}: {1}")]
    Start(String, std::io::Error),
    /// A program ran and failed.
    #[error("{0} failed ({1})")]
    Failed(String, std::process::ExitStatus),
    /// A program ran for longer than its limit and was ended.
    #[error("{0} did not end within {seconds} s", seconds = .1.as_secs())]
    TimedOut(String, std::time::Duration),
    /// No installed toolchain can build the freestanding programs.
    #[error("no toolchain for the freestanding parts: {0}")]
    NoToolchain(String),
    /// A file has invalid content.
    #[error("{0}: {1}")]
    Malformed(PathBuf, String),
    /// A manifest is invalid; the error includes the position.
    #[error(transparent)]
    Manifest(manifest::source::Error),
    /// A check of the tree found violations, printed one per line.
    #[error("{0}:\n  {lines}", lines = .1.join("\n  "))]
    Violations(&'static str, Vec<String>),
    /// Something requested does not exist.
    #[error("{0}")]
    Missing(String),
    /// Steps of the test run that failed.
    #[error("failed: {}", .0.join(", "))]
    Steps(Vec<String>),
    /// Machine tests that failed, by full name.
    #[error("machine tests that failed: {}", .0.join(", "))]
    Tests(Vec<String>),
}

/// Adds the path to an IO error.
pub trait AtPath<T> {
    /// Names `path` in the error.
    fn at(self, path: &Path) -> Result<T>;
}

impl<T> AtPath<T> for std::io::Result<T> {
    fn at(self, path: &Path) -> Result<T> {
        self.map_err(|error| Error::File(path.to_path_buf(), error))
    }
}
