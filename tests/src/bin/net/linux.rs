//! Debian's Linux with Redis, for a machine like Caravan's: [`Linux`].
//!
//! Its files are in the directory `linux` among the artefacts, to which `scripts/lib/linux.sh` downloads Debian's kernel and busybox.
//! Redis and its libraries are copied from this system: Debian's package redis-tools has the server, too, as another name of
//! `redis-check-rdb`. The first file system is written here, one per card, and has nothing else.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use harness::machine::{Boot, NicModel};
use harness::{Artefacts, store};

use crate::cpio::Archive;
use crate::modules::Modules;
use crate::nic::Nic;

/// The program of the first process.
const INIT: &str = include_str!("init.sh");
const DIRECTORIES: [&str; 7] = [
    "bin",
    "dev",
    "lib",
    "lib/x86_64-linux-gnu",
    "lib64",
    "modules",
    "proc",
];
/// The names of the server's program. It is a server if it is called by the first one.
const SERVERS: [&str; 2] = ["redis-server", "redis-check-rdb"];

/// The files of the Linux machine.
#[derive(Debug)]
pub struct Linux {
    /// The directory of the files.
    directory: PathBuf,
    kernel: PathBuf,
    busybox: PathBuf,
    modules: Modules,
    server: PathBuf,
}

impl Linux {
    /// Finds the files.
    ///
    /// # Errors
    ///
    /// A sentence: the reason why such a machine cannot be started here.
    pub fn find() -> Result<Linux, String> {
        let directory = Artefacts::file("").join("linux");
        let missing = |what: &str| {
            format!(
                "{what} is not in {}: `scripts/bench net --yes` downloads it on Debian",
                directory.display()
            )
        };
        let kernel = find(&directory, "vmlinuz-").ok_or_else(|| missing("Debian's kernel"))?;
        let busybox = find(&directory, "busybox").ok_or_else(|| missing("busybox"))?;
        let server = SERVERS.into_iter().find_map(on_path);
        Ok(Linux {
            kernel,
            busybox,
            modules: Modules::below(&directory),
            server: server.ok_or("Debian's package redis-tools is not installed")?,
            directory,
        })
    }

    /// The kernel and the first file system of a machine with this card.
    ///
    /// # Panics
    ///
    /// If a file is missing or cannot be read.
    pub fn boot(&self, nic: Nic) -> Boot {
        let path = self.directory.join(format!("{}.cpio", nic.name()));
        let archive = self.file_system(nic);
        fs::write(&path, archive).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Boot::Kernel {
            kernel: self.kernel.clone(),
            archive: Some(path),
        }
    }

    /// The kernel's command line: no messages, and the address of the card, which is that of the store.
    pub fn command_line() -> String {
        format!("console=ttyS0 quiet panic=-1 ADDRESS={}/24", store::IP)
    }

    fn file_system(&self, nic: Nic) -> Vec<u8> {
        let mut archive = Archive::default();
        for directory in DIRECTORIES {
            archive.directory(directory);
        }
        archive.device("dev/console", 5, 1);
        archive.device("dev/null", 1, 3);
        archive.file("init", INIT.as_bytes());
        archive.file("bin/busybox", &read(&self.busybox));
        archive.file("bin/redis-server", &read(&self.server));
        for library in libraries(&self.server) {
            let path = library.to_string_lossy();
            archive.file(path.trim_start_matches('/'), &read(&library));
        }
        let modules = self.modules.in_order(drivers(nic.model()));
        let modules = modules.unwrap_or_else(|name| panic!("Debian's kernel has no module {name}"));
        for (number, (name, module)) in modules.into_iter().enumerate() {
            archive.file(&format!("modules/{number:02}-{name}.ko"), &module);
        }
        archive.finish()
    }
}

/// The modules that drive a card.
fn drivers(model: NicModel) -> &'static [&'static str] {
    match model {
        NicModel::Virtio => &["virtio_pci", "virtio_net"],
        NicModel::E1000 => &["e1000"],
        NicModel::E1000e => &["e1000e"],
        NicModel::Igb => &["igb"],
        NicModel::Rtl8139 => &["8139cp"],
        NicModel::Vmxnet3 => &["vmxnet3"],
    }
}

/// The first file below a directory whose name begins with this text.
fn find(directory: &Path, name: &str) -> Option<PathBuf> {
    let entries = fs::read_dir(directory).ok()?;
    entries
        .flatten()
        .map(|entry| entry.path())
        .find_map(|path| {
            let begins = path.file_name()?.to_str()?.starts_with(name);
            match path.is_dir() {
                true => find(&path, name),
                false => begins.then_some(path),
            }
        })
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut files = env::split_paths(&path).map(|directory| directory.join(program));
    files.find(|file| file.is_file())
}

/// The libraries that a program needs, with the loader.
fn libraries(program: &Path) -> Vec<PathBuf> {
    let listed = Command::new("ldd").arg(program).output();
    let listed = listed.unwrap_or_else(|error| panic!("ldd does not start: {error}"));
    paths_in(&String::from_utf8_lossy(&listed.stdout))
}

/// The paths in the list that `ldd` prints. The kernel's own library has none.
fn paths_in(list: &str) -> Vec<PathBuf> {
    let words = list.split_whitespace();
    words
        .filter(|word| word.starts_with('/'))
        .map(PathBuf::from)
        .collect()
}

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_the_paths_that_ldd_lists() {
        let list = "\tlinux-vdso.so.1 (0x7ff0)\n\
                    \tlibm.so.6 => /lib/x86_64-linux-gnu/libm.so.6 (0x7ff1)\n\
                    \t/lib64/ld-linux-x86-64.so.2 (0x7ff2)\n";
        let paths = [
            "/lib/x86_64-linux-gnu/libm.so.6",
            "/lib64/ld-linux-x86-64.so.2",
        ];
        assert_eq!(paths_in(list), paths.map(PathBuf::from));
    }

    #[test]
    fn a_file_is_found_by_the_beginning_of_its_name() {
        let directory = tempfile::tempdir().expect("a directory");
        let boot = directory.path().join("usr/boot");
        fs::create_dir_all(&boot).expect("room");
        fs::write(boot.join("vmlinuz-6.1"), "").expect("room");
        let found = find(directory.path(), "vmlinuz-");
        assert_eq!(found, Some(boot.join("vmlinuz-6.1")));
        assert_eq!(find(directory.path(), "busybox"), None);
        assert_eq!(find(&boot.join("none"), "busybox"), None);
    }
}
