//! The files of fleets: TOML, compiled for the one archive of all machines of a fleet.
//!
//! This file knows the path of the default fleet; the crate `manifest` defines the syntax.

use std::path::{Path, PathBuf};

use ::manifest::Fleet;

use crate::error::{Error, Result};
use crate::workspace::Workspace;

/// The name of the archive of a fleet: of the default one, or of the one that an image was last made for.
pub const ARCHIVE: &str = "fleet";

/// The default fleet, whose machines `run --sticks` starts.
pub fn default(workspace: &Workspace) -> PathBuf {
    workspace.source("userland/fleets/default.toml")
}

/// Reads and checks the fleet in this file.
pub fn compile(path: &Path) -> Result<Fleet> {
    ::manifest::compile_fleet(path).map_err(Error::Manifest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{archive, programs};

    #[test]
    fn the_default_fleet_names_existing_programs() {
        let workspace = Workspace::find();
        let known = programs::all(&workspace).unwrap();
        let fleet = compile(&default(&workspace)).unwrap();
        let needed = archive::programs_of_fleet(&fleet);
        assert!(
            needed.iter().all(|program| known.contains(program)),
            "{needed:?}"
        );
        assert_eq!(
            needed.iter().filter(|program| *program == "root").count(),
            1
        );
    }

    #[test]
    fn a_missing_fleet_is_named() {
        let error = compile(Path::new("no-such-fleet.toml")).unwrap_err();
        assert!(error.to_string().contains("no-such-fleet.toml"));
    }
}
