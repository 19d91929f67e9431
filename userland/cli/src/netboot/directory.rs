//! The image for the network: [`Directory`], which `scripts/image` makes (`scripts/xtask/src/netboot.rs`).
//!
//! `scripts/image` makes a new version of the directory each time. A server keeps the one that it has opened, since a machine that got
//! its kernel from one version and its archive from another would not work.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::Error;

/// The next step of a user without an image.
pub const NEXT: &str =
    "`scripts/image` makes target/caravan/netboot: give the path of that directory";

/// The image of the stick, for HTTP boot.
const IMAGE: &str = "caravan.iso";

/// The file with the fleet that the image is made of.
const LABEL: &str = "fleet";

/// Files without which no machine starts.
const NEEDED: [&str; 6] = [
    "boot/grub/grub.cfg",
    "boot/grub/i386-pc/kernel.img",
    "boot/grub/x86_64-efi/kernel.img",
    "boot/kernel.elf",
    "boot/archive.tar",
    IMAGE,
];

/// A directory with the image for the network, which `scripts/image` does not remove meanwhile.
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
    lock: File,
}

impl Directory {
    /// The directory with this path, or the one that a link at this path leads to.
    ///
    /// # Errors
    /// It cannot be read, or lacks a file.
    pub fn open(name: &Path) -> Result<Directory, Error> {
        let failed = |error| Error::Directory(name.into(), error);
        let path = name.canonicalize().map_err(failed)?;
        let directory = File::open(&path).map_err(failed)?;
        // On a file system without locks `scripts/image` cannot lock the directory either, and does not remove it.
        let _ = directory.lock_shared();
        match NEEDED.iter().find(|file| !path.join(file).is_file()) {
            Some(file) => Err(Error::NotImage(name.into(), file)),
            None => Ok(Directory {
                path,
                lock: directory,
            }),
        }
    }

    /// Its absolute path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The fleet, or the archive, that the image is made of; `None` if an earlier `scripts/image` made it.
    pub fn label(&self) -> Option<String> {
        let text = std::fs::read_to_string(self.path.join(LABEL)).ok()?;
        Some(text.lines().next()?.to_owned())
    }

    /// The image of the stick.
    pub fn image(&self) -> PathBuf {
        self.path.join(IMAGE)
    }
}

impl Drop for Directory {
    /// Ends the lock, which a closed file keeps as long as a child of this process has not yet executed its program: until then the
    /// child has a copy of the descriptor (flock(2)).
    fn drop(&mut self) {
        let _ = self.lock.unlock();
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn the_version_that_was_opened_is_kept_and_locked() {
        let name = format!("caravan-versions-{}", std::process::id());
        let place = std::env::temp_dir().join(name);
        let (link, versions) = (place.join("image"), ["1", "2"].map(|it| place.join(it)));
        for file in versions
            .iter()
            .flat_map(|it| NEEDED.map(|file| it.join(file)))
        {
            fs::create_dir_all(file.parent().expect("a directory")).expect("a directory");
            fs::write(file, "").expect("a file");
        }
        symlink("1", &link).expect("a link");
        let served = Directory::open(&link).expect("an image");
        fs::remove_file(&link).expect("it was there");
        symlink("2", &link).expect("a link");
        let is_free = |version: &Path| File::open(version).expect("it is there").try_lock().is_ok();
        let [first, second] = versions.map(|it| it.canonicalize().expect("it is there"));
        assert_eq!(served.path(), first);
        assert_eq!(served.label(), None);
        fs::write(first.join(LABEL), "fleet my-fleet.toml, machines a, b\n").expect("a file");
        let label = "fleet my-fleet.toml, machines a, b";
        assert_eq!(served.label().as_deref(), Some(label));
        assert_eq!([is_free(&first), is_free(&second)], [false, true]);
        let of_a_child = served.lock.try_clone().expect("a copy of the descriptor");
        drop(served);
        assert!(is_free(&first));
        drop(of_a_child);
        fs::remove_dir_all(place).expect("it was there");
    }
}
