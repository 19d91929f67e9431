//! The tests that boot machines: all, or the named ones, `FILE` or `FILE::TEST`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::thread::available_parallelism;

use serde_json::Value;

use super::lanes::{self, Test};
use super::steps::host_cargo;
use crate::error::{Error, Result};
use crate::workspace::Workspace;
use crate::{build, process};

/// Files with the longest tests. They start first, so that none of them runs alone at the end.
const LONG: [&str; 10] = [
    "tutorial", "failures", "upgrade", "zoo", "nemesis", "three", "restarts", "netboot",
    "refusals", "switch",
];
/// The number of parallel tests per processor. Each has its own network, and its machines wait more than they compute.
const LANES: usize = 2;
/// The limit of parallel tests. Each takes up to a gigabyte.
const LANES_MAX: usize = 12;

/// The variables that prolong tests in a long run, unless the environment sets them.
const LONG_RUNS: [(&str, &str); 5] = [
    ("CARAVAN_ZOO_MOVES", "200"),
    ("CARAVAN_NEMESIS_SECONDS", "7200"),
    ("CARAVAN_LARGE_MOVES", "2"),
    ("CARAVAN_CARD_MOVES", "20"),
    ("CARAVAN_MOVES", "50"),
];

/// Runs these machine tests, or all. `FILE` selects a file; `FILE::TEST` selects its tests whose names contain `TEST`.
///
/// # Errors
/// A name matches no test, so nothing was run; or tests failed.
pub fn run(workspace: &Workspace, names: &[String], is_long: bool) -> Result<()> {
    build::host_programs(workspace)?;
    let all = all(workspace)?;
    if all.is_empty() {
        return Err(Error::Missing("no machine test was compiled".to_string()));
    }
    let mut tests = wanted(all, names)?;
    tests.sort_by_key(|test| {
        LONG.iter()
            .position(|file| *file == test.file)
            .unwrap_or(LONG.len())
    });
    let processors = available_parallelism().map_or(1, usize::from);
    let lanes = (LANES * processors).min(LANES_MAX);
    let logs = workspace.artefacts().join("tests");
    lanes::run(tests, lanes, &logs, &environment(workspace, is_long))
}

fn environment(workspace: &Workspace, is_long: bool) -> Vec<(&'static str, OsString)> {
    let paths = workspace.environment().into_iter();
    let paths = paths.map(|(name, path)| (name, path.into_os_string()));
    let is_free = |(name, _): &(&str, &str)| is_long && std::env::var_os(name).is_none();
    let long = LONG_RUNS.into_iter().filter(is_free);
    paths
        .chain(long.map(|(name, value)| (name, value.into())))
        .collect()
}

/// The named tests, each once.
fn wanted(all: Vec<Test>, names: &[String]) -> Result<Vec<Test>> {
    let is_named = |test: &Test, name: &String| {
        let (file, part) = name.split_once("::").unwrap_or((name, ""));
        test.file == file && test.name.contains(part)
    };
    let nothing = |name: &&String| !all.iter().any(|test| is_named(test, name));
    if let Some(name) = names.iter().find(nothing) {
        return Err(Error::Missing(format!("no machine test is called {name}")));
    }
    let is_wanted = |test: &Test| names.is_empty() || names.iter().any(|it| is_named(test, it));
    Ok(all.into_iter().filter(is_wanted).collect())
}

/// All machine tests, compiled.
fn all(workspace: &Workspace) -> Result<Vec<Test>> {
    let mut cargo = host_cargo(workspace)?;
    cargo.args(["--no-run", "--package", "harness", "--features", "machines"]);
    cargo.args(["--tests", "--message-format", "json-render-diagnostics"]);
    let messages = process::output(&mut cargo)?;
    let mut tests = Vec::new();
    for (file, program) in messages.lines().filter_map(test_program) {
        let mut list = std::process::Command::new(&program);
        let listed = process::output(list.args(["--list", "--format", "terse"]))?;
        let names = listed
            .lines()
            .filter_map(|line| line.strip_suffix(": test"));
        tests.extend(names.map(|name| Test {
            program: program.clone(),
            file: file.clone(),
            name: name.to_string(),
        }));
    }
    Ok(tests)
}

/// The file and the program in one of cargo's messages, if it concerns a file in tests/tests.
fn test_program(message: &str) -> Option<(String, PathBuf)> {
    let message: Value = serde_json::from_str(message).ok()?;
    let target = &message["target"];
    let is_test = target["kind"].as_array()?.iter().any(|kind| kind == "test");
    let program = message["executable"].as_str().filter(|_| is_test)?;
    Some((target["name"].as_str()?.to_string(), program.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tests() -> Vec<Test> {
        let test = |(file, name): (&str, &str)| Test {
            program: PathBuf::new(),
            file: file.to_string(),
            name: name.to_string(),
        };
        [
            ("boot", "it_starts"),
            ("boot", "it_ends"),
            ("zoo", "it_starts"),
        ]
        .map(test)
        .into()
    }

    fn names(wanted: &[&str]) -> Result<Vec<String>> {
        let wanted: Vec<String> = wanted.iter().map(|name| name.to_string()).collect();
        let tests = super::wanted(tests(), &wanted)?;
        Ok(tests.iter().map(Test::full_name).collect())
    }

    #[test]
    fn files_and_parts_of_names_select_tests_and_no_name_selects_all() {
        assert_eq!(names(&[]).unwrap().len(), 3);
        assert_eq!(names(&["boot"]).unwrap().len(), 2);
        assert_eq!(
            names(&["boot::ends", "zoo"]).unwrap(),
            ["boot::it_ends", "zoo::it_starts"]
        );
        assert_eq!(names(&["zoo", "zoo::it"]).unwrap(), ["zoo::it_starts"]);
    }

    #[test]
    fn an_unknown_test_is_an_error() {
        for name in ["zoo::typo", "typo", "it_starts"] {
            assert!(
                names(&["boot", name])
                    .unwrap_err()
                    .to_string()
                    .contains(name)
            );
        }
    }

    #[test]
    fn test_programs_are_distinguished_from_others() {
        let message = |kind: &str| {
            format!(r#"{{"target":{{"kind":["{kind}"],"name":"boot"}},"executable":"/boot-1"}}"#)
        };
        let expected = Some(("boot".to_string(), PathBuf::from("/boot-1")));
        assert_eq!(test_program(&message("test")), expected);
        assert_eq!(test_program(&message("bin")), None);
        assert_eq!(test_program("   Compiling harness"), None);
    }
}
