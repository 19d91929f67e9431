//! The steps: [`ALL`], and those to run after every change, [`QUICK`].

use std::process::Command;

use super::choice::Choice;
use super::machines;
use crate::error::Result;
use crate::toolchain::Toolchain;
use crate::workspace::Workspace;
use crate::{build, image, layers, lint, process, simulation};

/// One step of the test run.
pub struct Step {
    pub name: &'static str,
    /// The step whose results it needs.
    pub needs: Option<&'static str>,
    /// Runs the selected part of it.
    pub run: fn(&Workspace, &Choice) -> Result<()>,
}

/// The steps, in order: the quick ones first.
pub const ALL: &[Step] = &[
    step("format", None, |workspace, _| lint::format(workspace)),
    step("layers", None, |workspace, _| layers::check(workspace)),
    step("lint-host", None, |workspace, _| lint::host(workspace)),
    step("lint-kernel", None, |workspace, _| lint::kernel(workspace)),
    step("lint-userland", None, |workspace, _| {
        lint::userland(workspace)
    }),
    step("host", None, |workspace, choice| {
        host_tests(workspace, &[])?;
        host_tests(workspace, &RUNTIME_WITH_ALL_FEATURES)?;
        match choice.is_long {
            true => host_tests(workspace, &LARGE_EXPLORATIONS),
            false => Ok(()),
        }
    }),
    step("seeds", None, |workspace, choice| {
        simulation::fresh_seeds(workspace, choice.is_long)
    }),
    step("build", None, |workspace, _| build::everything(workspace)),
    step("image", Some("build"), |workspace, _| {
        image::make_default(workspace)
    }),
    step(MACHINES, Some("image"), |workspace, choice| {
        machines::run(workspace, &choice.machine_tests, choice.is_long)
    }),
];

/// The name of the step that boots machines.
pub const MACHINES: &str = "machines";

/// The runtime's tests with all its features, some of which no program of the tree enables.
const RUNTIME_WITH_ALL_FEATURES: [&str; 3] = ["--package", "runtime", "--all-features"];

/// The explorations that are too large for every run.
const LARGE_EXPLORATIONS: [&str; 6] = [
    "--package",
    "nomad-simulator",
    "--test",
    "exploration",
    "--",
    "--ignored",
];

/// The checks that find most in little time, if little has to be rebuilt: no lints, no exploration, one move. Without a rebuild they took
/// 51 s on two cores that other builds used too.
pub const QUICK: &[Step] = &[
    step("format", None, |workspace, _| lint::format(workspace)),
    step("layers", None, |workspace, _| layers::check(workspace)),
    step("host-units", None, |workspace, _| {
        host_tests(workspace, &["--lib"])
    }),
    step("build", None, |workspace, _| build::everything(workspace)),
    step("some-machines", Some("build"), |workspace, _| {
        let tests = [
            "console",
            "migration::a_counter_continues_on_the_other_machine",
        ];
        machines::run(workspace, &tests.map(str::to_owned), false)
    }),
];

/// Constructs a step.
pub const fn step(
    name: &'static str,
    needs: Option<&'static str>,
    run: fn(&Workspace, &Choice) -> Result<()>,
) -> Step {
    Step { name, needs, run }
}

fn host_tests(workspace: &Workspace, which: &[&str]) -> Result<()> {
    let mut cargo = host_cargo(workspace)?;
    process::run(cargo.arg("--no-fail-fast").args(which))
}

/// Cargo's test command for the tests on the host.
pub fn host_cargo(workspace: &Workspace) -> Result<Command> {
    let mut cargo = Toolchain::find()?.cargo();
    cargo
        .arg("test")
        .arg("--target-dir")
        .arg(workspace.host_target())
        .current_dir(workspace.root());
    Ok(cargo)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_needed_step_comes_earlier() {
        for steps in [ALL, QUICK] {
            for (index, step) in steps.iter().enumerate() {
                let is_met = |needed| steps[..index].iter().any(|earlier| earlier.name == needed);
                assert!(step.needs.is_none_or(is_met), "{}", step.name);
            }
        }
    }
}
