//! Boot archives. An archive has everything that a machine boots besides the kernel.
//!
//! An archive is one ustar file. `root.elf` comes first, so that the kernel reads only one header. The compiled manifest of one
//! machine follows, or those of all machines of a fleet, and then the images that they name. Programs are stripped; the files
//! with symbols stay beside the archive. A guest of the machine tests gets an archive of its own, in which it replaces root.

use std::fs;
use std::path::PathBuf;

use ::manifest::{FLEET_MEMBER, Fleet, Manifest};

use crate::elf;
use crate::error::{AtPath, Error, Result};
use crate::fleet;
use crate::manifest;
use crate::programs;
use crate::ustar::Archive;
use crate::workspace::Workspace;

/// The member that the kernel starts.
const ROOT_MEMBER: &str = "root.elf";
/// The program that starts all others. No manifest names it.
const ROOT_PROGRAM: &str = "root";

/// A file that replaces a member in one archive, such as the manifest of one of several machines.
pub struct Override {
    member: String,
    file: PathBuf,
}

impl Override {
    /// Parses `MEMBER=FILE`.
    pub fn parse(text: &str) -> Result<Override> {
        match text.split_once('=') {
            Some((member, file)) if !member.is_empty() && !file.is_empty() => Ok(Override {
                member: member.to_string(),
                file: file.into(),
            }),
            _ => Err(Error::Usage(format!("expected MEMBER=FILE, not {text:?}"))),
        }
    }
}

/// Packs an archive for every manifest of the tree, for its fleets, and for every built guest.
pub fn pack_all(workspace: &Workspace) -> Result<()> {
    for name in manifest::names(workspace)? {
        pack(&name, &name, &[], workspace)?;
    }
    let default = fleet::compile(&fleet::default(workspace), workspace)?;
    pack_fleet(fleet::ARCHIVE, &default, workspace)?;
    for (name, file) in fleet::of_tests(workspace)? {
        pack_fleet(&name, &fleet::compile(&file, workspace)?, workspace)?;
    }
    for guest in programs::guests(workspace)? {
        if workspace.program_elf(&guest).is_file() {
            pack_guest(&guest, workspace)?;
        }
    }
    Ok(())
}

/// The programs in the archives of these manifests.
pub fn programs(manifests: &[Manifest]) -> Vec<String> {
    with_root(manifests.iter().flat_map(Manifest::images))
}

/// The programs in the archive of a fleet.
pub fn programs_of_fleet(fleet: &Fleet) -> Vec<String> {
    with_root(fleet.images().into_iter())
}

/// Root and these images, each once.
fn with_root<'a>(images: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut programs = vec![ROOT_PROGRAM];
    for image in images {
        if !programs.contains(&image) {
            programs.push(image);
        }
    }
    programs.into_iter().map(str::to_owned).collect()
}

/// The programs in the archives of these names. Each name is that of a guest or of a manifest.
pub fn programs_in(names: &[&str], workspace: &Workspace) -> Result<Vec<String>> {
    let guests = programs::guests(workspace)?;
    let (guests, manifests): (Vec<&str>, Vec<&str>) = names
        .iter()
        .partition(|name| guests.iter().any(|guest| guest == **name));
    let manifests = manifests
        .iter()
        .map(|name| manifest::compile(name, workspace));
    let manifests: Vec<Manifest> = manifests.collect::<Result<_>>()?;
    let mut needed: Vec<String> = guests.into_iter().map(str::to_owned).collect();
    if !manifests.is_empty() {
        needed.extend(programs(&manifests));
    }
    Ok(needed)
}

/// Packs the archive of a guest or of a manifest.
pub fn pack_named(name: &str, workspace: &Workspace) -> Result<()> {
    if programs::guests(workspace)?
        .iter()
        .any(|guest| guest == name)
    {
        return pack_guest(name, workspace);
    }
    pack(name, name, &[], workspace)
}

/// Packs the archive `name` from the manifest `manifest_name`, with `overrides`.
pub fn pack(
    name: &str,
    manifest_name: &str,
    overrides: &[Override],
    workspace: &Workspace,
) -> Result<()> {
    let manifest = manifest::compile(manifest_name, workspace)?;
    pack_manifest(name, &manifest, overrides, workspace)
}

/// Packs the archive `name` from a manifest whose images are among the artefacts.
pub fn pack_manifest(
    name: &str,
    manifest: &Manifest,
    overrides: &[Override],
    workspace: &Workspace,
) -> Result<()> {
    let compiled = (manifest::MEMBER, manifest.to_bytes());
    let mut archive = system(compiled, &manifest.images(), workspace)?;
    for Override { member, file } in overrides {
        archive.put(member, fs::read(file).at(file)?);
    }
    write(name, &archive, workspace)
}

/// Packs the archive `name` of a fleet whose images are among the artefacts.
pub fn pack_fleet(name: &str, fleet: &Fleet, workspace: &Workspace) -> Result<()> {
    let compiled = (FLEET_MEMBER, fleet.to_bytes());
    let archive = system(compiled, &fleet.images(), workspace)?;
    write(name, &archive, workspace)
}

/// An archive with root, this compiled manifest or fleet, and these images.
fn system(
    (member, compiled): (&str, Vec<u8>),
    images: &[&str],
    workspace: &Workspace,
) -> Result<Archive> {
    let mut archive = Archive::default();
    archive.put(ROOT_MEMBER, program(ROOT_PROGRAM, workspace)?);
    archive.put(member, compiled);
    for image in images {
        archive.put(&format!("{image}.elf"), program(image, workspace)?);
    }
    Ok(archive)
}

/// Packs the archive in which `guest` is root.
pub fn pack_guest(guest: &str, workspace: &Workspace) -> Result<()> {
    let mut archive = Archive::default();
    archive.put(ROOT_MEMBER, program(guest, workspace)?);
    write(guest, &archive, workspace)
}

fn program(name: &str, workspace: &Workspace) -> Result<Vec<u8>> {
    let path = workspace.program_elf(name);
    if !path.is_file() {
        return Err(Error::Missing(format!(
            "{name} is not built: run `cargo xtask build {name}`"
        )));
    }
    elf::read_stripped(&path)
}

fn write(name: &str, archive: &Archive, workspace: &Workspace) -> Result<()> {
    let path = workspace.archive(name);
    fs::write(&path, archive.to_bytes().at(&path)?).at(&path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn archives_need_their_own_programs_only() {
        let workspace = Workspace::find();
        let shown = programs_in(&manifest::SHOWN, &workspace).unwrap();
        for program in ["root", "nomad-server", "counter", "kv"] {
            let count = shown.iter().filter(|name| *name == program).count();
            assert_eq!(count, 1, "{program} in {shown:?}");
        }
        let is_guest = |name: &String| name.starts_with("guest-");
        assert!(!shown.iter().any(is_guest), "{shown:?}");
        let guest = programs_in(&["guest-bench"], &workspace).unwrap();
        assert_eq!(guest, ["guest-bench"]);
        assert!(programs_in(&["no-such-archive"], &workspace).is_err());
    }

    #[test]
    fn an_override_names_member_and_file() {
        let parsed = Override::parse("manifest=/tmp/a=b").unwrap();
        assert_eq!(
            (parsed.member.as_str(), parsed.file),
            ("manifest", PathBuf::from("/tmp/a=b"))
        );
    }

    #[test]
    fn an_override_without_a_file_is_refused() {
        for text in ["manifest", "=x", "x="] {
            assert!(Override::parse(text).is_err(), "{text}");
        }
    }
}
