//! `scripts/lib/setup.sh` on systems that are not Debian: it installs nothing, and says what is missing.
//!
//! The script runs as it is, with a search path on which only what a test puts there is found.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// What the script itself calls.
const TOOLS: &[&str] = &["dirname", "sed"];
/// What it looks for besides QEMU and a toolchain.
const PROGRAMS: &[&str] = &[
    "cargo",
    "ld.lld",
    "bochs",
    "grub-mkrescue",
    "xorriso",
    "mformat",
    "redis-cli",
    "redis-benchmark",
    "ip",
    "unshare",
];
const QEMU: &str = "qemu-system-x86_64";

/// A system with nothing on it but what a test adds. It goes when the test ends.
struct System {
    root: PathBuf,
}

impl System {
    fn new(name: &str) -> System {
        let name = format!("caravan-setup-{}-{name}", std::process::id());
        let root = std::env::temp_dir().join(name);
        fs::create_dir_all(root.join("bin")).unwrap();
        let system = System { root };
        for tool in TOOLS {
            let found = ["/usr/bin", "/bin"].map(|bin| Path::new(bin).join(tool));
            let tool_here = found.iter().find(|file| file.is_file()).expect("a tool");
            symlink(tool_here, system.root.join("bin").join(tool)).unwrap();
        }
        system
    }

    /// A program that does this.
    fn with(self, name: &str, script: &str) -> System {
        let file = self.root.join("bin").join(name);
        fs::write(&file, format!("#!/bin/bash\n{script}\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        self
    }

    /// Everything but QEMU.
    fn with_the_rest(self) -> System {
        let source = self.root.join("lib/rustlib/src/rust/library/core");
        fs::create_dir_all(&source).unwrap();
        fs::write(source.join("Cargo.toml"), "").unwrap();
        let sysroot = self.root.display();
        let rustc = format!("[[ $1 == --version ]] && echo rustc 1.999.0 || echo {sysroot}");
        let system = self.with("rustc", &rustc);
        PROGRAMS
            .iter()
            .fold(system, |system, name| system.with(name, ""))
    }

    /// What the script's functions say here.
    fn run(&self, commands: &str) -> Output {
        let setup = Path::new(env!("CARGO_MANIFEST_DIR")).join("../lib/setup.sh");
        let script = format!("set -euo pipefail; source {}; {commands}", setup.display());
        Command::new("/bin/bash")
            .args(["-c", &script])
            .env_clear()
            .env("PATH", self.root.join("bin"))
            .output()
            .expect("bash runs")
    }

    /// As on a system of another name.
    fn set_up(&self) -> Output {
        self.run("system_name() { echo fedora-44; }; set_up run ask")
    }
}

impl Drop for System {
    fn drop(&mut self) {
        // What is left is in the directory for such things.
        let _ = fs::remove_dir_all(&self.root);
    }
}

fn said(output: &Output) -> String {
    let bytes = [output.stdout.as_slice(), &output.stderr].concat();
    String::from_utf8(bytes).expect("text")
}

#[test]
fn another_system_hears_all_that_is_missing() {
    let output = System::new("empty").set_up();
    let said = said(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let rest = [
        "neither Debian 12 nor 13",
        QEMU,
        "QEMU 9 or newer",
        "rustup component add rust-src",
    ];
    for expected in PROGRAMS
        .iter()
        .chain(&rest)
        .chain(&["setup: --no-setup goes on without"])
    {
        assert!(said.contains(expected), "no {expected} in: {said}");
    }
}

#[test]
fn another_system_with_everything_hears_nothing() {
    let system = System::new("whole").with_the_rest();
    let output = system
        .with(QEMU, "echo QEMU emulator version 10.0.2")
        .set_up();
    let said = said(&output);
    assert!(output.status.success() && said.is_empty(), "{said}");
}

#[test]
fn an_old_qemu_is_all_that_is_missing() {
    let system = System::new("old").with_the_rest();
    let output = system
        .with(QEMU, "echo QEMU emulator version 7.2.0")
        .set_up();
    let said = said(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let missing: Vec<&str> = said.lines().filter(|line| line.starts_with("  ")).collect();
    assert_eq!(missing, ["  QEMU 9 or newer"], "{said}");
}

#[test]
fn the_systems_name_is_what_its_file_says() {
    let system = System::new("name");
    let file = system.root.join("os-release");
    fs::write(&file, "ID=debian\nVERSION_ID=\"13\"\n").unwrap();
    let output = system.run(&format!("system_name {}", file.display()));
    assert_eq!(said(&output), "debian-13\n");
}
