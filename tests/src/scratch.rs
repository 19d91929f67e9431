//! Temporary directories that are cleaned up even after a killed test process.
//!
//! A directory is removed when its owner is dropped. A killed process drops nothing, so its directories stay. Their names contain
//! its process id, and the next process that needs a directory removes those of dead processes.

use std::fs;
use std::path::Path;
use std::sync::Once;

use tempfile::TempDir;

const PREFIX: &str = "caravan-";

/// A new directory whose path is short enough for Unix sockets.
///
/// # Panics
///
/// If it cannot be created.
pub fn directory() -> TempDir {
    static SWEPT: Once = Once::new();
    SWEPT.call_once(|| sweep(&std::env::temp_dir()));
    let prefix = format!("{PREFIX}{}-", std::process::id());
    tempfile::Builder::new()
        .prefix(&prefix)
        .tempdir()
        .expect("a temporary directory")
}

/// Copies a directory with everything in it.
///
/// # Panics
///
/// If something cannot be read, or written.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("room for a directory");
    for entry in fs::read_dir(from).expect("a directory") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy(&entry.path(), &target),
            false => _ = fs::copy(entry.path(), &target).expect("room for a file"),
        }
    }
}

/// Removes the directories of dead processes in `place`. A directory that cannot be removed belongs to another user or is
/// being removed by another process.
fn sweep(place: &Path) {
    for entry in std::fs::read_dir(place).into_iter().flatten().flatten() {
        let owner = entry.file_name().to_str().and_then(owner);
        if owner.is_some_and(|process| !Path::new(&format!("/proc/{process}")).exists()) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// The process id in the name of one of our directories.
fn owner(name: &str) -> Option<u32> {
    name.strip_prefix(PREFIX)?.split_once('-')?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removes_directories_of_dead_processes_only() {
        let place = tempfile::tempdir().expect("a directory");
        let mut dead = crate::child::spawn(crate::child::command("true")).expect("true starts");
        dead.kill();
        let (dead, living) = (
            format!("{PREFIX}{}-x", dead.id()),
            format!("{PREFIX}{}-x", std::process::id()),
        );
        for name in [&dead, &living, "caravan-x", "other-1-x"] {
            std::fs::create_dir(place.path().join(name)).expect("a directory");
        }
        sweep(place.path());
        let left = |name: &str| place.path().join(name).exists();
        assert!(!left(&dead) && left(&living) && left("caravan-x") && left("other-1-x"));
    }

    #[test]
    fn a_directory_names_its_process() {
        let directory = directory();
        let name = directory
            .path()
            .file_name()
            .and_then(|name| name.to_str())
            .expect("a name");
        assert_eq!(owner(name), Some(std::process::id()));
    }
}
