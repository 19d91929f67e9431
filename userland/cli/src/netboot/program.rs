//! Finds and runs programs of this host.

use std::env;
use std::io;
use std::process::Command;

use super::Error;

/// A command that is also searched for in `/usr/sbin` and `/sbin`, which some root shells leave out of `PATH`.
pub fn command(name: &str) -> Command {
    let path = env::var("PATH").unwrap_or_default();
    let mut command = Command::new(name);
    command.env("PATH", format!("{path}:/usr/sbin:/sbin"));
    command
}

/// Runs `command` to completion, and returns its output. Errors name the program `name` and, if it is missing, its `package`.
///
/// # Errors
/// The program is not installed, cannot be started, or fails.
pub fn output(
    name: &'static str,
    package: &'static str,
    command: &mut Command,
) -> Result<String, Error> {
    let output = command.output().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Error::NotInstalled(name, package),
        _ => Error::Program(name, error),
    })?;
    if !output.status.success() {
        let message = String::from_utf8_lossy(&output.stderr);
        return Err(Error::Failed(name, message.trim_end().to_owned()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_is_named_with_its_package() {
        let mut missing = command("no-such-program-here");
        let error = output("dnsmasq", "dnsmasq-base", &mut missing).expect_err("none");
        let text = error.to_string();
        assert!(text.contains("`dnsmasq` is not installed"), "{text}");
        assert!(text.contains("apt install dnsmasq-base"), "{text}");
    }

    #[test]
    fn a_failure_has_the_programs_message() {
        let mut shell = command("sh");
        let error = output("sh", "dash", shell.args(["-c", "echo no room >&2; false"]));
        assert!(error.expect_err("failed").to_string().contains("no room"));
    }
}
