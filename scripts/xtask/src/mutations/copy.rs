//! A copy of the tree in which mutations are tried: [`Copy`].

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::outcome::{Ended, Outcome};
use super::{Finder, Mutation};
use crate::error::{AtPath, Error, Result};
use crate::process;
use crate::toolchain::Toolchain;
use crate::workspace::Workspace;

/// The time limit of tests. Only a mutation that makes them hang reaches it.
const LIMIT_SECONDS: &str = "1800";
/// The exit code of `timeout` when it has ended a command.
const TIMED_OUT: i32 = 124;

/// A copy of the tree's files, without those that git ignores, and a target directory of its own that is kept between runs.
pub struct Copy<'w> {
    workspace: &'w Workspace,
    root: PathBuf,
    target: PathBuf,
}

impl Copy<'_> {
    /// Makes the copy, updating an earlier one. Unchanged files keep their age, so that little is recompiled.
    pub fn make(workspace: &Workspace) -> Result<Copy<'_>> {
        let base = workspace.host_target().join("mutations");
        let copy = Copy {
            workspace,
            root: base.join("tree"),
            target: base.join("target"),
        };
        let mut git = Command::new("git");
        git.args(["ls-files", "--cached", "--others", "--exclude-standard"])
            .current_dir(workspace.root());
        let listed = process::output(&mut git)?;
        let files: BTreeSet<&str> = listed.lines().collect();
        for file in &files {
            copy.refresh(file)?;
        }
        copy.forget(&copy.root, &files)?;
        Ok(copy)
    }

    /// Deletes the files below a directory that the tree no longer has. Otherwise a module that became a directory would exist
    /// twice.
    fn forget(&self, directory: &Path, files: &BTreeSet<&str>) -> Result<()> {
        for entry in fs::read_dir(directory).at(directory)? {
            let path = entry.at(directory)?.path();
            if path.is_dir() {
                self.forget(&path, files)?;
            } else if !self.is_listed(&path, files) {
                fs::remove_file(&path).at(&path)?;
            }
        }
        Ok(())
    }

    /// Whether a file of the copy is still in the tree and among `files`, whose paths begin at the top of the tree.
    fn is_listed(&self, path: &Path, files: &BTreeSet<&str>) -> bool {
        let name = path.strip_prefix(&self.root).ok().and_then(Path::to_str);
        name.is_some_and(|name| files.contains(name) && self.workspace.source(name).exists())
    }

    /// Copies a file if it differs.
    fn refresh(&self, file: &str) -> Result<()> {
        let (from, to) = (self.workspace.source(file), self.root.join(file));
        let Ok(text) = fs::read(&from) else {
            // The file is deleted in the working tree, but not in git.
            return Ok(());
        };
        if fs::read(&to).is_ok_and(|there| there == text) {
            return Ok(());
        }
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent).at(parent)?;
        }
        // `fs::copy` keeps scripts executable.
        fs::copy(&from, &to).at(&to).map(|_| ())
    }

    /// Tries a mutation, and reverts it.
    pub fn try_out(&self, mutation: &Mutation) -> Result<Outcome> {
        let path = self.root.join(mutation.file);
        let text = fs::read_to_string(&path).at(&path)?;
        fs::write(&path, text.replacen(mutation.before, mutation.after, 1)).at(&path)?;
        let outcome = self.run(mutation.finder);
        fs::write(&path, text).at(&path)?;
        outcome
    }

    /// Runs the tests of a finder on the copy in its present state.
    pub fn run(&self, finder: Finder) -> Result<Outcome> {
        match finder {
            Finder::Host(package, filter) => self.on_the_host(package, &["--lib"], filter),
            Finder::Suite(package, file) => self.on_the_host(package, &["--test", file], ""),
            Finder::Machine(test) => self.in_a_machine(test),
        }
    }

    fn on_the_host(&self, package: &str, target: &[&str], filter: &str) -> Result<Outcome> {
        let test = ["test", "--quiet", "--package", package];
        let mut compile = self.cargo()?;
        compile.args(test).args(target).arg("--no-run");
        if let Err(error) = process::run_quietly(&mut compile) {
            return Ok(Outcome::Unusable(error.to_string()));
        }
        let mut run = limited(&self.cargo()?);
        run.args(test).args(target).arg(filter);
        outcome_of(&mut run)
    }

    /// Builds the programs that the machines boot, and runs a machine test.
    fn in_a_machine(&self, test: &str) -> Result<Outcome> {
        let mut compile = self.xtask()?;
        compile.arg("build");
        if let Err(error) = process::run_quietly(&mut compile) {
            return Ok(Outcome::Unusable(error.to_string()));
        }
        let mut run = limited(&self.xtask()?);
        run.args(["test", "--only", "image", "machines", test]);
        outcome_of(&mut run)
    }

    fn xtask(&self) -> Result<Command> {
        let mut cargo = self.cargo()?;
        cargo.args(["run", "--quiet", "--package", "xtask", "--"]);
        Ok(cargo)
    }

    fn cargo(&self) -> Result<Command> {
        let mut cargo = Toolchain::find()?.cargo();
        cargo
            .current_dir(&self.root)
            .env("CARGO_TARGET_DIR", &self.target);
        Ok(cargo)
    }
}

/// The same command under `timeout`, which ends it and its children at the time limit.
fn limited(command: &Command) -> Command {
    let mut limited = Command::new("timeout");
    limited.arg(LIMIT_SECONDS).arg(command.get_program());
    if let Some(directory) = command.get_current_dir() {
        limited.current_dir(directory);
    }
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => limited.env(name, value),
            None => limited.env_remove(name),
        };
    }
    limited
}

/// Runs tests, and judges their output.
fn outcome_of(tests: &mut Command) -> Result<Outcome> {
    let output = tests
        .output()
        .map_err(|error| Error::Start("cargo test".to_string(), error))?;
    let ended = match output.status.code() {
        Some(0) => Ended::Succeeded,
        Some(TIMED_OUT) => Ended::TimedOut,
        _ => Ended::Failed,
    };
    Ok(Outcome::of(ended, &String::from_utf8_lossy(&output.stdout)))
}
