//! A directory that is replaced as a whole: [`Versions`].
//!
//! ```text
//! NAME               a symbolic link to the newest version
//! NAME.versions/1/   an older version, which a program has locked
//! NAME.versions/2/   the newest version
//! ```
//!
//! A program that resolves NAME once gets the files of one version. It holds a shared lock of that version's directory for as long
//! as it needs them.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::error::{AtPath, Result};

/// The versions of one directory.
pub struct Versions {
    name: PathBuf,
}

impl Versions {
    /// The versions of the directory with this name.
    pub fn of(name: PathBuf) -> Versions {
        Versions { name }
    }

    /// Creates the empty directory of the next version.
    ///
    /// # Errors
    /// It cannot be created.
    pub fn create(&self) -> Result<PathBuf> {
        let all = self.with_suffix(".versions");
        fs::create_dir_all(&all).at(&all)?;
        let numbers = entries(&all)?.into_iter();
        let numbers = numbers.filter_map(|entry| entry.file_name()?.to_str()?.parse::<u64>().ok());
        let version = all.join((numbers.max().unwrap_or(0) + 1).to_string());
        fs::create_dir(&version).at(&version)?;
        Ok(version)
    }

    /// Makes the name refer to this version, in one step. Then removes all others that no program has locked.
    ///
    /// # Errors
    /// The link cannot be made, or a version cannot be removed.
    pub fn publish(&self, version: &Path) -> Result<()> {
        let link = self.with_suffix(".unfinished");
        remove_if_there(&link)?;
        let all = self.with_suffix(".versions");
        let names = [all.as_path(), version].map(|path| path.file_name().unwrap_or_default());
        symlink(names.iter().collect::<PathBuf>(), &link).at(&link)?;
        // Before there were versions, the name was that of the directory itself, and a link cannot replace a directory.
        if fs::symlink_metadata(&self.name).is_ok_and(|name| name.is_dir()) {
            fs::remove_dir_all(&self.name).at(&self.name)?;
        }
        fs::rename(&link, &self.name).at(&self.name)?;
        for other in entries(&all)? {
            if other != version {
                remove_unless_locked(&other)?;
            }
        }
        Ok(())
    }

    fn with_suffix(&self, suffix: &str) -> PathBuf {
        let mut path = OsString::from(&self.name);
        path.push(suffix);
        path.into()
    }
}

fn entries(directory: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(directory).at(directory)?;
    let paths = entries.map(|entry| Ok(entry.at(directory)?.path()));
    paths.collect()
}

fn remove_unless_locked(directory: &Path) -> Result<()> {
    let opened = File::open(directory).at(directory)?;
    match opened.try_lock() {
        Ok(()) => fs::remove_dir_all(directory).at(directory),
        // A program has locked it, or the file system has no locks, so that a program may be using it.
        Err(_) => Ok(()),
    }
}

/// Removes a file that an interrupted call may have left.
fn remove_if_there(file: &Path) -> Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error).at(file),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory for tests, and the versions of a directory in it.
    fn versions() -> (tempfile::TempDir, Versions) {
        let place = tempfile::tempdir().unwrap();
        let versions = Versions::of(place.path().join("image"));
        (place, versions)
    }

    /// Publishes a version with this text in its one file.
    fn publish(versions: &Versions, text: &str) {
        let version = versions.create().unwrap();
        fs::write(version.join("file"), text).unwrap();
        versions.publish(&version).unwrap();
    }

    /// The text in a version's file; `None` if the version was removed.
    fn text(version: &Path) -> Option<String> {
        fs::read_to_string(version.join("file")).ok()
    }

    #[test]
    fn a_locked_version_stays_whole_while_newer_ones_are_published() {
        let (_place, versions) = versions();
        publish(&versions, "one");
        let served = versions.name.canonicalize().unwrap();
        let lock = File::open(&served).unwrap();
        lock.lock_shared().unwrap();
        publish(&versions, "two");
        publish(&versions, "three");
        assert_eq!(text(&served).as_deref(), Some("one"));
        assert_eq!(text(&versions.name).as_deref(), Some("three"));
        // A child that another test has just forked may have a copy of the descriptor, which keeps the lock of a closed file.
        lock.unlock().unwrap();
        publish(&versions, "four");
        assert_eq!(text(&served), None);
        assert_eq!(text(&versions.name).as_deref(), Some("four"));
        assert_eq!(
            entries(&versions.with_suffix(".versions")).unwrap().len(),
            1
        );
    }

    #[test]
    fn an_unfinished_version_has_no_effect() {
        let (_place, versions) = versions();
        publish(&versions, "one");
        let unfinished = versions.create().unwrap();
        assert_eq!(text(&versions.name).as_deref(), Some("one"));
        symlink("nowhere", versions.with_suffix(".unfinished")).unwrap();
        publish(&versions, "three");
        assert_eq!(text(&versions.name).as_deref(), Some("three"));
        assert!(!unfinished.exists());
    }

    #[test]
    fn a_directory_without_versions_is_replaced() {
        let (_place, versions) = versions();
        fs::create_dir(&versions.name).unwrap();
        fs::write(versions.name.join("file"), "old").unwrap();
        publish(&versions, "one");
        assert_eq!(text(&versions.name).as_deref(), Some("one"));
    }
}
