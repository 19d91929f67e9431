//! Mutation testing, `cargo xtask mutations`: injects faults into the tree, one at a time. Each must make a test fail.
//!
//! | file | content |
//! | --- | --- |
//! | `table` | the faults and the tests that find them, by subject |
//! | `copy` | a copy of the tree in which a fault is tried |
//! | `outcome` | the outcome of a mutation, from the output of its tests |
//! | `page` | the table as docs/mutations.md |

mod copy;
mod outcome;
mod page;
mod table;

use std::collections::BTreeSet;

use crate::error::{Error, Result};
use crate::workspace::Workspace;
use copy::Copy;
use outcome::Outcome;

/// The tests that find a mutation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Finder {
    /// The host tests of this crate whose names contain this text.
    Host(&'static str, &'static str),
    /// The host tests of this crate in this file of its directory `tests`.
    Suite(&'static str, &'static str),
    /// Tests that start machines: `FILE` or `FILE::TEST` in tests/tests.
    Machine(&'static str),
}

/// A fault.
#[derive(Debug)]
struct Mutation {
    /// A name, for the command line.
    name: &'static str,
    /// The file, from the top of the tree.
    file: &'static str,
    /// The text to replace, which occurs once in the file.
    before: &'static str,
    /// The replacement.
    after: &'static str,
    /// The consequence of the fault.
    harm: &'static str,
    /// The tests that find it: one of them must fail.
    finder: Finder,
}

/// Tries the named mutations, or all. The argument `page` renders docs/mutations.md instead; `check` only checks that the table
/// matches the tree.
pub fn mutations(arguments: &[String], workspace: &Workspace) -> Result<()> {
    match arguments {
        [only] if only == "page" => return page::write(workspace),
        [only] if only == "check" => return check(workspace),
        _ => {}
    }
    check(workspace)?;
    let chosen = chosen(arguments)?;
    let copy = Copy::make(workspace)?;
    check_finders(&copy, &chosen)?;
    let mut wrong = Vec::new();
    for mutation in chosen {
        let outcome = copy.try_out(mutation)?;
        println!("{:<40} {outcome:?}", mutation.name);
        if !matches!(outcome, Outcome::Found(_)) {
            wrong.push(format!("{}: {outcome:?}", mutation.name));
        }
    }
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(Error::Violations("mutations that no test found", wrong))
    }
}

/// Checks that the tests pass without a mutation: a test that fails anyway finds nothing.
fn check_finders(copy: &Copy, chosen: &[&Mutation]) -> Result<()> {
    let finders: BTreeSet<Finder> = chosen.iter().map(|it| it.finder).collect();
    let mut unfit = Vec::new();
    for finder in finders {
        let outcome = copy.run(finder)?;
        if outcome != Outcome::Survived {
            unfit.push(format!("{finder:?}: {outcome:?}"));
        }
    }
    if unfit.is_empty() {
        Ok(())
    } else {
        Err(Error::Violations(
            "tests that fail without a mutation",
            unfit,
        ))
    }
}

fn chosen(names: &[String]) -> Result<Vec<&'static Mutation>> {
    let unknown = |name: &&String| !table::all().any(|it| it.name == **name);
    if let Some(name) = names.iter().find(unknown) {
        return Err(Error::Usage(format!("no mutation {name:?}")));
    }
    let is_chosen = |it: &&Mutation| names.is_empty() || names.iter().any(|name| name == it.name);
    Ok(table::all().filter(is_chosen).collect())
}

/// Checks that every mutation's text occurs once in its file.
fn check(workspace: &Workspace) -> Result<()> {
    let out_of_date: Vec<String> = table::all()
        .filter_map(|it| it.mismatch(workspace.root()))
        .collect();
    if out_of_date.is_empty() {
        Ok(())
    } else {
        Err(Error::Violations("mutations out of date", out_of_date))
    }
}

impl Mutation {
    /// The reason that the mutation does not apply to the tree; `None` if it applies.
    fn mismatch(&self, root: &std::path::Path) -> Option<String> {
        let text = std::fs::read_to_string(root.join(self.file)).unwrap_or_default();
        match text.matches(self.before).count() {
            1 => None,
            count => Some(format!(
                "{}: its text occurs {count} times in {}",
                self.name, self.file
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mutation_has_a_name_of_its_own_and_changes_something() {
        let mut names = BTreeSet::new();
        for mutation in table::all() {
            let name = mutation.name;
            assert!(names.insert(name), "{name}");
            assert_ne!(mutation.before, mutation.after, "{name}");
        }
    }

    #[test]
    fn every_text_is_still_in_the_tree() {
        check(&Workspace::find()).unwrap_or_else(|error| panic!("{error}"));
    }

    #[test]
    fn the_page_is_up_to_date() {
        let workspace = Workspace::find();
        let page = std::fs::read_to_string(workspace.source(page::PATH)).unwrap_or_default();
        assert!(
            page == page::render(),
            "docs/mutations.md is out of date: run `cargo xtask mutations page`"
        );
    }
}
