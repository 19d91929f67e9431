//! The tables of the freestanding programs. A new program is added only here.

use std::fs;

use crate::error::{AtPath, Result};
use crate::workspace::Workspace;

/// The package of the kernel, and its binary. The binary has another name because the package is also a library.
pub const KERNEL_PACKAGE: &str = "kernel";
/// See [`KERNEL_PACKAGE`].
pub const KERNEL_BINARY: &str = "caravan-kernel";

/// The package of the plugin for QEMU, and the library that cargo builds from it.
pub const PLUGIN_PACKAGE: &str = "latency-plugin";
/// See [`PLUGIN_PACKAGE`].
pub const PLUGIN_LIBRARY: &str = "liblatency_plugin.so";

/// The userland programs: each a package with one binary of the same name, in the archive as `<name>.elf`.
pub const USERLAND: &[&str] = &[
    "root",
    "virtio-net",
    "e1000",
    "igb",
    "realtek",
    "vmxnet3",
    "switch",
    "counter",
    "hwcheck",
    "kv",
    "console",
    "nomad-server",
];

/// The directory of the machine tests' guests. Each subdirectory with a `src/main.rs` is a package named `guest-<directory>`; each
/// of the others is a library that guests share.
const GUESTS_DIRECTORY: &str = "tests/guests";

/// Programs that enable features of the runtime. Cargo enables a feature for all packages of one call, so each of these
/// is built by a call of its own.
const WITH_FEATURES: &[&str] = &["guest-resolver", "nomad-server"];

/// Divides the programs into groups, each for one call of cargo.
pub fn groups(names: &[String]) -> Vec<Vec<&str>> {
    let (alone, plain): (Vec<_>, Vec<_>) = names
        .iter()
        .map(String::as_str)
        .partition(|name| WITH_FEATURES.contains(name));
    let alone = alone.into_iter().map(|name| vec![name]);
    let groups = std::iter::once(plain).chain(alone);
    groups.filter(|group| !group.is_empty()).collect()
}

/// The names of all guests, sorted.
pub fn guests(workspace: &Workspace) -> Result<Vec<String>> {
    let directory = workspace.source(GUESTS_DIRECTORY);
    if !directory.is_dir() {
        return Ok(Vec::new());
    }
    let mut names = Vec::new();
    for entry in fs::read_dir(&directory).at(&directory)? {
        let path = entry.at(&directory)?.path();
        if path.join("src/main.rs").is_file()
            && let Some(name) = path.file_name()
        {
            names.push(format!("guest-{}", name.to_string_lossy()));
        }
    }
    names.sort();
    Ok(names)
}

/// Every userland program and guest.
pub fn all(workspace: &Workspace) -> Result<Vec<String>> {
    let mut names: Vec<String> = USERLAND.iter().map(|name| name.to_string()).collect();
    names.extend(guests(workspace)?);
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_with_features_is_built_alone() {
        let names = ["root", "guest-resolver", "switch"].map(str::to_string);
        assert_eq!(
            groups(&names),
            [vec!["root", "switch"], vec!["guest-resolver"]]
        );
        assert_eq!(groups(&names[1..2]), [vec!["guest-resolver"]]);
    }
}
