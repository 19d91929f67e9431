//! The file that `run` sends: [`read`] and [`Bytes`].

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use manifest::{Package, PackageError};
use nomad_client::Command;
use nomad_client::command::PackageSize;

/// The next step of a user without a package.
const NEXT: &str = "`cargo caravan build` makes a package, and prints its path last";

/// The reason a file is not sent.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be read.
    #[error("{path}: {1}\n  next: {NEXT}", path = .0.display())]
    File(PathBuf, io::Error),
    /// It is not a package.
    #[error("{path} is not sent: {1}\n  next: {NEXT}", path = .0.display())]
    NotPackage(PathBuf, PackageError),
    /// It has more bytes than a command can announce.
    #[error("{path} is not sent: it has more than 4 GiB\n  next: {NEXT}", path = .0.display())]
    TooLarge(PathBuf),
}

/// The bytes of a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bytes(Vec<u8>);

impl Bytes {
    /// The command whose data they are.
    pub fn command(&self) -> Command {
        Command::Run(PackageSize(self.0.len() as u32))
    }

    /// A copy to send.
    pub fn to_vec(&self) -> Vec<u8> {
        self.0.clone()
    }
}

/// Reads a package.
///
/// # Errors
/// [`Error`].
pub fn read(path: &Path) -> Result<Bytes, Error> {
    let bytes = fs::read(path).map_err(|error| Error::File(path.into(), error))?;
    Package::from_bytes(&bytes).map_err(|error| Error::NotPackage(path.into(), error))?;
    match u32::try_from(bytes.len()) {
        Ok(_) => Ok(Bytes(bytes)),
        Err(_) => Err(Error::TooLarge(path.into())),
    }
}
