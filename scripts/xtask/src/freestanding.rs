//! The two freestanding targets, and cargo's flags for each.
//!
//! The kernel is built for rustc's own `x86_64-unknown-none` (no vector registers, no red zone) and linked at a high
//! address. Userland is built for a target of ours, and linked at 4 MiB. Both build `core` and `alloc` from source.
//! Builds and lints share the flags, so that both see the same code.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{AtPath, Result};
use crate::toolchain::Toolchain;
use crate::workspace::Workspace;

/// The separator of flags in `CARGO_ENCODED_RUSTFLAGS`.
const FLAG_SEPARATOR: &str = "\x1f";

/// A freestanding target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The kernel.
    Kernel,
    /// A domain's program.
    Userland,
}

/// The directories of a build.
#[derive(Clone, Debug)]
pub struct Site {
    /// The directory of the workspace or crate.
    pub directory: PathBuf,
    /// Its target directory.
    pub target: PathBuf,
}

impl Site {
    /// The site of the tree's own programs.
    pub fn of(workspace: &Workspace) -> Site {
        Site {
            directory: workspace.root().to_path_buf(),
            target: workspace.freestanding_target(),
        }
    }

    /// The directory in which the finished programs for a target appear.
    pub fn release_dir(&self, target: Target) -> PathBuf {
        let name = match target {
            Target::Kernel => "x86_64-unknown-none",
            Target::Userland => "x86_64-caravan",
        };
        self.target.join(name).join("release")
    }
}

impl Target {
    /// The directory below cargo's target directory in which the finished programs appear.
    pub fn release_dir(self, workspace: &Workspace) -> PathBuf {
        Site::of(workspace).release_dir(self)
    }

    /// Adds the arguments to a call of cargo, after its subcommand, that build the tree's programs for this target.
    pub fn configure(
        self,
        command: &mut Command,
        workspace: &Workspace,
        toolchain: &Toolchain,
    ) -> Result<()> {
        self.configure_at(command, &Site::of(workspace), workspace, toolchain)
    }

    /// Adds the same arguments for a crate outside of the tree, which is built like the tree's programs.
    pub fn configure_at(
        self,
        command: &mut Command,
        site: &Site,
        workspace: &Workspace,
        toolchain: &Toolchain,
    ) -> Result<()> {
        let mut flags = self.compiler_flags();
        if let Some(linker) = toolchain.linker() {
            flags.push(format!("-Clinker={}", linker.display()));
        }
        if self == Target::Userland {
            flags.extend(self.linker_flags_at(site, workspace)?);
        }
        command
            .current_dir(&site.directory)
            .env("RUSTC_BOOTSTRAP", "1")
            .env("CARGO_ENCODED_RUSTFLAGS", flags.join(FLAG_SEPARATOR))
            .args(["--release", "-Zbuild-std=core,alloc,compiler_builtins"])
            .arg("-Zbuild-std-features=compiler-builtins-mem")
            .args(self.target_arguments(workspace))
            .arg("--target-dir")
            .arg(&site.target);
        Ok(())
    }

    /// The flags that select the linker script.
    ///
    /// Cargo does not notice a change of a linker script. So the linker gets a copy that is named by the hash of its content, and
    /// a changed script changes the flag.
    pub fn linker_flags(self, workspace: &Workspace) -> Result<Vec<String>> {
        self.linker_flags_at(&Site::of(workspace), workspace)
    }

    fn linker_flags_at(self, site: &Site, workspace: &Workspace) -> Result<Vec<String>> {
        let script = workspace.source(match self {
            Target::Kernel => "kernel/kernel.ld",
            Target::Userland => "userland/userland.ld",
        });
        let copy = copy_named_by_content(&script, &site.target)?;
        Ok(vec![
            format!("-Clink-arg=-T{}", copy.display()),
            // Aligns segments to pages in the file, however far apart they are in memory.
            "-Clink-arg=-zmax-page-size=0x1000".to_string(),
        ])
    }

    fn compiler_flags(self) -> Vec<String> {
        let flags: &[&str] = match self {
            Target::Kernel => &["-Ccode-model=kernel", "-Crelocation-model=static"],
            Target::Userland => &["--cfg=getrandom_backend=\"custom\""],
        };
        // Backtraces follow frame pointers, in the kernel and in domains.
        let common = ["-Cforce-frame-pointers=yes"];
        common
            .iter()
            .chain(flags)
            .map(|flag| flag.to_string())
            .collect()
    }

    fn target_arguments(self, workspace: &Workspace) -> Vec<PathBuf> {
        match self {
            Target::Kernel => vec!["--target".into(), "x86_64-unknown-none".into()],
            Target::Userland => vec![
                "-Zjson-target-spec".into(),
                "--target".into(),
                workspace.source("userland/x86_64-caravan.json"),
            ],
        }
    }
}

fn copy_named_by_content(script: &Path, directory: &Path) -> Result<PathBuf> {
    let content = fs::read(script).at(script)?;
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    let copy = directory.join(format!("{:016x}.ld", hasher.finish()));
    fs::create_dir_all(directory).at(directory)?;
    fs::write(&copy, content).at(&copy)?;
    Ok(copy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_script_is_a_changed_flag() {
        let place = tempfile::tempdir().unwrap();
        let directory = place.path();
        let script = directory.join("x.ld");
        fs::write(&script, "a").unwrap();
        let first = copy_named_by_content(&script, directory).unwrap();
        let again = copy_named_by_content(&script, directory).unwrap();
        fs::write(&script, "b").unwrap();
        let changed = copy_named_by_content(&script, directory).unwrap();
        assert_eq!(first, again);
        assert_ne!(first, changed);
    }
}
