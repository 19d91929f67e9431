//! The image for real machines: one file that boots from a USB stick, a disk or a CD, under BIOS and under UEFI.
//!
//! GRUB loads the kernel by its multiboot2 header and the boot archive as its module.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::elf;
use crate::error::{AtPath, Error, Result};
use crate::manifest;
use crate::process;
use crate::workspace::Workspace;

/// GRUB's configuration, which the machine tests use for images of their own as well.
const GRUB_CONFIGURATION: &str = include_str!("../../lib/grub.cfg");

/// Makes the image from the files of the last build.
pub fn make(arguments: &[String], workspace: &Workspace) -> Result<()> {
    let archive = match arguments {
        [] => manifest::DEFAULT,
        [name] => name,
        _ => return Err(Error::Usage("one archive at most".to_string())),
    };
    let stage = workspace.artefacts().join("image");
    lay_out(&stage, archive, workspace)?;
    let image = workspace.image();
    let mut grub = Command::new("grub-mkrescue");
    grub.arg("--output").arg(&image).arg(&stage);
    process::run_quietly(&mut grub)?;
    println!("{}", image.display());
    Ok(())
}

fn lay_out(stage: &Path, archive: &str, workspace: &Workspace) -> Result<()> {
    let grub = stage.join("boot/grub");
    fs::create_dir_all(&grub).at(&grub)?;
    let configuration = grub.join("grub.cfg");
    fs::write(&configuration, GRUB_CONFIGURATION).at(&configuration)?;
    let kernel = stage.join("boot/kernel.elf");
    fs::write(&kernel, elf::read_stripped(&workspace.kernel_elf())?).at(&kernel)?;
    let source = workspace.archive(archive);
    fs::copy(&source, stage.join("boot/archive.tar")).at(&source)?;
    Ok(())
}
