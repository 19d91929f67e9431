//! GRUB's core images for PXE: [`make`].
//!
//! A core image loads menu and kernel from the path in its *prefix*. Unless the prefix names the server, GRUB takes the server from the
//! machine's lease. Behind a DHCP proxy the lease comes from another server and does not name this host, so the prefix names it.

use std::fs;
use std::net::Ipv4Addr;
use std::process;

use super::directory::Directory;
use super::{Error, program};

/// A core image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Core {
    /// The firmware that starts it.
    pub firmware: &'static str,
    /// The numbers of this firmware's architecture in DHCP (RFC 4578).
    pub architectures: &'static [u16],
    /// Its path in the directory.
    pub path: &'static str,
    /// The directory of GRUB's modules for it.
    modules: &'static str,
    /// Its format, as GRUB calls it.
    format: &'static str,
    /// The module for the firmware's network cards.
    cards: &'static str,
}

/// All core images. Some firmware calls itself EFI bytecode (9) instead of x86-64 (7).
const CORES: [Core; 2] = [
    Core {
        firmware: "PXE, BIOS",
        architectures: &[0],
        path: "boot/grub/i386-pc/caravan.0",
        modules: "boot/grub/i386-pc",
        format: "i386-pc-pxe",
        cards: "pxe",
    },
    Core {
        firmware: "PXE, UEFI",
        architectures: &[7, 9],
        path: "boot/grub/x86_64-efi/caravan.efi",
        modules: "boot/grub/x86_64-efi",
        format: "x86_64-efi",
        cards: "efinet",
    },
];

/// The commands that a core image executes first. If the server's reply to one of GRUB's first requests is lost or late, GRUB ends in
/// its rescue shell, and the machine waits for somebody at its keyboard. So GRUB tries to load its first module this many times. Each
/// attempt waits for half a minute; once one has succeeded, the others do nothing.
const COMMANDS: [&str; 8] = ["insmod normal"; 8];

/// Writes the core images into the directory, for a TFTP server with this address.
///
/// # Errors
/// GRUB's program is missing or fails, or a file cannot be written.
pub fn make(directory: &Directory, server: Ipv4Addr) -> Result<[Core; 2], Error> {
    for core in &CORES {
        write(core, directory, server)?;
    }
    Ok(CORES)
}

/// Writes a core image, and replaces an earlier one atomically, since a machine may be reading that.
fn write(core: &Core, directory: &Directory, server: Ipv4Addr) -> Result<(), Error> {
    let path = directory.path().join(core.path);
    let unfinished = path.with_extension(process::id().to_string());
    let commands = path.with_extension("commands");
    let written = fs::write(&commands, COMMANDS.join("\n") + "\n");
    written.map_err(|error| Error::Directory(commands.clone(), error))?;
    let mut grub = program::command("grub-mkimage");
    grub.arg("--directory")
        .arg(directory.path().join(core.modules))
        .args(["--format", core.format])
        .args(["--prefix", &format!("(tftp,{server})/boot/grub")])
        .arg("--config")
        .arg(&commands)
        .arg("--output")
        .arg(&unfinished)
        .args([core.cards, "tftp"]);
    program::output("grub-mkimage", "grub-common", &mut grub)?;
    fs::rename(unfinished, &path).map_err(|error| Error::Directory(path, error))
}
