//! The image for the network: [`Directory`], which `scripts/image` makes (`scripts/xtask/src/netboot.rs`).

use std::path::{Path, PathBuf};

use super::Error;

/// The next step of a user without an image.
pub const NEXT: &str =
    "`scripts/image` makes target/caravan/netboot: give the path of that directory";

/// The image of the stick, for HTTP boot.
const IMAGE: &str = "caravan.iso";

/// Files without which no machine starts.
const NEEDED: [&str; 6] = [
    "boot/grub/grub.cfg",
    "boot/grub/i386-pc/kernel.img",
    "boot/grub/x86_64-efi/kernel.img",
    "boot/kernel.elf",
    "boot/archive.tar",
    IMAGE,
];

/// A directory with the image for the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directory(PathBuf);

impl Directory {
    /// The directory with this path.
    ///
    /// # Errors
    /// It cannot be read, or lacks a file.
    pub fn open(path: &Path) -> Result<Directory, Error> {
        let whole = path.canonicalize();
        let whole = whole.map_err(|error| Error::Directory(path.into(), error))?;
        match NEEDED.iter().find(|file| !whole.join(file).is_file()) {
            Some(file) => Err(Error::NotImage(path.into(), file)),
            None => Ok(Directory(whole)),
        }
    }

    /// Its absolute path.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The image of the stick.
    pub fn image(&self) -> PathBuf {
        self.0.join(IMAGE)
    }
}
