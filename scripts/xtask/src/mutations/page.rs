//! The table as docs/mutations.md: [`render`].

use std::fmt::Write as _;
use std::fs;

use super::{Finder, Mutation, table};
use crate::error::{AtPath, Result};
use crate::workspace::Workspace;

/// The path of the page.
pub const PATH: &str = "docs/mutations.md";

const HEAD: &str = "\
# Mutations

Each line is a fault that can be injected into the tree, its consequence, and the tests that then fail. `cargo xtask mutations`
tries every fault, one at a time, in a copy of the tree; `cargo xtask mutations NAME` tries one. This page is rendered from scripts/xtask/src/mutations/table by `cargo xtask mutations page`.
ARCHITECTURE.md has a glossary of the terms.

";

pub fn write(workspace: &Workspace) -> Result<()> {
    let path = workspace.source(PATH);
    fs::write(&path, render()).at(&path)
}

/// The text of the page.
pub fn render() -> String {
    let mut text = HEAD.to_string();
    text += "| name | file | change | consequence | found by |\n| --- | --- | --- | --- | --- |\n";
    for it in table::all() {
        let Mutation {
            name, file, harm, ..
        } = it;
        let _ = writeln!(
            text,
            "| {name} | {file} | {} | {harm} | {} |",
            change(it),
            finder(it.finder)
        );
    }
    text
}

fn change(mutation: &Mutation) -> String {
    let before = code(mutation.before);
    if mutation.after.trim().is_empty() {
        format!("{before} deleted")
    } else {
        format!("{before} becomes {}", code(mutation.after))
    }
}

/// Text as code in a table: on one line, without the bar that would end the cell.
fn code(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    format!("`{}`", words.join(" ").replace('|', "\\|"))
}

fn finder(finder: Finder) -> String {
    match finder {
        Finder::Host(package, filter) => format!("`cargo test -p {package} --lib {filter}`"),
        Finder::Suite(package, file) => format!("`cargo test -p {package} --test {file}`"),
        Finder::Machine(test) => match test.split_once("::") {
            None => format!("tests/tests/{test}.rs"),
            Some((file, name)) => format!("tests/tests/{file}.rs, {name}"),
        },
    }
}
