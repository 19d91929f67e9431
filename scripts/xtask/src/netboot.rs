//! The directory that a server offers to machines without a stick: [`make`].
//!
//! ```text
//! boot/                  menu, kernel and archives, as on the stick
//! boot/grub/PLATFORM/    GRUB's modules, parts of its core image, and a core image for any TFTP server that the lease names
//! caravan.iso            the stick's image, for UEFI's HTTP boot
//! fleet                  the fleet that the image is made of, for the operator
//! ```
//!
//! `caravan netboot` (`userland/cli/src/netboot/`) serves it, and adds core images of its own.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::error::{AtPath, Result};
use crate::process;
use crate::versions::Versions;
use crate::workspace::netboot_beside;

/// The file with the fleet, or the archive, that the image is made of, as one line for the operator.
pub const LABEL: &str = "fleet";

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

/// Makes a new version of the directory beside the finished `image`: `lay_out` writes menu, kernel and archives into it, then GRUB and
/// the image are added. A server that is running keeps the version that it has.
pub fn make(image: &Path, lay_out: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let versions = Versions::of(netboot_beside(image));
    let directory = versions.create()?;
    lay_out(&directory)?;
    add_grub(&directory)?;
    let served = directory.join("caravan.iso");
    fs::hard_link(image, &served).at(&served)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    const MENU: &str = "boot/grub/grub.cfg";

    /// Makes an image whose menu and stick's image are these texts.
    fn make_with(image: &Path, text: &str) {
        fs::write(image.with_extension("unfinished"), text).unwrap();
        fs::rename(image.with_extension("unfinished"), image).unwrap();
        let lay_out = |directory: &Path| {
            fs::create_dir_all(directory.join("boot/grub")).at(directory)?;
            fs::write(directory.join(MENU), text).at(directory)
        };
        make(image, lay_out).unwrap();
    }

    #[test]
    fn a_new_image_leaves_the_one_that_is_served() {
        let place = tempfile::tempdir().unwrap();
        let image = place.path().join("caravan.iso");
        let newest = netboot_beside(&image);
        make_with(&image, "one");
        let served = newest.canonicalize().unwrap();
        let lock = fs::File::open(&served).unwrap();
        lock.lock_shared().unwrap();
        make_with(&image, "two");
        for (directory, text) in [(&served, "one"), (&newest, "two")] {
            for file in [MENU, "caravan.iso"] {
                let found = fs::read_to_string(directory.join(file)).unwrap();
                assert_eq!(found, text, "{file}");
            }
            for file in ["i386-pc/core.0", "x86_64-efi/core.efi"]
                .iter()
                .chain(&PARTS)
            {
                let file = directory.join("boot/grub").join(file);
                assert!(file.is_file(), "{}", file.display());
            }
        }
    }
}
