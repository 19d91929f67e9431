//! Temporary directories that are cleaned up even after a killed test process.
//!
//! A directory goes when its owner is dropped. A process that is killed drops nothing; its directories carry its process
//! id, and the next process that wants one sweeps away those of the dead.

use std::path::Path;
use std::sync::Once;

use tempfile::TempDir;

const PREFIX: &str = "caravan-";

/// A new directory, short enough in its path for Unix sockets.
///
/// # Panics
///
/// If the host has no room for one.
pub fn directory() -> TempDir {
    static SWEPT: Once = Once::new();
    SWEPT.call_once(|| sweep(&std::env::temp_dir()));
    let prefix = format!("{PREFIX}{}-", std::process::id());
    tempfile::Builder::new()
        .prefix(&prefix)
        .tempdir()
        .expect("a temporary directory")
}

/// Removes what dead processes left in `place`. What cannot be removed is somebody else's, or being removed already.
fn sweep(place: &Path) {
    for entry in std::fs::read_dir(place).into_iter().flatten().flatten() {
        let owner = entry.file_name().to_str().and_then(owner);
        if owner.is_some_and(|process| !Path::new(&format!("/proc/{process}")).exists()) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// The process id in a directory's name, if it is one of ours.
fn owner(name: &str) -> Option<u32> {
    name.strip_prefix(PREFIX)?.split_once('-')?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sweeps_what_the_dead_left_and_nothing_else() {
        let place = tempfile::tempdir().expect("a directory");
        let mut dead = crate::child::spawn(crate::child::mortal("true")).expect("true starts");
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
