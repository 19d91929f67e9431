//! The check that unsafe code stays in its rooms.
//!
//! The compiler does the work: the workspace denies `unsafe_code`, and a room allows it for itself. What remains to
//! check is that every crate inherits the lints of the workspace, and that no file outside of the rooms mentions
//! `unsafe_code`, except to forbid it.

use std::fs;
use std::process::Command;

use crate::error::{AtPath, Error, Result};
use crate::process;
use crate::workspace::Workspace;

/// The directories in which unsafe code is allowed.
const ROOMS: &[&str] = &[
    "kernel/src/arch/",
    "kernel/src/memory/",
    "userland/runtime/",
    "userland/drivers/",
    "tests/guests/",
    "tests/plugins/",
];
const INHERITED: &str = "[lints]\nworkspace = true\n";
const FORBID: &str = "#![forbid(unsafe_code)]";

/// Checks the whole tree, whose crates lie in these directories.
pub fn check<'a>(
    workspace: &Workspace,
    directories: impl IntoIterator<Item = &'a str>,
) -> Result<()> {
    let mut violations = Vec::new();
    for directory in directories {
        let manifest = workspace.source(directory).join("Cargo.toml");
        let text = fs::read_to_string(&manifest).at(&manifest)?;
        if !text.contains(INHERITED) {
            violations.push(format!(
                "{directory}: does not inherit the workspace's lints"
            ));
        }
    }
    let mut grep = Command::new("grep");
    grep.args(["-rn", "--include=*.rs", "--exclude-dir=target"])
        .args(["--exclude=unsafe_audit.rs", "unsafe_code", "."])
        .current_dir(workspace.root());
    violations.extend(outside_of_rooms(&process::output(&mut grep)?));
    if violations.is_empty() {
        return Ok(());
    }
    Err(Error::Violations(
        "unsafe code outside of its rooms",
        violations,
    ))
}

/// The lines of `path:line:text` that may allow unsafe code outside of the rooms.
fn outside_of_rooms(mentions: &str) -> Vec<String> {
    mentions
        .lines()
        .map(|mention| mention.trim_start_matches("./"))
        .filter(|mention| !ROOMS.iter().any(|room| mention.starts_with(room)))
        .filter(|mention| !mention.ends_with(FORBID))
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_room_may_allow_unsafe_code() {
        let mentions = "\
./kernel/src/archive.rs:3:#[allow(unsafe_code)]
./kernel/src/arch/mod.rs:16:#![allow(unsafe_code)]
./userland/root/src/lib.rs:20:#![forbid(unsafe_code)]
./userland/root/src/main.rs:1:// #![forbid(unsafe_code)], or #![allow(unsafe_code)]";
        assert_eq!(
            outside_of_rooms(mentions),
            [
                "kernel/src/archive.rs:3:#[allow(unsafe_code)]",
                "userland/root/src/main.rs:1:// #![forbid(unsafe_code)], or #![allow(unsafe_code)]",
            ]
        );
    }

    #[test]
    fn a_crate_that_does_not_inherit_the_lints_is_found() {
        let workspace = Workspace::find();
        assert!(check(&workspace, ["capabilities"]).is_ok());
        let error = check(&workspace, ["capabilities", "."]).unwrap_err();
        assert!(error.to_string().contains(".: does not inherit"));
    }
}
