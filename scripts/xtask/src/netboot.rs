//! The directory that a server offers to machines without a stick: [`make`].
//!
//! ```text
//! boot/                  menu, kernel and archives, as on the stick
//! boot/grub/PLATFORM/    GRUB's modules, parts of its core image, and a core image for any TFTP server that the lease names
//! caravan.iso            the stick's image, for UEFI's HTTP boot
//! ```
//!
//! `caravan netboot` (`userland/cli/src/netboot/`) serves it, and adds core images of its own.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::error::{AtPath, Result};
use crate::process;
use crate::versions::Versions;
use crate::workspace::Workspace;

/// The directory of GRUB's platforms.
const GRUB: &str = "/usr/lib/grub";

/// The parts of a core image that are not modules, which `grub-mknetdir` does not copy.
const PARTS: [&str; 5] = [
    "i386-pc/diskboot.img",
    "i386-pc/kernel.img",
    "i386-pc/lzma_decompress.img",
    "i386-pc/pxeboot.img",
    "x86_64-efi/kernel.img",
];

/// Makes a new version of the directory: `lay_out` writes menu, kernel and archives into it, then GRUB and the finished image are
/// added. A server that is running keeps the version that it has.
pub fn make(workspace: &Workspace, lay_out: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let versions = Versions::of(workspace.netboot());
    let directory = versions.create()?;
    lay_out(&directory)?;
    add_grub(&directory)?;
    let image = directory.join("caravan.iso");
    fs::hard_link(workspace.image(), &image).at(&image)?;
    versions.publish(&directory)
}

fn add_grub(directory: &Path) -> Result<()> {
    let mut grub = Command::new("grub-mknetdir");
    grub.arg("--net-directory").arg(directory);
    process::run_quietly(grub.args(["--subdir", "boot/grub"]))?;
    for part in PARTS {
        let source = Path::new(GRUB).join(part);
        fs::copy(&source, directory.join("boot/grub").join(part)).at(&source)?;
    }
    Ok(())
}
