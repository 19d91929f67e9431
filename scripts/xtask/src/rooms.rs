//! The check that unsafe code stays in its rooms.
//!
//! Outside of them no line of code says `unsafe`, and every crate that has no room in it forbids it to itself, so that
//! the compiler holds what this check only reads.

use std::fs;
use std::path::Path;

use crate::error::{AtPath, Error, Result};
use crate::source;
use crate::workspace::Workspace;

/// Where unsafe code may stand.
const ROOMS: &[&str] = &[
    "kernel/src/arch",
    "kernel/src/memory",
    "userland/runtime",
    "userland/drivers",
    "tests/guests",
    "tests/plugins",
];
/// What a crate without a room says.
const FORBID: &str = "#![forbid(unsafe_code)]";

/// Looks through the whole tree.
pub fn check(workspace: &Workspace) -> Result<()> {
    let violations = violations_below(workspace.root())?;
    if violations.is_empty() {
        return Ok(());
    }
    Err(Error::Violations(
        "unsafe code outside of its rooms",
        violations,
    ))
}

fn violations_below(root: &Path) -> Result<Vec<String>> {
    let mut violations = Vec::new();
    for file in source::rust_files(root)? {
        let text = fs::read_to_string(&file).at(&file)?;
        let path = file
            .strip_prefix(root)
            .expect("files were found below the root");
        violations.extend(violations_in(path, &text));
    }
    Ok(violations)
}

fn violations_in(path: &Path, text: &str) -> Vec<String> {
    if ROOMS.iter().any(|room| path.starts_with(room)) {
        return Vec::new();
    }
    let code = source::code_only(text);
    let mut violations: Vec<String> = code
        .lines()
        .enumerate()
        .filter(|(_, line)| source::has_word(line, "unsafe"))
        .map(|(index, _)| format!("{}:{}: says unsafe", path.display(), index + 1))
        .collect();
    if is_crate_root(path) && !has_room(path) && !code.contains(FORBID) {
        violations.push(format!("{}: does not say {FORBID}", path.display()));
    }
    violations
}

/// The files that a crate begins with: `src/lib.rs`, `src/main.rs` and those in `src/bin`.
fn is_crate_root(path: &Path) -> bool {
    let file = path.file_name().unwrap_or_default();
    match path.parent() {
        Some(parent) if parent.ends_with("src") => file == "lib.rs" || file == "main.rs",
        Some(parent) => parent.ends_with("src/bin"),
        None => false,
    }
}

/// Whether a room lies among the sources that this crate root begins.
fn has_room(crate_root: &Path) -> bool {
    let source = crate_root.ancestors().find(|path| path.ends_with("src"));
    source.is_some_and(|source| ROOMS.iter().any(|room| Path::new(room).starts_with(source)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn violations(path: &str, text: &str) -> Vec<String> {
        violations_in(Path::new(path), text)
    }

    #[test]
    fn unsafe_code_is_found_with_its_line() {
        let found = violations(
            "kernel/src/ipc/endpoint.rs",
            "fn f() {\n    unsafe { g() }\n}\n",
        );
        assert_eq!(found, ["kernel/src/ipc/endpoint.rs:2: says unsafe"]);
    }

    #[test]
    fn an_unsafe_attribute_is_found() {
        assert_eq!(
            violations("capabilities/src/slot.rs", "#[unsafe(no_mangle)]\n").len(),
            1
        );
    }

    #[test]
    fn unsafe_code_in_a_room_is_fine() {
        for room in ROOMS {
            assert!(
                violations(&format!("{room}/x.rs"), "unsafe {}").is_empty(),
                "{room}"
            );
        }
    }

    #[test]
    fn a_name_that_begins_like_a_room_is_no_room() {
        assert_eq!(violations("kernel/src/archive.rs", "unsafe {}").len(), 1);
    }

    #[test]
    fn a_crate_that_does_not_forbid_is_found() {
        for path in [
            "capabilities/src/lib.rs",
            "userland/root/src/main.rs",
            "tests/src/lib.rs",
            "tests/src/bin/a.rs",
        ] {
            assert_eq!(violations(path, "//! A crate.\n").len(), 1, "{path}");
            assert!(
                violations(path, "//! A crate.\n#![forbid(unsafe_code)]\n").is_empty(),
                "{path}"
            );
        }
    }

    #[test]
    fn to_forbid_in_a_comment_is_not_to_forbid() {
        assert_eq!(
            violations("nomad/image/src/lib.rs", "// #![forbid(unsafe_code)]\n").len(),
            1
        );
    }

    #[test]
    fn a_crate_with_a_room_cannot_forbid() {
        assert!(violations("kernel/src/lib.rs", "//! The kernel.\n").is_empty());
    }
}
