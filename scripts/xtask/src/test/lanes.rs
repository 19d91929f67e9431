//! Tests in parallel, each in a process of its own: [`run`].
//!
//! Cargo runs one test program after another, so the last test of each program has the host to itself. Here the next test of any
//! program starts as soon as one ends.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{AtPath, Error, Result};

/// The output of a test program whose one test has passed.
const RAN: &str = "test result: ok. 1 passed";

/// Additional environment variables of each test.
pub type Environment = [(&'static str, OsString)];

/// A test of a test program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Test {
    pub program: PathBuf,
    /// The name of its source file, without the extension.
    pub file: String,
    /// The test's name there.
    pub name: String,
}

impl Test {
    /// `FILE::TEST`.
    pub fn full_name(&self) -> String {
        format!("{}::{}", self.file, self.name)
    }

    /// Runs it, and writes its output to a file: with a pipe, a process that the test leaves behind could keep the pipe open.
    fn run(&self, log: &Path, environment: &Environment) -> Result<ExitStatus> {
        let output = File::create(log).at(log)?;
        let errors = output.try_clone().at(log)?;
        Command::new(&self.program)
            .args(["--exact", &self.name])
            .envs(environment.iter().cloned())
            .stdout(output)
            .stderr(errors)
            .status()
            .map_err(|error| Error::Start(self.full_name(), error))
    }
}

/// Starts tests in order, `lanes` at a time. Reports each test as a test program does, and prints its output if it fails. The
/// directory keeps the output of every test.
///
/// # Errors
/// The names of the failed tests.
pub fn run(
    tests: Vec<Test>,
    lanes: usize,
    directory: &Path,
    environment: &Environment,
) -> Result<()> {
    fs::create_dir_all(directory).at(directory)?;
    let count = tests.len();
    println!("\nrunning {count} tests");
    let waiting = Mutex::new(VecDeque::from(tests));
    let failed = Mutex::new(Vec::new());
    let lane = || run_lane(&waiting, &failed, directory, environment);
    thread::scope(|scope| {
        let lanes: Vec<_> = (0..lanes).map(|_| scope.spawn(lane)).collect();
        let mut ended = lanes.into_iter().map(|lane| lane.join());
        ended.try_for_each(|ended| ended.expect("no lane panics"))
    })?;
    let failed = failed.into_inner().expect("no lane panics");
    conclude(count, &failed);
    if failed.is_empty() {
        return Ok(());
    }
    Err(Error::Tests(failed))
}

/// Runs tests until none is waiting, and adds the names of those that fail.
///
/// # Errors
/// A test could not be started. Then no lane starts another one.
fn run_lane(
    waiting: &Mutex<VecDeque<Test>>,
    failed: &Mutex<Vec<String>>,
    directory: &Path,
    environment: &Environment,
) -> Result<()> {
    let next = || waiting.lock().expect("no lane panics").pop_front();
    while let Some(test) = next() {
        let name = test.name.replace("::", ".");
        let log = directory.join(format!("{}.{name}.log", test.file));
        println!("test {} begins", test.full_name());
        let started = Instant::now();
        let ended = test.run(&log, environment);
        // One lane reports at a time.
        let mut failed = failed.lock().expect("no lane panics");
        match ended {
            Ok(status) if report(&test, &log, status, started.elapsed()) => {}
            Ok(_) => failed.push(test.full_name()),
            Err(error) => {
                waiting.lock().expect("no lane panics").clear();
                return Err(error);
            }
        }
    }
    Ok(())
}

/// Prints the overall result.
fn conclude(count: usize, failed: &[String]) {
    let verdict = if failed.is_empty() { "ok" } else { "FAILED" };
    if !failed.is_empty() {
        println!("\nfailures:\n    {}", failed.join("\n    "));
    }
    let (passed, failed) = (count - failed.len(), failed.len());
    println!("\ntest result: {verdict}. {passed} passed; {failed} failed");
}

/// Prints a test's result, and returns whether the test ran and passed. The program's success is not enough, since it also succeeds
/// for an ignored test.
fn report(test: &Test, log: &Path, status: ExitStatus, took: Duration) -> bool {
    let printed = fs::read(log).unwrap_or_default();
    let printed = String::from_utf8_lossy(&printed);
    let passed = status.success() && printed.contains(RAN);
    let word = if passed { "ok" } else { "FAILED" };
    if !passed {
        print!("{printed}");
    }
    println!("test {} ... {word}, {} s", test.full_name(), took.as_secs());
    passed
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One of this program's own tests.
    fn of_this(name: &str) -> Test {
        Test {
            program: std::env::current_exe().expect("a program"),
            file: "xtask".to_string(),
            name: format!("test::lanes::tests::samples::{name}"),
        }
    }

    mod samples {
        #[test]
        #[ignore = "a sample of an ignored test"]
        fn is_ignored() {}

        /// Fails only if the environment requests it.
        #[test]
        fn fails_if_asked() {
            assert!(std::env::var_os("XTASK_SAMPLE_FAILS").is_none());
        }

        #[test]
        fn fails_too() {
            fails_if_asked();
        }

        #[test]
        fn passes() {}
    }

    #[test]
    fn a_program_that_cannot_be_started_is_not_a_failed_test() {
        let directory = std::env::temp_dir().join(format!("xtask-no-lane-{}", std::process::id()));
        let missing = Test {
            program: "/no/such/program".into(),
            ..of_this("passes")
        };
        let result = run(vec![missing], 2, &directory, &[]);
        fs::remove_dir_all(&directory).expect("it is removed");
        assert!(matches!(result, Err(Error::Start(..))));
    }

    #[test]
    fn a_test_that_fails_or_does_not_run_does_not_stop_the_others() {
        let directory = std::env::temp_dir().join(format!("xtask-lanes-{}", std::process::id()));
        let tests = ["fails_if_asked", "passes", "fails_too"].map(of_this);
        let asked = [("XTASK_SAMPLE_FAILS", OsString::from("1"))];
        let failing = run(tests.to_vec(), 2, &directory, &asked);
        let passing = run(tests.to_vec(), 2, &directory, &[]);
        let ignoring = run(vec![of_this("is_ignored")], 1, &directory, &[]);
        let logs = fs::read_dir(&directory).expect("a directory").count();
        fs::remove_dir_all(&directory).expect("it is removed");
        let error = failing.expect_err("two have failed").to_string();
        for name in ["fails_if_asked", "fails_too"] {
            assert!(error.contains(name), "{error}");
        }
        assert!(!error.contains("passes"), "{error}");
        assert!(passing.is_ok());
        assert!(matches!(ignoring, Err(Error::Tests(_))));
        assert_eq!(logs, 4);
    }
}
