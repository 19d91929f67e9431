//! The tests that boot machines: all of them, or those that are named, `FILE` or `FILE::TEST`.

use std::process::Command;

use super::steps::host_cargo;
use crate::error::{Error, Result};
use crate::workspace::Workspace;
use crate::{build, process};

/// Runs these machine tests, or all: `FILE`, or `FILE::TEST` for those of a file whose name contains `TEST`.
///
/// # Errors
/// A test failed, or a name is that of no test. The other names are run all the same.
pub fn run(workspace: &Workspace, tests: &[String]) -> Result<()> {
    build::host_programs(workspace)?;
    if tests.is_empty() {
        return process::run(&mut cargo(workspace, &[], "")?);
    }
    each(tests, |test| run_named(workspace, test))
}

/// Runs every one of these, and names those that failed in the end.
fn each(tests: &[String], mut run: impl FnMut(&str) -> Result<()>) -> Result<()> {
    let mut failed = Vec::new();
    for test in tests {
        if let Err(error) = run(test) {
            eprintln!("{test}: {error}");
            failed.push(test.clone());
        }
    }
    if failed.is_empty() {
        Ok(())
    } else {
        Err(Error::Tests(failed))
    }
}

fn run_named(workspace: &Workspace, test: &str) -> Result<()> {
    let (file, name) = test.split_once("::").unwrap_or((test, ""));
    let which = ["--test", file];
    // The test program takes a name that no test has for a run of none, which passes.
    let listed = process::output(cargo(workspace, &which, name)?.arg("--list"))?;
    if !lists_a_test(&listed) {
        return Err(Error::Missing(format!("{file} has no test {name:?}")));
    }
    process::run(&mut cargo(workspace, &which, name)?)
}

/// Whether the list of a test program has a test.
fn lists_a_test(listed: &str) -> bool {
    listed.lines().any(|line| line.ends_with(": test"))
}

fn cargo(workspace: &Workspace, which: &[&str], name: &str) -> Result<Command> {
    let mut cargo = host_cargo(workspace)?;
    cargo
        .args([
            "--no-fail-fast",
            "--package",
            "harness",
            "--features",
            "machines",
        ])
        .args(which)
        .envs(workspace.environment())
        // Each test has its own network, and its machines wait more than they work.
        .args(["--", "--test-threads=2"])
        .args((!name.is_empty()).then_some(name));
    Ok(cargo)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_that_fails_keeps_none_of_the_others_from_running() {
        let tests = ["boot", "zoo::typo", "lies"].map(str::to_owned);
        let mut ran = Vec::new();
        let result = each(&tests, |test| {
            ran.push(test.to_owned());
            match test {
                "lies" => Ok(()),
                _ => Err(Error::Missing("it fails".to_string())),
            }
        });
        assert_eq!(ran, tests);
        let error = result.expect_err("two have failed").to_string();
        assert_eq!(error, "machine tests that failed: boot, zoo::typo");
        assert!(each(&tests, |_| Ok(())).is_ok());
    }

    #[test]
    fn a_name_that_no_test_has_is_seen_in_the_list() {
        assert!(lists_a_test(
            "it_boots: test\nit_ends: test\n\n2 tests, 0 benchmarks\n"
        ));
        assert!(!lists_a_test("0 tests, 0 benchmarks\n"));
    }
}
