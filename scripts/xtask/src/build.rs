//! Building the freestanding programs: cargo runs for each target, then all finished files are copied into one directory.

use std::fs;
use std::path::{Path, PathBuf};

use crate::archive;
use crate::error::{AtPath, Error, Result};
use crate::freestanding::{Site, Target};
use crate::process;
use crate::programs::{self, KERNEL_BINARY, KERNEL_PACKAGE, PLUGIN_LIBRARY, PLUGIN_PACKAGE};
use crate::symbols;
use crate::toolchain::Toolchain;
use crate::workspace::Workspace;

/// The programs to build.
#[derive(Debug, PartialEq, Eq)]
struct Selection {
    kernel: bool,
    userland: Vec<String>,
}

impl Selection {
    fn everything(workspace: &Workspace) -> Result<Selection> {
        Ok(Selection {
            kernel: true,
            userland: programs::all(workspace)?,
        })
    }

    /// The named programs. An unknown name is an error that lists the known ones.
    fn of(names: &[String], workspace: &Workspace) -> Result<Selection> {
        Selection::among(names, &programs::all(workspace)?)
    }

    fn among(names: &[String], known: &[String]) -> Result<Selection> {
        let (kernel, userland): (Vec<_>, Vec<_>) = names
            .iter()
            .cloned()
            .partition(|name| name == KERNEL_PACKAGE);
        match userland.iter().find(|name| !known.contains(name)) {
            Some(name) => Err(Error::Usage(format!(
                "no program {name} among {KERNEL_PACKAGE}, {}",
                known.join(", ")
            ))),
            None => Ok(Selection {
                kernel: !kernel.is_empty(),
                userland,
            }),
        }
    }
}

/// Builds and packs everything.
pub fn everything(workspace: &Workspace) -> Result<()> {
    build(&Selection::everything(workspace)?, workspace)?;
    archive::pack_all(workspace)
}

/// Builds the kernel and the programs of the archives of these names, and packs the archives.
pub fn archives(names: &[&str], workspace: &Workspace) -> Result<()> {
    system(&archive::programs_in(names, workspace)?, workspace)?;
    names
        .iter()
        .try_for_each(|name| archive::pack_named(name, workspace))
}

/// Builds the kernel and these programs of the tree, and copies the finished files to the artefacts.
pub fn system(images: &[String], workspace: &Workspace) -> Result<()> {
    let selection = Selection {
        kernel: true,
        userland: images.to_vec(),
    };
    build(&selection, workspace)
}

/// Builds a program of a crate outside of the tree and returns the path of the finished file.
///
/// # Errors
/// There is no usable toolchain, or cargo fails and has printed the reason.
pub fn foreign(binary: &str, site: &Site, workspace: &Workspace) -> Result<PathBuf> {
    let toolchain = Toolchain::find()?;
    let mut cargo = toolchain.cargo();
    cargo.args(["build", "--bin", binary]);
    Target::Userland.configure_at(&mut cargo, site, workspace, &toolchain)?;
    process::run(&mut cargo)?;
    Ok(site.release_dir(Target::Userland).join(binary))
}

/// Builds the host's programs for tests: [`clients`], the tool for domains outside of the tree, and the plugin.
pub fn host_programs(workspace: &Workspace) -> Result<()> {
    clients(workspace)?;
    for_host(&["--package", "cargo-caravan", "--bins"], workspace)?;
    plugin(workspace)
}

/// Builds the operator's command line, the demonstrations, and the tests' clients that run on a host beside the machines.
pub fn clients(workspace: &Workspace) -> Result<()> {
    for_host(
        &["--package", "caravan", "--package", "harness", "--bins"],
        workspace,
    )
}

fn for_host(selection: &[&str], workspace: &Workspace) -> Result<()> {
    let mut cargo = Toolchain::find()?.cargo();
    cargo
        .args(["build", "--quiet"])
        .args(selection)
        .arg("--target-dir")
        .arg(workspace.host_target())
        .current_dir(workspace.root());
    process::run(&mut cargo)
}

/// Builds the plugin for QEMU that counts the instructions of entries into the kernel.
fn plugin(workspace: &Workspace) -> Result<()> {
    for_host(&["--package", PLUGIN_PACKAGE], workspace)?;
    let built = workspace.host_target().join("debug").join(PLUGIN_LIBRARY);
    copy(&built, &workspace.artefacts().join(PLUGIN_LIBRARY))
}

/// Builds the named programs, or all, and packs the archives of named guests.
pub fn named(names: &[String], workspace: &Workspace) -> Result<()> {
    if names.is_empty() {
        return everything(workspace);
    }
    build(&Selection::of(names, workspace)?, workspace)?;
    for guest in programs::guests(workspace)?
        .iter()
        .filter(|guest| names.contains(guest))
    {
        archive::pack_guest(guest, workspace)?;
    }
    Ok(())
}

/// Builds the programs and copies each to the artefacts, with its symbols.
fn build(selection: &Selection, workspace: &Workspace) -> Result<()> {
    let toolchain = Toolchain::find()?;
    let artefacts = workspace.artefacts();
    fs::create_dir_all(&artefacts).at(&artefacts)?;
    if selection.kernel {
        build_kernel(&toolchain, workspace)?;
    }
    if !selection.userland.is_empty() {
        build_userland(&selection.userland, &toolchain, workspace)?;
    }
    Ok(())
}

fn build_kernel(toolchain: &Toolchain, workspace: &Workspace) -> Result<()> {
    let mut cargo = toolchain.cargo();
    // `cargo rustc` passes the flags after `--` to the last step only: a new layout relinks without recompiling.
    cargo.args(["rustc", "--package", KERNEL_PACKAGE, "--bin", KERNEL_BINARY]);
    Target::Kernel.configure(&mut cargo, workspace, toolchain)?;
    cargo
        .arg("--")
        .args(Target::Kernel.linker_flags(workspace)?);
    process::run(&mut cargo)?;
    let built = Target::Kernel.release_dir(workspace).join(KERNEL_BINARY);
    copy(&built, &workspace.kernel_elf())?;
    symbols::embed(&workspace.kernel_elf())
}

fn build_userland(names: &[String], toolchain: &Toolchain, workspace: &Workspace) -> Result<()> {
    for group in programs::groups(names) {
        let mut cargo = toolchain.cargo();
        cargo.arg("build");
        for name in group {
            cargo.args(["--package", name, "--bin", name]);
        }
        Target::Userland.configure(&mut cargo, workspace, toolchain)?;
        process::run(&mut cargo)?;
    }
    for name in names {
        let built = Target::Userland.release_dir(workspace).join(name);
        copy(&built, &workspace.program_elf(name))?;
    }
    Ok(())
}

/// Copies a finished file to its place among the artefacts.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to).at(from).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| name.to_string()).collect()
    }

    #[test]
    fn the_kernel_is_separated_from_the_programs() {
        let selection =
            Selection::among(&strings(&["kernel", "root"]), &strings(&["root", "switch"])).unwrap();
        assert_eq!(
            selection,
            Selection {
                kernel: true,
                userland: strings(&["root"])
            }
        );
    }

    #[test]
    fn an_unknown_program_is_named_with_the_known_ones() {
        let error = Selection::among(&strings(&["rot"]), &strings(&["root"]))
            .unwrap_err()
            .to_string();
        assert!(error.contains("rot") && error.contains("kernel, root"));
    }
}
