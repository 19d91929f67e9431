//! The program's errors: each names the thing that failed, the reason and the next step.

use std::io;
use std::path::{Path, PathBuf};

use caravan::arguments;

/// A result with this program's error.
pub type Result<T> = std::result::Result<T, Error>;

/// The reason a command was not executed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The command line was not understood.
    #[error("{0}")]
    Usage(String),
    /// This value of `--on` is not the address of a machine, for this reason.
    #[error("--on `{0}`: {1}")]
    Machine(String, String),
    /// A name that no new domain may have, and the reason.
    #[error("`{0}` cannot name a domain: {1}")]
    Name(String, String),
    /// A new crate's directory exists.
    #[error("{0} exists already")]
    Exists(PathBuf),
    /// The Caravan tree is not where it should be.
    #[error("{0}")]
    NoTree(String),
    /// A directory is not a domain's crate: this file is missing.
    #[error("{0} is not a domain's crate: it has no {1}")]
    NoCrate(PathBuf, &'static str),
    /// The domain's entry is wrong.
    #[error("{0}")]
    Entry(#[from] manifest::source::Error),
    /// A file or directory could not be read or written.
    #[error("{0}: {1}")]
    File(PathBuf, io::Error),
    /// The fleet's secret is missing or unreadable.
    #[error("{0}")]
    Secret(String),
    /// The domain could not be sent to a machine.
    #[error("{0}")]
    Push(#[from] caravan::session::Error),
    /// The build failed, or something that it needs is missing.
    #[error("{0}")]
    Build(xtask::error::Error),
}

impl Error {
    /// The error of arguments that clap rejects.
    pub fn usage(error: &clap::Error) -> Error {
        let text = error.to_string();
        let text = text.trim_start_matches("error: ").trim_end();
        Error::Usage(text.to_owned())
    }

    /// The program's exit code: 2 if the command line was not understood or the secret is missing, otherwise 1.
    pub fn exit_code(&self) -> u8 {
        match self {
            Error::Usage(_) | Error::Machine(..) | Error::Secret(_) => 2,
            _ => 1,
        }
    }

    /// The advice that is printed below the error.
    pub fn next_step(&self) -> &str {
        match self {
            Error::Usage(_) => "`cargo caravan help` lists the commands: new, build, run, push",
            Error::Machine(..) => arguments::MACHINE_NEXT,
            Error::Name(..) => "choose another NAME, as in `cargo caravan new echo`",
            Error::Exists(_) => {
                "choose another NAME, or a directory that does not exist with --path DIR"
            }
            Error::NoTree(_) => {
                "clone Caravan and install this program from there (cargo install --locked --path userland/cargo-caravan), \
                 or set CARAVAN_HOME to the clone"
            }
            Error::NoCrate(..) => {
                "change to a domain's directory, or make one: `cargo caravan new NAME`"
            }
            Error::Entry(_) => {
                "correct that line; userland/manifest/src/domain.rs in the tree lists the fields"
            }
            Error::File(..) => "check that the path exists and is writable",
            Error::Secret(_) => {
                "the secret is the argument `secret` in the manifest of the machine"
            }
            Error::Push(_) => {
                "check that the machine runs, that --on has its address, and that the secret is its fleet's"
            }
            Error::Build(_) => "correct what is reported above, and repeat the command",
        }
    }
}

impl From<xtask::error::Error> for Error {
    fn from(error: xtask::error::Error) -> Error {
        match error {
            xtask::error::Error::Manifest(error) => Error::Entry(error),
            error => Error::Build(error),
        }
    }
}

/// Adds to an IO error the path that it concerns.
pub trait AtPath<T> {
    /// Names `path` in the error.
    fn at(self, path: &Path) -> Result<T>;
}

impl<T> AtPath<T> for io::Result<T> {
    fn at(self, path: &Path) -> Result<T> {
        self.map_err(|error| Error::File(path.to_path_buf(), error))
    }
}
