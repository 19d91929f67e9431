//! The audit of the sizes of source files: a file that needs more than [`LINES_MAX`] lines has a second subject, which gets a file
//! of its own.

use std::process::Command;

use crate::error::{Error, Result};
use crate::process;
use crate::workspace::Workspace;

/// The most lines of a source file.
const LINES_MAX: usize = 500;

/// The one file that may be longer: the table of all system calls, which is read as a whole.
const EXEMPT: &str = "kernel/abi/src/calls/table.rs";

/// Checks every Rust file of the tree.
pub fn check(workspace: &Workspace) -> Result<()> {
    let mut grep = Command::new("grep");
    grep.args(["-rc", "--include=*.rs", "--exclude-dir=target", "", "."])
        .current_dir(workspace.root());
    let violations = violations_in(&process::output(&mut grep)?);
    if violations.is_empty() {
        return Ok(());
    }
    Err(Error::Violations("files that are too long", violations))
}

/// The files that are too long. Each line of `counts` is a path, a colon and the number of lines of that file.
fn violations_in(counts: &str) -> Vec<String> {
    counts
        .lines()
        .filter_map(|count| count.trim_start_matches("./").rsplit_once(':'))
        .filter(|(path, _)| *path != EXEMPT)
        .filter_map(|(path, lines)| Some((path, lines.parse::<usize>().ok()?)))
        .filter(|(_, lines)| *lines > LINES_MAX)
        .map(|(path, lines)| format!("{path} has {lines} lines, more than {LINES_MAX}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_table_of_calls_may_be_long() {
        let counts = "./kernel/abi/src/calls/table.rs:900\n./nomad/a.rs:500\n./nomad/b.rs:501\n./c/table.rs:900\n";
        assert_eq!(
            violations_in(counts),
            [
                "nomad/b.rs has 501 lines, more than 500",
                "c/table.rs has 900 lines, more than 500"
            ]
        );
    }

    #[test]
    fn the_files_of_the_tree_are_counted() {
        let workspace = Workspace::find();
        assert!(workspace.source(EXEMPT).is_file());
        check(&workspace).unwrap();
    }
}
