//! Running other programs.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};

/// The interval between checks of a program with a time limit.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Runs `command` to completion; a failure is an error that names it.
pub fn run(command: &mut Command) -> Result<()> {
    let name = name_of(command);
    let status = command
        .status()
        .map_err(|e| Error::Start(name.clone(), e))?;
    if status.success() {
        Ok(())
    } else {
        Err(Error::Failed(name, status))
    }
}

/// Runs `command` and returns its standard output.
pub fn output(command: &mut Command) -> Result<String> {
    let name = name_of(command);
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .map_err(|e| Error::Start(name.clone(), e))?;
    if !output.status.success() {
        return Err(Error::Failed(name, output.status));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs `command` to completion and prints its output only if it fails.
pub fn run_quietly(command: &mut Command) -> Result<()> {
    let name = name_of(command);
    let output = command
        .output()
        .map_err(|e| Error::Start(name.clone(), e))?;
    if output.status.success() {
        return Ok(());
    }
    eprintln!("{}", String::from_utf8_lossy(&output.stdout));
    eprintln!("{}", String::from_utf8_lossy(&output.stderr));
    Err(Error::Failed(name, output.status))
}

/// Runs `command` and returns its exit code. The program is killed after `limit`.
pub fn run_within(command: &mut Command, limit: Duration) -> Result<Option<i32>> {
    let name = name_of(command);
    let mut child = command.spawn().map_err(|e| Error::Start(name.clone(), e))?;
    let started = Instant::now();
    while started.elapsed() < limit {
        if let Some(status) = child
            .try_wait()
            .map_err(|e| Error::Start(name.clone(), e))?
        {
            return Ok(status.code());
        }
        std::thread::sleep(POLL_INTERVAL);
    }
    kill_and_reap(&mut child);
    Err(Error::TimedOut(name, limit))
}

/// Kills a child that may have ended meanwhile.
fn kill_and_reap(child: &mut Child) {
    // Both fail only if the child has already ended.
    let _ = child.kill();
    let _ = child.wait();
}

/// The program and its subcommand, which distinguishes calls of cargo.
fn name_of(command: &Command) -> String {
    let program = Path::new(command.get_program())
        .file_name()
        .unwrap_or_default()
        .to_string_lossy();
    match command
        .get_args()
        .next()
        .map(|first| first.to_string_lossy())
    {
        Some(first) if !first.starts_with('-') => format!("{program} {first}"),
        _ => program.into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_program_is_named() {
        let error = run(&mut Command::new("false")).unwrap_err();
        assert!(error.to_string().starts_with("false failed"));
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = run(&mut Command::new("no-such-program-here")).unwrap_err();
        assert!(error.to_string().contains("no-such-program-here"));
    }

    #[test]
    fn a_call_of_cargo_is_named_with_its_subcommand() {
        let mut cargo = Command::new("/usr/bin/cargo");
        cargo.args(["clippy", "--package", "kernel"]);
        assert_eq!(name_of(&cargo), "cargo clippy");
    }

    #[test]
    fn returns_the_output() {
        assert_eq!(
            output(Command::new("echo").arg("hello")).unwrap(),
            "hello\n"
        );
    }

    #[test]
    fn ends_a_program_after_its_limit() {
        let result = run_within(Command::new("sleep").arg("600"), Duration::from_millis(1));
        assert!(matches!(result, Err(Error::TimedOut(..))));
    }

    #[test]
    fn returns_the_exit_code_of_a_program_within_its_limit() {
        let mut command = Command::new("sh");
        command.args(["-c", "exit 33"]);
        assert_eq!(
            run_within(&mut command, Duration::from_secs(600)).unwrap(),
            Some(33)
        );
    }
}
