//! The files of fleets: TOML, compiled for the one archive of all machines of a fleet.
//!
//! This file knows the path of the default fleet; the crate `manifest` defines the syntax.

use std::path::{Path, PathBuf};

use ::manifest::{Fleet, Role};

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

/// Whether a migration server of the fleet has the secret of one of the other fleet.
pub fn has_secret_of(fleet: &Fleet, other: &Fleet) -> bool {
    secrets(fleet).any(|secret| secrets(other).any(|others| others == secret))
}

/// The secrets of a fleet's migration servers.
fn secrets(fleet: &Fleet) -> impl Iterator<Item = &String> {
    let members = fleet.members.iter();
    let domains = members.flat_map(|member| &member.manifest.domains);
    let servers = domains
        .chain(&fleet.guest_domains)
        .filter(|domain| domain.role == Some(Role::MigrationServer));
    servers.filter_map(|server| server.arguments.get("secret"))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::archive;

    #[test]
    fn a_copy_of_the_default_fleet_has_its_secret_until_that_is_changed() {
        let workspace = Workspace::find();
        let default = default(&workspace);
        let text = fs::read_to_string(&default).unwrap();
        let default = compile(&default, &workspace).unwrap();
        let place = tempfile::tempdir().unwrap();
        let has_its_secret = |text: &str| {
            let copy = place.path().join("my-fleet.toml");
            fs::write(&copy, text).unwrap();
            has_secret_of(&compile(&copy, &workspace).unwrap(), &default)
        };
        assert!(has_its_secret(&text));
        let secret = secrets(&default).next().unwrap();
        assert!(!has_its_secret(&text.replace(secret, "of my own")));
    }

    /// A text with lines added before `place`, which it has once.
    fn add_before(text: &str, place: &str, lines: &str) -> String {
        let (before, after) = text.split_once(place).unwrap();
        format!("{before}{lines}\n{place}{after}")
    }

    /// The lines of `docs/fleet.md` that give the console of machine a port, and the router of the migration server.
    #[test]
    fn the_documents_examples_fit_the_default_fleet() {
        let workspace = Workspace::find();
        let document = fs::read_to_string(workspace.source("docs/fleet.md")).unwrap();
        let mut blocks = document.split("```toml\n").skip(1);
        let block = blocks.find(|block| block.starts_with("[machine.override.console]"));
        let console = block.and_then(|block| block.split("```").next()).unwrap();
        let router = r#"port = { gateway = "10.77.0.254" }"#;
        assert!(document.contains(router));
        let text = fs::read_to_string(default(&workspace)).unwrap();
        let text = add_before(&text, "[[machine]]\nname = \"b\"", console);
        let text = add_before(&text, "image = \"nomad-server\"", router);
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("my-fleet.toml");
        fs::write(&file, text).unwrap();
        let fleet = compile(&file, &workspace).unwrap();
        let with_ports = fleet.members.iter().map(|member| {
            let domains = &member.manifest.domains;
            let console = domains
                .iter()
                .find(|it| it.role == Some(Role::Console))
                .unwrap();
            console.port.is_some()
        });
        assert_eq!(with_ports.collect::<Vec<_>>(), [true, false]);
    }

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
