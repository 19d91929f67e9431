//! Machines' manifests: TOML files in the tree, compiled for the boot archive.
//!
//! This file knows the paths of manifests; the crate `manifest` defines their syntax.

use std::fs;
use std::path::{Path, PathBuf};

pub use ::manifest::MEMBER;
use ::manifest::Manifest;

use crate::error::{AtPath, Error, Result};
use crate::programs;
use crate::workspace::{DEFAULT_MANIFEST, Workspace};

/// The manifests of two machines, `a` and `b`, for a domain outside of the tree.
pub const PAIR: [&str; 2] = [DEFAULT_MANIFEST, "machine-b"];

/// The manifests of the two machines that `run` shows and `bench` measures.
pub const SHOWN: [&str; 2] = ["kv", "machine-b"];

/// The manifests of the machines that `run --once` has QEMU move.
pub const WHOLE: [&str; 2] = ["whole", "whole-store"];

/// The manifest of the entry `hwcheck` in the boot menu of every image.
pub const HARDWARE_CHECK: &str = "hwcheck";

/// The directories of manifests: those for users, and those that only tests boot.
const DIRECTORIES: [&str; 2] = ["userland/manifests", "tests/manifests"];

/// The names of all manifests in the tree, sorted.
pub fn names(workspace: &Workspace) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for directory in DIRECTORIES.map(|directory| workspace.source(directory)) {
        names.extend(toml_files(&directory)?.into_iter().map(|(stem, _)| stem));
    }
    names.sort();
    Ok(names)
}

/// The files `STEM.toml` of a directory: the stems and the paths, sorted.
pub fn toml_files(directory: &Path) -> Result<Vec<(String, PathBuf)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).at(directory)? {
        let path = entry.at(directory)?.path();
        if path.extension().is_some_and(|it| it == "toml")
            && let Some(stem) = path.file_stem()
        {
            files.push((stem.to_string_lossy().into_owned(), path));
        }
    }
    files.sort();
    Ok(files)
}

/// Reads and checks the manifest `name`, whose domains run only programs of the tree.
///
/// # Errors
/// No manifest has this name (the error lists those that exist), or the manifest is invalid or cannot be read.
pub fn compile(name: &str, workspace: &Workspace) -> Result<Manifest> {
    let known = names(workspace)?;
    if !known.iter().any(|known| known == name) {
        return Err(Error::Missing(format!(
            "no manifest is called {name}, the manifests are: {}",
            known.join(", ")
        )));
    }
    let programs = programs::all(workspace)?;
    ::manifest::compile_with(&path(name, workspace), &programs).map_err(Error::Manifest)
}

/// The path of the manifest `name`; if there is none, the path that it would have among those for users.
pub fn path(name: &str, workspace: &Workspace) -> PathBuf {
    let paths = DIRECTORIES.map(|it| workspace.source(it).join(format!("{name}.toml")));
    let existing = paths.iter().find(|path| path.is_file());
    existing.unwrap_or(&paths[0]).clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_manifest_in_the_tree_compiles() {
        let workspace = Workspace::find();
        let names = names(&workspace).unwrap();
        assert!(names.iter().any(|name| name == DEFAULT_MANIFEST));
        for name in names {
            compile(&name, &workspace).unwrap();
        }
    }

    #[test]
    fn a_missing_manifest_is_named_with_the_existing_ones() {
        let error = compile("no-such-manifest", &Workspace::find()).unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("no-such-manifest") && text.contains(DEFAULT_MANIFEST),
            "{text}"
        );
    }
}
