//! The directory that a server offers to machines without a stick: [`complete`].
//!
//! ```text
//! boot/                  menu, kernel and archives, as on the stick
//! boot/grub/PLATFORM/    GRUB's modules, parts of its core image, and a core image for any TFTP server that the lease names
//! caravan.iso            the stick's image, for UEFI's HTTP boot
//! ```
//!
//! `caravan netboot` (`userland/cli/src/netboot/`) serves it, and adds core images of its own.

use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;

use crate::error::{AtPath, Result};
use crate::process;
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

/// Adds GRUB and the finished image to a directory with menu, kernel and archives.
pub fn complete(workspace: &Workspace) -> Result<()> {
    let directory = workspace.netboot();
    let mut grub = Command::new("grub-mknetdir");
    grub.arg("--net-directory").arg(&directory);
    process::run_quietly(grub.args(["--subdir", "boot/grub"]))?;
    for part in PARTS {
        let source = Path::new(GRUB).join(part);
        fs::copy(&source, directory.join("boot/grub").join(part)).at(&source)?;
    }
    link_anew(&workspace.image(), &directory.join("caravan.iso"))
}

/// Makes `link` another name of the file `source`.
fn link_anew(source: &Path, link: &Path) -> Result<()> {
    match fs::remove_file(link) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error).at(link)?,
        _ => fs::hard_link(source, link).at(link),
    }
}
