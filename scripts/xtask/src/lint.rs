//! Format and lints, by the same toolchain that builds; every warning is an error.

use std::process::Command;

use crate::error::{Error, Result};
use crate::freestanding::Target;
use crate::process;
use crate::programs::{self, KERNEL_PACKAGE};
use crate::toolchain::Toolchain;
use crate::workspace::Workspace;

/// Checks the format of the whole tree.
pub fn format(workspace: &Workspace) -> Result<()> {
    let mut fmt = subcommand("fmt", "rustfmt")?;
    fmt.args(["--all", "--", "--check"])
        .current_dir(workspace.root());
    process::run(&mut fmt)
}

/// Lints the crates that run on the host, with all their tests, machine tests included.
pub fn host(workspace: &Workspace) -> Result<()> {
    let mut clippy = subcommand("clippy", "clippy")?;
    clippy
        .args([
            "--all-targets",
            "--features",
            "harness/machines",
            "--target-dir",
        ])
        .arg(workspace.host_target())
        .current_dir(workspace.root());
    deny_warnings(&mut clippy)
}

/// Lints the kernel for its own target.
pub fn kernel(workspace: &Workspace) -> Result<()> {
    let mut clippy = subcommand("clippy", "clippy")?;
    clippy.args(["--package", KERNEL_PACKAGE, "--lib", "--bins"]);
    Target::Kernel.configure(&mut clippy, workspace, &Toolchain::find()?)?;
    deny_warnings(&mut clippy)
}

/// Lints the userland programs and guests, and thereby the runtime.
pub fn userland(workspace: &Workspace) -> Result<()> {
    for group in programs::groups(&programs::all(workspace)?) {
        let mut clippy = subcommand("clippy", "clippy")?;
        for name in group {
            clippy.args(["--package", name]);
        }
        Target::Userland.configure(&mut clippy, workspace, &Toolchain::find()?)?;
        deny_warnings(&mut clippy)?;
    }
    Ok(())
}

fn deny_warnings(clippy: &mut Command) -> Result<()> {
    process::run(clippy.args(["--", "-D", "warnings"]))
}

fn subcommand(name: &str, program: &str) -> Result<Command> {
    let toolchain = Toolchain::find()?;
    toolchain.cargo_subcommand(name).ok_or_else(|| {
        Error::Missing(format!(
            "no {program} in {}: install it there",
            toolchain.bin().display()
        ))
    })
}
