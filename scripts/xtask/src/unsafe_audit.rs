//! The audit of unsafe code: it is allowed in a few directories only.
//!
//! The compiler enforces it: the workspace denies `unsafe_code`, and those directories allow it. The audit checks that every
//! crate inherits the lints of the workspace, and that files elsewhere mention `unsafe_code` only to forbid it.

use std::fs;
use std::process::Command;

use crate::error::{AtPath, Error, Result};
use crate::process;
use crate::workspace::Workspace;

/// The directories in which unsafe code is allowed.
const ALLOWED: &[&str] = &[
    "kernel/src/arch/",
    "kernel/src/memory/",
    "userland/runtime/",
    "userland/drivers/",
    "tests/guests/",
    "tests/plugins/",
];
const INHERITED: &str = "[lints]\nworkspace = true\n";
const FORBID: &str = "#![forbid(unsafe_code)]";

/// Checks the whole tree. Its crates are in these directories.
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
    violations.extend(violations_in(&process::output(&mut grep)?));
    if violations.is_empty() {
        return Ok(());
    }
    Err(Error::Violations(
        "unsafe code outside of the directories that allow it",
        violations,
    ))
}

/// The lines, as `path:line:text`, that may allow unsafe code outside of the allowed directories.
fn violations_in(mentions: &str) -> Vec<String> {
    mentions
        .lines()
        .map(|mention| mention.trim_start_matches("./"))
        .filter(|mention| {
            !ALLOWED
                .iter()
                .any(|directory| mention.starts_with(directory))
        })
        .filter(|mention| !mention.ends_with(FORBID))
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsafe_code_is_allowed_in_listed_directories_only() {
        let mentions = "\
./kernel/src/archive.rs:3:#[allow(unsafe_code)]
./kernel/src/arch/mod.rs:16:#![allow(unsafe_code)]
./userland/root/src/lib.rs:20:#![forbid(unsafe_code)]
./userland/root/src/main.rs:1:// #![forbid(unsafe_code)], or #![allow(unsafe_code)]";
        assert_eq!(
            violations_in(mentions),
            [
                "kernel/src/archive.rs:3:#[allow(unsafe_code)]",
                "userland/root/src/main.rs:1:// #![forbid(unsafe_code)], or #![allow(unsafe_code)]",
            ]
        );
    }

    #[test]
    fn a_crate_that_does_not_inherit_the_lints_is_a_violation() {
        let workspace = Workspace::find();
        assert!(check(&workspace, ["capabilities"]).is_ok());
        let error = check(&workspace, ["capabilities", "."]).unwrap_err();
        assert!(error.to_string().contains(".: does not inherit"));
    }
}
