//! The Caravan tree with which domains are built: `CARAVAN_HOME` names it, or else it is the one this program was installed from.

use std::env;
use std::path::PathBuf;

use xtask::workspace::{self, Workspace};

use crate::error::{Error, Result};

/// The environment variable that names the tree.
const VARIABLE: &str = "CARAVAN_HOME";

/// Finds the tree.
///
/// # Errors
/// The directory that `CARAVAN_HOME` names, or that this program was installed from, is not a Caravan tree.
pub fn find() -> Result<Workspace> {
    let (root, origin) = match env::var_os(VARIABLE) {
        Some(root) => (PathBuf::from(root), format!("{VARIABLE} names it")),
        None => (
            workspace::compiled_in().to_path_buf(),
            "this program was installed from there".to_owned(),
        ),
    };
    Workspace::at(&root).map_err(|error| Error::NoTree(format!("{error} ({origin})")))
}
