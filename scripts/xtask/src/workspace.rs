//! Where things lie: the source tree, and what is built from it.
//!
//! Everything built goes below one directory, `target` or `CARGO_TARGET_DIR`: what cargo makes for the
//! freestanding targets in `freestanding`, and what the other tools take up in `caravan`.

use std::env;
use std::path::{Path, PathBuf};

/// The paths of one checkout.
pub struct Workspace {
    root: PathBuf,
    target: PathBuf,
}

impl Workspace {
    /// The checkout that this xtask was compiled in.
    pub fn find() -> Workspace {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .ancestors()
            .nth(2)
            .expect("the xtask lies in scripts/xtask")
            .to_path_buf();
        let target = match env::var_os("CARGO_TARGET_DIR") {
            Some(dir) => std::path::absolute(dir).expect("the working directory exists"),
            None => root.join("target"),
        };
        Workspace { root, target }
    }

    /// The top of the source tree.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A path below the top of the source tree.
    pub fn source(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// Where cargo builds what runs on the host.
    pub fn host_target(&self) -> &Path {
        &self.target
    }

    /// Where cargo builds what runs on Caravan, apart, so that neither build ever throws away the other's work.
    pub fn freestanding_target(&self) -> PathBuf {
        self.target.join("freestanding")
    }

    /// Where finished kernels, programs, archives, images and logs are put.
    pub fn artefacts(&self) -> PathBuf {
        self.target.join("caravan")
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

    /// What says to the harness where the artefacts are.
    pub fn environment(&self) -> [(&'static str, PathBuf); 4] {
        [
            ("CARAVAN_KERNEL", self.kernel_elf()),
            ("CARAVAN_ARCHIVE", self.archive(crate::manifest::DEFAULT)),
            ("CARAVAN_ARTEFACTS", self.artefacts()),
            ("CARAVAN_IMAGE", self.image()),
        ]
    }

    /// The image for real machines.
    pub fn image(&self) -> PathBuf {
        self.artefacts().join("caravan.iso")
    }
}
