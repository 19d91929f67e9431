//! The image for real machines: one file that boots from a USB stick, a disk or a CD, under BIOS and under UEFI.
//!
//! GRUB loads the kernel by its multiboot2 header and a boot archive as its module. The archive is that of a fleet, so that
//! all its machines start from copies of one image, or that of a single machine. A second archive is for the entry of GRUB's
//! menu that reports on a machine's hardware. The same files become the directory for the network, `netboot.rs`.

use std::fs;
use std::path::Path;
use std::process::Command;

use ::manifest::Fleet;

use crate::archive;
use crate::elf;
use crate::error::{AtPath, Error, Result};
use crate::fleet;
use crate::manifest;
use crate::netboot;
use crate::process;
use crate::workspace::Workspace;

/// GRUB's configuration, which the machine tests use for images of their own as well.
const GRUB_CONFIGURATION: &str = include_str!("../../lib/grub.cfg");

/// Makes the image from the files of the last build.
pub fn make(arguments: &[String], workspace: &Workspace) -> Result<()> {
    match arguments {
        [] => {
            let default = fleet::compile(&fleet::default(workspace), workspace)?;
            make_for_fleet(&default, workspace)
        }
        [flag, file] if flag == "--fleet" => make_for_own_fleet(Path::new(file), workspace),
        [name] if !name.starts_with('-') => make_from(name, workspace),
        _ => Err(Error::Usage(
            "expected --fleet FILE or one archive".to_string(),
        )),
    }
}

/// Makes the image for the fleet in a user's file. The secret of the default fleet works there too, so it is only warned of.
fn make_for_own_fleet(file: &Path, workspace: &Workspace) -> Result<()> {
    let [own, default] = [file, &fleet::default(workspace)].map(|it| fleet::compile(it, workspace));
    let (own, default) = (own?, default?);
    if fleet::has_secret_of(&own, &default) {
        eprintln!("{}", known_secret_warning(file));
    }
    make_for_fleet(&own, workspace)
}

fn known_secret_warning(file: &Path) -> String {
    format!(
        "warning: {} has the secret of the default fleet, which everybody knows: whoever reaches the machines can control them\n  \
         next: replace the migration server's `secret` by a long random text, such as the output of `openssl rand -hex 32`",
        file.display()
    )
}

fn make_for_fleet(fleet: &Fleet, workspace: &Workspace) -> Result<()> {
    archive::pack_fleet(fleet::ARCHIVE, fleet, workspace)?;
    make_from(fleet::ARCHIVE, workspace)
}

fn make_from(archive: &str, workspace: &Workspace) -> Result<()> {
    archive::pack_named(manifest::HARDWARE_CHECK, workspace)?;
    let stage = workspace.artefacts().join("image");
    lay_out(&stage, archive, workspace)?;
    let image = workspace.image();
    // A new file: a server has the old one in use, under another name.
    let unfinished = image.with_extension("unfinished");
    let mut grub = Command::new("grub-mkrescue");
    grub.arg("--output").arg(&unfinished).arg(&stage);
    process::run_quietly(&mut grub)?;
    fs::rename(&unfinished, &image).at(&image)?;
    netboot::make(workspace, |directory| {
        lay_out(directory, archive, workspace)
    })?;
    println!("{}", image.display());
    println!("{}", workspace.netboot().display());
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
    let hardware_check = manifest::HARDWARE_CHECK;
    for (name, file) in [
        (archive, "archive.tar".to_string()),
        (hardware_check, format!("{hardware_check}.tar")),
    ] {
        let source = workspace.archive(name);
        fs::copy(&source, stage.join("boot").join(file)).at(&source)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_of_the_menu_starts_an_archive_of_the_image() {
        let lines = GRUB_CONFIGURATION.lines().map(str::trim);
        let started = lines.filter_map(|line| line.strip_prefix("start "));
        let started = started.map(|rest| rest.split(' ').next().unwrap_or_default());
        let started: Vec<&str> = started.collect();
        assert_eq!(started, ["archive", "archive", manifest::HARDWARE_CHECK]);
    }
}
