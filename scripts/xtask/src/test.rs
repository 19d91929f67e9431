//! The whole test run, as a list of steps, with a summary at the end.
//!
//! A step that fails does not stop the others, so that one run says all there is to say; only what needs a step's
//! results is left out when that step failed, and counts as failed.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::build;
use crate::error::{Error, Result};
use crate::image;
use crate::layers;
use crate::lint;
use crate::process;
use crate::rooms;
use crate::simulation;
use crate::toolchain::Toolchain;
use crate::workspace::Workspace;

/// One step of the test run.
struct Step {
    name: &'static str,
    /// The step whose results this one needs.
    needs: Option<&'static str>,
    run: fn(&Workspace) -> Result<()>,
}

/// The steps, in order: the quick ones first.
const STEPS: &[Step] = &[
    step("format", None, lint::format),
    step("layers", None, layers::check),
    step("rooms", None, rooms::check),
    step("lint-host", None, lint::host),
    step("lint-kernel", None, lint::kernel),
    step("lint-userland", None, lint::userland),
    step("host", None, host_tests),
    step("seeds", None, simulation::fresh_seeds),
    step("build", None, build::everything),
    step("image", Some("build"), make_image),
    step("machines", Some("image"), machine_tests),
];

const fn step(
    name: &'static str,
    needs: Option<&'static str>,
    run: fn(&Workspace) -> Result<()>,
) -> Step {
    Step { name, needs, run }
}

/// How a step came out.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Passed,
    Failed(String),
    LeftOut(&'static str),
}

/// A step that was run or left out.
struct Done {
    name: &'static str,
    outcome: Outcome,
    took: Duration,
}

/// Runs the steps named, or all.
pub fn test(arguments: &[String], workspace: &Workspace) -> Result<()> {
    let steps = chosen(arguments)?;
    let mut done = Vec::new();
    for step in steps {
        println!("== {}", step.name);
        done.push(perform(step, &done, workspace));
    }
    print!("{}", summary(&done));
    verdict(&done)
}

fn chosen(arguments: &[String]) -> Result<Vec<&'static Step>> {
    if arguments.is_empty() {
        return Ok(STEPS.iter().collect());
    }
    for argument in arguments {
        if !STEPS.iter().any(|step| step.name == argument) {
            let names: Vec<_> = STEPS.iter().map(|step| step.name).collect();
            return Err(Error::Usage(format!(
                "no step {argument:?} among {}",
                names.join(", ")
            )));
        }
    }
    Ok(STEPS
        .iter()
        .filter(|step| arguments.iter().any(|name| name == step.name))
        .collect())
}

fn perform(step: &Step, before: &[Done], workspace: &Workspace) -> Done {
    let started = Instant::now();
    let outcome = match step.needs {
        Some(needed)
            if before
                .iter()
                .any(|done| done.name == needed && done.outcome != Outcome::Passed) =>
        {
            Outcome::LeftOut(needed)
        }
        _ => match (step.run)(workspace) {
            Ok(()) => Outcome::Passed,
            Err(error) => {
                eprintln!("{error}");
                Outcome::Failed(error.to_string())
            }
        },
    };
    Done {
        name: step.name,
        outcome,
        took: started.elapsed(),
    }
}

fn summary(done: &[Done]) -> String {
    let mut text = String::from("\n== summary\n");
    for Done {
        name,
        outcome,
        took,
    } in done
    {
        let word = match outcome {
            Outcome::Passed => "passed".to_string(),
            Outcome::Failed(why) => format!("FAILED: {}", why.lines().next().unwrap_or_default()),
            Outcome::LeftOut(needed) => format!("LEFT OUT, for {needed} failed"),
        };
        text += &format!("{name:<14} {:>5} s  {word}\n", took.as_secs());
    }
    text
}

fn verdict(done: &[Done]) -> Result<()> {
    let failed: Vec<String> = done
        .iter()
        .filter(|done| done.outcome != Outcome::Passed)
        .map(|done| done.name.to_string())
        .collect();
    if failed.is_empty() {
        Ok(())
    } else {
        Err(Error::Steps(failed))
    }
}

fn host_tests(workspace: &Workspace) -> Result<()> {
    let mut cargo = host_cargo(workspace)?;
    process::run(cargo.arg("--no-fail-fast"))
}

fn make_image(workspace: &Workspace) -> Result<()> {
    image::make(&[], workspace)
}

fn machine_tests(workspace: &Workspace) -> Result<()> {
    build::host_programs(workspace)?;
    let mut cargo = host_cargo(workspace)?;
    cargo
        .args([
            "--no-fail-fast",
            "--package",
            "harness",
            "--features",
            "machines",
        ])
        .envs(workspace.environment())
        // Each test has its own network, and its machines wait more than they work.
        .args(["--", "--test-threads=2"]);
    process::run(&mut cargo)
}

fn host_cargo(workspace: &Workspace) -> Result<Command> {
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

    fn pass(_: &Workspace) -> Result<()> {
        Ok(())
    }

    fn fail(_: &Workspace) -> Result<()> {
        Err(Error::Missing("it is gone".to_string()))
    }

    fn run(steps: &[Step]) -> Vec<Done> {
        let workspace = Workspace::find();
        let mut done = Vec::new();
        for step in steps {
            done.push(perform(step, &done, &workspace));
        }
        done
    }

    #[test]
    fn one_failed_step_fails_the_run_and_stops_no_other() {
        let done = run(&[step("a", None, fail), step("b", None, pass)]);
        assert_eq!(done[1].outcome, Outcome::Passed);
        assert_eq!(verdict(&done).unwrap_err().to_string(), "failed: a");
    }

    #[test]
    fn what_needs_a_failed_step_is_left_out_and_fails() {
        let done = run(&[
            step("a", None, fail),
            step("b", Some("a"), pass),
            step("c", Some("b"), pass),
        ]);
        assert_eq!(done[1].outcome, Outcome::LeftOut("a"));
        assert_eq!(done[2].outcome, Outcome::LeftOut("b"));
        assert_eq!(verdict(&done).unwrap_err().to_string(), "failed: a, b, c");
    }

    #[test]
    fn a_run_without_failures_passes() {
        assert!(verdict(&run(&[step("a", None, pass)])).is_ok());
    }

    #[test]
    fn the_summary_says_why() {
        let text = summary(&run(&[step("a", None, fail)]));
        assert!(text.contains("FAILED: it is gone"));
    }

    #[test]
    fn every_need_is_met_by_an_earlier_step() {
        for (index, step) in STEPS.iter().enumerate() {
            if let Some(needed) = step.needs {
                assert!(
                    STEPS[..index].iter().any(|earlier| earlier.name == needed),
                    "{}",
                    step.name
                );
            }
        }
    }

    #[test]
    fn an_unknown_step_is_refused() {
        assert!(chosen(&["fromat".to_string()]).is_err());
    }
}
