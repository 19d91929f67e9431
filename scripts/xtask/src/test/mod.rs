//! The whole test run, as a list of steps, with a summary at the end.
//!
//! A failed step does not stop the others, so one run finds all failures. Only steps that need its results are skipped, and a
//! skipped step counts as failed.
//!
//! | file | content |
//! | --- | --- |
//! | [`steps`] | the steps, and their commands |
//! | [`choice`] | the selected steps |
//! | [`machines`] | the step that boots machines |
//! | [`lanes`] | tests in parallel |

mod choice;
mod lanes;
mod machines;
mod steps;

use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::workspace::Workspace;
use choice::Choice;
use steps::Step;

/// The outcome of a step.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Passed,
    Failed(String),
    Skipped(&'static str),
}

/// A step that was run or skipped.
struct Done {
    name: &'static str,
    outcome: Outcome,
    took: Duration,
}

/// Runs the named steps, those of the quick run, or all.
pub fn test(arguments: &[String], workspace: &Workspace) -> Result<()> {
    let choice = Choice::of(arguments)?;
    let mut done = Vec::new();
    for step in &choice.steps {
        println!("== {}", step.name);
        done.push(perform(step, &done, workspace, &choice));
    }
    print!("{}", summary(&done));
    verdict(&done)
}

fn perform(step: &Step, before: &[Done], workspace: &Workspace, choice: &Choice) -> Done {
    let started = Instant::now();
    let outcome = match step.needs {
        Some(needed)
            if before
                .iter()
                .any(|done| done.name == needed && done.outcome != Outcome::Passed) =>
        {
            Outcome::Skipped(needed)
        }
        _ => match (step.run)(workspace, choice) {
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
            Outcome::Skipped(needed) => format!("SKIPPED: {needed} failed"),
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

#[cfg(test)]
mod tests {
    use super::steps::step;
    use super::*;

    fn pass(_: &Workspace, _: &Choice) -> Result<()> {
        Ok(())
    }

    fn fail(_: &Workspace, _: &Choice) -> Result<()> {
        Err(Error::Missing("it is gone".to_string()))
    }

    fn run(steps: &[Step]) -> Vec<Done> {
        let workspace = Workspace::find();
        let choice = Choice::of(&[]).expect("everything");
        let mut done = Vec::new();
        for step in steps {
            done.push(perform(step, &done, &workspace, &choice));
        }
        done
    }

    #[test]
    fn a_failed_step_fails_the_run_without_stopping_the_others() {
        let done = run(&[step("a", None, fail), step("b", None, pass)]);
        assert_eq!(done[1].outcome, Outcome::Passed);
        assert_eq!(verdict(&done).unwrap_err().to_string(), "failed: a");
    }

    #[test]
    fn a_step_that_needs_a_failed_one_is_skipped_and_fails() {
        let done = run(&[
            step("a", None, fail),
            step("b", Some("a"), pass),
            step("c", Some("b"), pass),
        ]);
        assert_eq!(done[1].outcome, Outcome::Skipped("a"));
        assert_eq!(done[2].outcome, Outcome::Skipped("b"));
        assert_eq!(verdict(&done).unwrap_err().to_string(), "failed: a, b, c");
    }

    #[test]
    fn a_run_without_failures_passes() {
        assert!(verdict(&run(&[step("a", None, pass)])).is_ok());
    }

    #[test]
    fn the_summary_has_the_reason() {
        let text = summary(&run(&[step("a", None, fail)]));
        assert!(text.contains("FAILED: it is gone"));
    }
}
