//! Paths of the built kernel, archives and images, which the xtask passes through the environment.

use std::ffi::OsString;
use std::path::PathBuf;

/// The built kernel, archives and images.
///
/// | variable            | names                                                 |
/// |---------------------|-------------------------------------------------------|
/// | `CARAVAN_KERNEL`    | the kernel's ELF file                                 |
/// | `CARAVAN_ARCHIVE`   | the default boot archive                              |
/// | `CARAVAN_ARTEFACTS` | a directory of further archives and guests' images    |
/// | `CARAVAN_IMAGE`     | the default fleet's hybrid image that boots from USB  |
/// | `CARAVAN_NETBOOT`   | the directory of the same image for the network       |
///
/// Variables are read on demand. If one is missing, the test panics, so that no test passes without it.
pub struct Artefacts;

impl Artefacts {
    /// The kernel's ELF file.
    ///
    /// # Panics
    ///
    /// All of these functions panic if the variable is not set or the file does not exist.
    pub fn kernel() -> PathBuf {
        named_by("CARAVAN_KERNEL", "")
    }

    /// The default boot archive.
    pub fn archive() -> PathBuf {
        named_by("CARAVAN_ARCHIVE", "")
    }

    /// The boot archive `<name>.tar` among the further artefacts.
    pub fn archive_named(name: &str) -> PathBuf {
        Self::file(&format!("{name}.tar"))
    }

    /// The file `name` among the further artefacts.
    pub fn file(name: &str) -> PathBuf {
        named_by("CARAVAN_ARTEFACTS", name)
    }

    /// The default fleet's hybrid image that boots from USB.
    pub fn image() -> PathBuf {
        named_by("CARAVAN_IMAGE", "")
    }

    /// The directory of the same image for machines that start from the network.
    pub fn netboot() -> PathBuf {
        named_by("CARAVAN_NETBOOT", "")
    }
}

/// The path in the environment's `variable`, or `file` below that path.
fn named_by(variable: &str, file: &str) -> PathBuf {
    locate(variable, std::env::var_os(variable), file).unwrap_or_else(|error| panic!("{error}"))
}

fn locate(variable: &str, value: Option<OsString>, file: &str) -> Result<PathBuf, String> {
    let Some(value) = value else {
        return Err(format!(
            "{variable} is not set: scripts/test builds the files that these tests boot, and sets it"
        ));
    };
    let mut path = PathBuf::from(value);
    if !file.is_empty() {
        path.push(file);
    }
    if path.exists() {
        Ok(path)
    } else {
        Err(format!(
            "{} does not exist ({variable} names it): scripts/test builds it",
            path.display()
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_an_unset_variable() {
        let error = locate("CARAVAN_KERNEL", None, "").expect_err("it is not set");
        assert!(error.contains("CARAVAN_KERNEL is not set"), "{error}");
    }

    #[test]
    fn names_a_missing_file() {
        let directory = tempfile::tempdir().expect("a directory");
        let here = || Some(directory.path().as_os_str().to_owned());
        let error = locate("CARAVAN_ARTEFACTS", here(), "none.tar").expect_err("it is not there");
        assert!(
            error.contains("none.tar") && error.contains("CARAVAN_ARTEFACTS"),
            "{error}"
        );
        assert_eq!(
            locate("CARAVAN_ARTEFACTS", here(), "").as_deref(),
            Ok(directory.path())
        );
    }
}
