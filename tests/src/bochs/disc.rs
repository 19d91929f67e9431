//! The CD that the PC starts from: GRUB for a BIOS, a kernel, a boot archive.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::child;

/// GRUB's configuration, as on every image.
const GRUB_CONFIGURATION: &str = include_str!("../../../scripts/lib/grub.cfg");

/// GRUB's modules for a BIOS, of Debian's package `grub-pc-bin`; those for UEFI would only make the CD larger.
const GRUB_MODULES: &str = "/usr/lib/grub/i386-pc";

/// Makes the CD in `directory`.
///
/// # Panics
///
/// If a file cannot be read or written, or GRUB's tool fails.
pub(super) fn make(directory: &Path, kernel: &Path, archive: &Path) -> PathBuf {
    child::require("grub-mkrescue", "grub-common");
    let stage = directory.join("disc");
    let grub = stage.join("boot/grub");
    fs::create_dir_all(&grub).expect("a writable directory");
    fs::write(grub.join("grub.cfg"), GRUB_CONFIGURATION).expect("a writable directory");
    for (file, name) in [(kernel, "boot/kernel.elf"), (archive, "boot/archive.tar")] {
        fs::copy(file, stage.join(name))
            .unwrap_or_else(|error| panic!("{} cannot be copied: {error}", file.display()));
    }
    let disc = directory.join("disc.iso");
    let made = Command::new("grub-mkrescue")
        .args(["-d", GRUB_MODULES, "--output"])
        .args([&disc, &stage])
        .output()
        .unwrap_or_else(|error| panic!("grub-mkrescue does not start: {error}"));
    assert!(
        made.status.success(),
        "grub-mkrescue: {}\n{}",
        made.status,
        String::from_utf8_lossy(&made.stderr)
    );
    disc
}
