//! What can go wrong in the xtask, each with the value that went wrong.

use std::fmt;
use std::path::{Path, PathBuf};

/// The result of everything that can fail here.
pub type Result<T> = std::result::Result<T, Error>;

/// A cause, said so that the reader knows what to do next.
#[derive(Debug)]
pub enum Error {
    /// The command line was not understood.
    Usage(String),
    /// A file or directory could not be read or written.
    File(PathBuf, std::io::Error),
    /// A program could not be started.
    Start(String, std::io::Error),
    /// A program ran and said no.
    Failed(String, std::process::ExitStatus),
    /// A program ran for longer than its limit and was ended.
    TimedOut(String, std::time::Duration),
    /// Nothing here can build the freestanding programs.
    NoToolchain(String),
    /// A file does not hold what it should.
    Malformed(PathBuf, String),
    /// A manifest is wrong; it says where.
    Manifest(manifest::source::Error),
    /// A check of the tree found violations, one a line.
    Violations(&'static str, Vec<String>),
    /// Something that was asked for does not exist.
    Missing(String),
    /// Steps of the test run that failed.
    Steps(Vec<String>),
    /// Machine tests that failed, as they were named.
    Tests(Vec<String>),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Usage(what) => write!(f, "{what}; see `cargo xtask help`"),
            Error::File(path, error) => write!(f, "{}: {error}", path.display()),
            Error::Start(program, error) => write!(f, "cannot start {program}: {error}"),
            Error::Failed(program, status) => write!(f, "{program} failed ({status})"),
            Error::TimedOut(program, limit) => {
                write!(f, "{program} did not end within {} s", limit.as_secs())
            }
            Error::NoToolchain(why) => write!(f, "no toolchain for the freestanding parts: {why}"),
            Error::Malformed(path, why) => write!(f, "{}: {why}", path.display()),
            Error::Manifest(error) => write!(f, "{error}"),
            Error::Violations(check, lines) => write!(f, "{check}:\n  {}", lines.join("\n  ")),
            Error::Missing(what) => write!(f, "{what}"),
            Error::Tests(names) => write!(f, "machine tests that failed: {}", names.join(", ")),
            Error::Steps(names) => write!(f, "failed: {}", names.join(", ")),
        }
    }
}

impl std::error::Error for Error {}

/// Adds to an IO error the path that it concerns.
pub trait AtPath<T> {
    /// Names `path` in the error.
    fn at(self, path: &Path) -> Result<T>;
}

impl<T> AtPath<T> for std::io::Result<T> {
    fn at(self, path: &Path) -> Result<T> {
        self.map_err(|error| Error::File(path.to_path_buf(), error))
    }
}
