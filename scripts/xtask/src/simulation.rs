//! Running seeds of the simulated hand-over.

use crate::error::Result;
use crate::process;
use crate::toolchain::Toolchain;
use crate::workspace::Workspace;

/// The number of fresh seeds in a test run. They take about a minute on one core.
const FRESH_SEEDS: &str = "20000";
/// The number of fresh seeds in a long run.
const MANY_SEEDS: &str = "1000000";

/// Runs seeds; the `simulate` program documents the `arguments`.
pub fn simulate(arguments: &[String], workspace: &Workspace) -> Result<()> {
    let mut cargo = Toolchain::find()?.cargo();
    cargo
        .args(["run", "--quiet", "--package", "nomad-simulator"])
        .args(["--bin", "simulate", "--target-dir"])
        .arg(workspace.host_target())
        .arg("--")
        .args(arguments)
        .current_dir(workspace.root());
    process::run(&mut cargo)
}

/// Runs fresh seeds: the first is taken from the clock, and printed.
pub fn fresh_seeds(workspace: &Workspace, is_long: bool) -> Result<()> {
    let cases = if is_long { MANY_SEEDS } else { FRESH_SEEDS };
    simulate(&["--cases".to_string(), cases.to_string()], workspace)
}
