//! The Caravan tree that domains are built with: the one that this program was installed from, or that `CARAVAN_HOME` names.

use std::env;
use std::path::PathBuf;

use xtask::workspace::{self, Workspace};

use crate::error::{Error, Result};

/// The environment's name for the tree.
const VARIABLE: &str = "CARAVAN_HOME";

/// Finds the tree.
///
/// # Errors
/// It is gone, or `CARAVAN_HOME` names something else.
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
