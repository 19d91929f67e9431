//! Paths of the source tree and of its build results.
//!
//! All build results are below one directory, `target` or `CARGO_TARGET_DIR`. Cargo's results for the freestanding targets are in
//! `freestanding`, the finished files in `caravan`. A tool for domains outside of the tree keeps its finished files in another
//! directory, and does not change those of the tree.

use std::env;
use std::path::{Path, PathBuf};

use crate::error::{AtPath, Error, Result};

/// A file that identifies the top of a checkout.
const LANDMARK: &str = "userland/x86_64-caravan.json";

/// The manifest of a machine for which no other is named.
pub const DEFAULT_MANIFEST: &str = "default";

/// The file name of an image for real machines.
const IMAGE: &str = "caravan.iso";

/// The paths of one checkout.
pub struct Workspace {
    root: PathBuf,
    target: PathBuf,
    artefacts: PathBuf,
}

impl Workspace {
    /// The checkout that this xtask was compiled in.
    pub fn find() -> Workspace {
        Workspace::below(compiled_in().to_path_buf())
    }

    /// The checkout in this directory.
    ///
    /// # Errors
    /// The directory is not the top of a checkout.
    pub fn at(root: &Path) -> Result<Workspace> {
        if !root.join(LANDMARK).is_file() {
            return Err(Error::Missing(format!(
                "{} is not a Caravan tree: there is no {LANDMARK} in it",
                root.display()
            )));
        }
        // Paths are part of the compiler's flags, and other flags cause another build. So each tree has one path, the canonical one.
        let root = root.canonicalize().at(root)?;
        Ok(Workspace::below(root))
    }

    fn below(root: PathBuf) -> Workspace {
        let target = match env::var_os("CARGO_TARGET_DIR") {
            Some(dir) => std::path::absolute(dir).expect("the working directory exists"),
            None => root.join("target"),
        };
        let artefacts = target.join("caravan");
        Workspace {
            root,
            target,
            artefacts,
        }
    }

    /// The same checkout, with its finished files in another directory.
    pub fn with_artefacts(self, directory: PathBuf) -> Workspace {
        Workspace {
            artefacts: directory,
            ..self
        }
    }

    /// The top of the source tree.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A path below the top of the source tree.
    pub fn source(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// Cargo's target directory for programs of the host.
    pub fn host_target(&self) -> &Path {
        &self.target
    }

    /// Cargo's target directory for programs of Caravan. It is separate, so that neither build discards the other's results.
    pub fn freestanding_target(&self) -> PathBuf {
        self.target.join("freestanding")
    }

    /// The directory of finished kernels, programs, archives, images and logs.
    pub fn artefacts(&self) -> PathBuf {
        self.artefacts.clone()
    }

    /// The kernel, with its symbols.
    pub fn kernel_elf(&self) -> PathBuf {
        self.artefacts().join("kernel.elf")
    }

    /// A userland program, with its symbols.
    pub fn program_elf(&self, name: &str) -> PathBuf {
        self.artefacts().join(format!("{name}.elf"))
    }

    /// A boot archive.
    pub fn archive(&self, name: &str) -> PathBuf {
        self.artefacts().join(format!("{name}.tar"))
    }

    /// The environment variables through which the harness gets the paths of the artefacts.
    pub fn environment(&self) -> [(&'static str, PathBuf); 5] {
        let image = self.default_image();
        [
            ("CARAVAN_KERNEL", self.kernel_elf()),
            ("CARAVAN_ARCHIVE", self.archive(DEFAULT_MANIFEST)),
            ("CARAVAN_ARTEFACTS", self.artefacts()),
            ("CARAVAN_NETBOOT", netboot_beside(&image)),
            ("CARAVAN_IMAGE", image),
        ]
    }

    /// The image that a user has made for real machines. Tests and demonstrations leave it as it is.
    pub fn image(&self) -> PathBuf {
        self.artefacts().join(IMAGE)
    }

    /// The image of the default fleet, from which tests and the demonstration start machines.
    pub fn default_image(&self) -> PathBuf {
        self.artefacts().join("default-fleet").join(IMAGE)
    }
}

/// The directory with the files of an image for machines that start from the network.
pub fn netboot_beside(image: &Path) -> PathBuf {
    image.with_file_name("netboot")
}

/// The top of the checkout that this crate was compiled in.
pub fn compiled_in() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("the xtask is in scripts/xtask")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_without_a_tree_is_refused_by_name() {
        let place = tempfile::tempdir().unwrap();
        let error = Workspace::at(place.path()).err().unwrap().to_string();
        assert!(error.contains(place.path().to_str().unwrap()), "{error}");
        assert!(Workspace::at(compiled_in()).is_ok());
    }
}
