//! The image for real machines: one file that boots from a USB stick, a disk or a CD, under BIOS and under UEFI.
//!
//! GRUB loads the kernel by its multiboot2 header and a boot archive as its module. The archive is that of a fleet, so that all its
//! machines start from copies of one image, or that of a single machine. Further archives are for the entries of GRUB's menu that
//! report on a machine's hardware, and that measure the kernel on it. `netboot.rs` puts the same files into a directory for machines
//! that start from the network.
//!
//! A user's image ([`make`]) and that of the default fleet for tests and the demonstration ([`make_default`]) are two files: the default
//! fleet's secret is public, so its image must not take the place of a user's unnoticed.

use std::fmt;
use std::fs;
use std::iter;
use std::path::{Path, PathBuf};
use std::process::Command;

use ::manifest::Fleet;

use crate::archive;
use crate::bench;
use crate::elf;
use crate::error::{AtPath, Error, Result};
use crate::fleet;
use crate::manifest;
use crate::netboot;
use crate::process;
use crate::programs;
use crate::workspace::{Workspace, netboot_beside};

/// GRUB's configuration, which the machine tests use for images of their own as well.
const GRUB_CONFIGURATION: &str = include_str!("../../lib/grub.cfg");

/// The archives besides that of the machines, and their names in the menu.
pub const FURTHER: [(&str, &str); 2] = [
    (bench::KERNEL_GUEST, "bench"),
    (manifest::HARDWARE_CHECK, manifest::HARDWARE_CHECK),
];

/// What the machines of an image start.
#[derive(Debug)]
pub enum Contents {
    /// The fleet in this file.
    Fleet(PathBuf, Fleet),
    /// The archive of a single machine.
    Archive(String),
}

impl Contents {
    /// The contents that these arguments name. It is checked before the build, which takes minutes.
    pub fn of(arguments: &[String], workspace: &Workspace) -> Result<Contents> {
        match arguments {
            [] => Contents::default_fleet(workspace),
            [flag, file] if flag == "--fleet" => Contents::own_fleet(Path::new(file), workspace),
            [name] if !name.starts_with('-') => Contents::archive(name, workspace),
            _ => Err(Error::Usage(
                "expected --fleet FILE or one archive".to_string(),
            )),
        }
    }

    fn default_fleet(workspace: &Workspace) -> Result<Contents> {
        let file = fleet::default(workspace);
        let fleet = fleet::compile(&file, workspace)?;
        Ok(Contents::Fleet(file, fleet))
    }

    /// The fleet in a user's file. A fleet with the default fleet's secret works too, so that is only a warning.
    fn own_fleet(file: &Path, workspace: &Workspace) -> Result<Contents> {
        if !file.is_file() {
            return Err(Error::Missing(format!(
                "{}: no such file\n  next: copy userland/fleets/default.toml to it, and give each machine a section \
                 (docs/fleet.md)",
                file.display()
            )));
        }
        let own = fleet::compile(file, workspace)?;
        let default = fleet::compile(&fleet::default(workspace), workspace)?;
        if fleet::has_secret_of(&own, &default) {
            eprintln!("{}", known_secret_warning(file));
        }
        Ok(Contents::Fleet(file.to_path_buf(), own))
    }

    fn archive(name: &str, workspace: &Workspace) -> Result<Contents> {
        let mut others = programs::guests(workspace)?;
        others.extend(
            fleet::of_tests(workspace)?
                .into_iter()
                .map(|(name, _)| name),
        );
        others.push(fleet::ARCHIVE.into());
        if !others.iter().any(|other| other == name) {
            manifest::compile(name, workspace)?;
        }
        Ok(Contents::Archive(name.to_string()))
    }

    /// Packs the archive, if the build has not, and returns its name.
    fn pack(&self, workspace: &Workspace) -> Result<&str> {
        match self {
            Contents::Archive(name) => Ok(name),
            Contents::Fleet(_, fleet) => {
                archive::pack_fleet(fleet::ARCHIVE, fleet, workspace)?;
                Ok(fleet::ARCHIVE)
            }
        }
    }
}

impl fmt::Display for Contents {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Contents::Archive(name) => write!(formatter, "archive {name}"),
            Contents::Fleet(file, fleet) => {
                let members = fleet.members.iter();
                let names: Vec<&str> = members
                    .map(|member| member.manifest.machine.as_str())
                    .collect();
                let (file, names) = (file.display(), names.join(", "));
                write!(formatter, "fleet {file}, machines {names}")
            }
        }
    }
}

/// Makes a user's image from the files of the last build.
pub fn make(contents: &Contents, workspace: &Workspace) -> Result<()> {
    make_from(contents, &workspace.image(), workspace)
}

/// Makes the image of the default fleet, from the files of the last build, in a place of its own.
pub fn make_default(workspace: &Workspace) -> Result<()> {
    let contents = Contents::default_fleet(workspace)?;
    make_from(&contents, &workspace.default_image(), workspace)
}

fn known_secret_warning(file: &Path) -> String {
    format!(
        "warning: {} has the secret of the default fleet, which everybody knows: whoever reaches the machines can control them\n  \
         next: replace the migration server's `secret` by a long random text, such as the output of `openssl rand -hex 32`",
        file.display()
    )
}

/// Makes the file `image`, and the directory for the network beside it.
fn make_from(contents: &Contents, image: &Path, workspace: &Workspace) -> Result<()> {
    let archive = contents.pack(workspace)?;
    for (name, _) in FURTHER {
        archive::pack_named(name, workspace)?;
    }
    let stage = workspace.artefacts().join("image");
    lay_out(&stage, archive, workspace)?;
    if let Some(directory) = image.parent() {
        fs::create_dir_all(directory).at(directory)?;
    }
    // The image is a new file, since a running server may still use the old one, to which its directory has a hard link.
    let unfinished = image.with_extension("unfinished");
    let mut grub = Command::new("grub-mkrescue");
    grub.arg("--output").arg(&unfinished).arg(&stage);
    process::run_quietly(&mut grub)?;
    fs::rename(&unfinished, image).at(image)?;
    netboot::make(image, |directory| {
        lay_out(directory, archive, workspace)?;
        let label = directory.join(netboot::LABEL);
        fs::write(&label, format!("{contents}\n")).at(&label)
    })?;
    println!("{contents}");
    println!("{}", image.display());
    println!("{}", netboot_beside(image).display());
    Ok(())
}

/// Writes menu, kernel and archives below the directory `stage`.
fn lay_out(stage: &Path, archive: &str, workspace: &Workspace) -> Result<()> {
    let grub = stage.join("boot/grub");
    fs::create_dir_all(&grub).at(&grub)?;
    let configuration = grub.join("grub.cfg");
    fs::write(&configuration, GRUB_CONFIGURATION).at(&configuration)?;
    let kernel = stage.join("boot/kernel.elf");
    fs::write(&kernel, elf::read_stripped(&workspace.kernel_elf())?).at(&kernel)?;
    for (name, entry) in iter::once((archive, "archive")).chain(FURTHER) {
        let source = workspace.archive(name);
        let file = format!("{entry}.tar");
        fs::copy(&source, stage.join("boot").join(file)).at(&source)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An ELF file without segments.
    fn empty_elf() -> [u8; 64] {
        let mut elf = [0; 64];
        // The magic, 64 bits, little-endian, version 1.
        elf[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
        // An executable for x86-64, version 1.
        elf[16..21].copy_from_slice(&[2, 0, 62, 0, 1]);
        // The table of segments would be after the header, which has 64 bytes. A segment's entry has 56.
        elf[32] = 64;
        (elf[52], elf[54]) = (64, 56);
        elf
    }

    /// A tree whose programs are all built, and are empty.
    fn built_in(artefacts: &Path) -> Workspace {
        let workspace = Workspace::find().with_artefacts(artefacts.to_path_buf());
        fs::write(workspace.kernel_elf(), empty_elf()).unwrap();
        for name in programs::all(&workspace).unwrap() {
            fs::write(workspace.program_elf(&name), empty_elf()).unwrap();
        }
        workspace
    }

    #[test]
    fn the_image_of_the_default_fleet_does_not_replace_the_users() {
        let place = tempfile::tempdir().unwrap();
        let workspace = built_in(place.path());
        let served = netboot_beside(&workspace.image());
        fs::create_dir(&served).unwrap();
        let users = [workspace.image(), served.join("caravan.iso")];
        for file in &users {
            fs::write(file, "of my own fleet").unwrap();
        }
        make_default(&workspace).unwrap();
        for file in &users {
            assert_eq!(fs::read_to_string(file).unwrap(), "of my own fleet");
        }
        let environment = workspace.environment();
        for variable in ["CARAVAN_IMAGE", "CARAVAN_NETBOOT"] {
            let named = environment.iter().find(|(name, _)| *name == variable);
            let (_, path) = named.unwrap();
            assert!(path.exists() && !users.contains(path), "{}", path.display());
        }
        let contents = Contents::of(&[], &workspace).unwrap();
        make(&contents, &workspace).unwrap();
        for file in &users {
            assert!(fs::metadata(file).unwrap().len() > 1_000_000);
        }
        let label = fs::read_to_string(served.join(netboot::LABEL)).unwrap();
        assert!(label.ends_with("default.toml, machines a, b\n"), "{label}");
    }

    /// Nothing is built in this tree.
    #[test]
    fn wrong_arguments_are_refused_before_the_build() {
        let place = tempfile::tempdir().unwrap();
        let workspace = Workspace::find().with_artefacts(place.path().to_path_buf());
        let file = place.path().join("my-fleet.toml");
        let error_of = |arguments: &[&str]| {
            let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
            let error = Contents::of(&arguments, &workspace).unwrap_err();
            error.to_string()
        };
        let flag = ["--fleet", file.to_str().unwrap()];
        let missing = error_of(&flag);
        let expected = "my-fleet.toml: no such file\n  next: copy userland/fleets/default.toml";
        assert!(missing.contains(expected), "{missing}");
        fs::write(&file, "[[machine]]\n").unwrap();
        let malformed = error_of(&flag);
        assert!(malformed.contains("my-fleet.toml:1: "), "{malformed}");
        assert!(error_of(&["--flet", "x"]).contains("expected --fleet FILE"));
        assert!(error_of(&["nothing"]).contains("nothing"));
        for known in [
            fleet::ARCHIVE,
            manifest::HARDWARE_CHECK,
            bench::KERNEL_GUEST,
        ] {
            Contents::of(&[known.to_string()], &workspace).unwrap();
        }
    }

    #[test]
    fn every_entry_of_the_menu_starts_an_archive_of_the_image() {
        let lines = GRUB_CONFIGURATION.lines().map(str::trim);
        let started = lines.filter_map(|line| line.strip_prefix("start "));
        let started = started.map(|rest| rest.split(' ').next().unwrap_or_default());
        let started: Vec<&str> = started.collect();
        let expected = ["archive", "archive"].into_iter();
        let expected = expected.chain(FURTHER.map(|(_, entry)| entry));
        assert_eq!(started, expected.collect::<Vec<_>>());
    }
}
