//! Where the build put what the machines boot. The xtask builds it and says so through the environment.

use std::path::PathBuf;

/// The built kernel, archives and images, named by environment variables.
///
/// | variable            | what it names                                         |
/// |---------------------|-------------------------------------------------------|
/// | `CARAVAN_KERNEL`    | the kernel's ELF file                                 |
/// | `CARAVAN_ARCHIVE`   | the default boot archive                              |
/// | `CARAVAN_ARTEFACTS` | a directory of further archives and guests' images    |
/// | `CARAVAN_IMAGE`     | the hybrid image that boots from USB                  |
///
/// A variable is read when it is needed. One that is missing is a panic, never a test that silently passes.
pub struct Artefacts;

impl Artefacts {
    /// The kernel's ELF file.
    pub fn kernel() -> PathBuf {
        path("CARAVAN_KERNEL")
    }

    /// The default boot archive.
    pub fn archive() -> PathBuf {
        path("CARAVAN_ARCHIVE")
    }

    /// The boot archive `<name>.tar` among the further artefacts.
    pub fn archive_named(name: &str) -> PathBuf {
        Self::file(&format!("{name}.tar"))
    }

    /// The file `name` among the further artefacts.
    pub fn file(name: &str) -> PathBuf {
        existing("CARAVAN_ARTEFACTS", path("CARAVAN_ARTEFACTS").join(name))
    }

    /// The hybrid image that boots from USB.
    pub fn image() -> PathBuf {
        path("CARAVAN_IMAGE")
    }
}

fn path(variable: &str) -> PathBuf {
    let Some(value) = std::env::var_os(variable) else {
        panic!(
            "{variable} is not set: run the tests with scripts/test, which builds what they boot"
        );
    };
    existing(variable, PathBuf::from(value))
}

fn existing(variable: &str, path: PathBuf) -> PathBuf {
    assert!(
        path.exists(),
        "{} does not exist ({variable} names it): run scripts/test",
        path.display()
    );
    path
}
