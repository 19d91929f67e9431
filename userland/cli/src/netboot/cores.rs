//! GRUB's core images for PXE: [`make`].
//!
//! A core image loads menu and kernel from the host that its script names. GRUB would take the server from the machine's lease, but
//! behind a DHCP proxy the lease comes from another server and does not name this host.

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

/// What a core image contains besides the modules for the firmware's network cards: TFTP, and every command of the menu and of
/// docs/bare-metal.md. A module that GRUB had to load from the network could be lost on the way.
const MODULES: [&str; 21] = [
    "tftp",
    "memdisk",
    "tar",
    "normal",
    "configfile",
    "test",
    "true",
    "echo",
    "sleep",
    "terminal",
    "serial",
    "all_video",
    "videoinfo",
    "smbios",
    "regexp",
    "multiboot2",
    "boot",
    "reboot",
    "help",
    "ls",
    "cat",
];

/// What a core image executes first. GRUB gives up after half a minute if the server's reply to a request is lost, and would wait at a
/// prompt for somebody at the machine's keyboard. So it loads the menu until the menu's last line has been executed.
fn script(server: Ipv4Addr) -> String {
    format!(
        r#"serial --unit=0 --speed=115200
terminal_output console serial
set root=tftp,{server}
until [ -n "$menu_is_read" ]; do
    source /boot/grub/grub.cfg
    if [ -z "$menu_is_read" ]; then
        echo "The menu could not be read from {server}. It is requested again in five seconds."
        sleep 5
    fi
done
"#
    )
}

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
    let script_path = unfinished.with_extension("cfg");
    fs::write(&script_path, script(server))
        .map_err(|error| Error::Directory(script_path.clone(), error))?;
    let mut grub = program::command("grub-mkstandalone");
    grub.arg("--directory")
        .arg(directory.path().join(core.modules))
        .args(["--format", core.format])
        .args(["--install-modules=", "--locales=", "--fonts=", "--themes="])
        .arg(format!("--modules={} {}", core.cards, MODULES.join(" ")))
        .arg("--output")
        .arg(&unfinished)
        .arg(format!("boot/grub/grub.cfg={}", script_path.display()));
    let made = program::output("grub-mkstandalone", "grub-common", &mut grub);
    // A script that is left over harms nobody.
    let _ = fs::remove_file(script_path);
    made?;
    fs::rename(unfinished, &path).map_err(|error| Error::Directory(path, error))
}
