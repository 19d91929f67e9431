//! The files of fleets: TOML, compiled for the one archive of all machines of a fleet.
//!
//! This file knows the path of the default fleet; the crate `manifest` defines the syntax.

use std::path::{Path, PathBuf};

use ::manifest::Fleet;

use crate::error::{Error, Result};
use crate::manifest::toml_files;
use crate::programs;
use crate::workspace::Workspace;

/// The name of the archive of a fleet: of the default one, or of the one that an image was last made for.
pub const ARCHIVE: &str = "fleet";

/// The default fleet, whose machines `run --sticks` starts.
pub fn default(workspace: &Workspace) -> PathBuf {
    workspace.source("userland/fleets/default.toml")
}

/// The fleets that only tests boot: the names of their archives, and the files.
pub fn of_tests(workspace: &Workspace) -> Result<Vec<(String, PathBuf)>> {
    let files = toml_files(&workspace.source("tests/fleets"))?.into_iter();
    Ok(files
        .map(|(stem, path)| (format!("fleet-{stem}"), path))
        .collect())
}

/// Reads and checks the fleet in this file, whose domains run only programs of the tree.
pub fn compile(path: &Path, workspace: &Workspace) -> Result<Fleet> {
    let programs = programs::all(workspace)?;
    ::manifest::compile_fleet(path, &programs).map_err(Error::Manifest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive;

    #[test]
    fn the_default_fleet_needs_root_once() {
        let workspace = Workspace::find();
        let fleet = compile(&default(&workspace), &workspace).unwrap();
        let needed = archive::programs_of_fleet(&fleet);
        assert_eq!(
            needed.iter().filter(|program| *program == "root").count(),
            1
        );
    }

    #[test]
    fn the_fleets_of_tests_compile() {
        let workspace = Workspace::find();
        let fleets = of_tests(&workspace).unwrap();
        assert!(!fleets.is_empty());
        for (name, file) in fleets {
            compile(&file, &workspace).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }

    #[test]
    fn a_missing_fleet_is_named() {
        let error = compile(Path::new("no-such-fleet.toml"), &Workspace::find()).unwrap_err();
        assert!(error.to_string().contains("no-such-fleet.toml"));
    }
}
