//! `scripts/lib/setup.sh` on systems other than Debian: it installs nothing, and lists the missing programs. `scripts/lib/linux.sh` without
//! success: it states the reason and does not stop the benchmark.
//!
//! The scripts run unmodified, with a search path that contains only the test's programs.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Programs that the scripts themselves call.
const TOOLS: &[&str] = &["dirname", "head", "mkdir", "rm", "sed"];
/// Programs that it looks for besides QEMU and a toolchain.
const PROGRAMS: &[&str] = &[
    "cargo",
    "cc",
    "ld.lld",
    "bochs",
    "grub-mkrescue",
    "grub-mknetdir",
    "xorriso",
    "mformat",
    "dnsmasq",
    "redis-cli",
    "redis-benchmark",
    "ip",
    "unshare",
];
const QEMU: &str = "qemu-system-x86_64";

/// A system with only the programs that a test adds. It is removed when the test ends.
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

    /// Adds a program.
    fn with(self, name: &str, script: &str) -> System {
        let file = self.root.join("bin").join(name);
        fs::write(&file, format!("#!/bin/bash\n{script}\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        self
    }

    /// Adds everything except QEMU.
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

    /// Runs commands with the scripts' functions.
    fn run(&self, commands: &str) -> Output {
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../lib");
        let sources = ["setup.sh", "linux.sh"].map(|name| scripts.join(name));
        let [setup, linux] = sources.each_ref().map(|source| source.display());
        let script = format!("set -euo pipefail; source {setup}; source {linux}; {commands}");
        Command::new("/bin/bash")
            .args(["-c", &script])
            .env_clear()
            .env("PATH", self.root.join("bin"))
            .output()
            .expect("bash runs")
    }

    /// Sets up a system that is not Debian.
    fn set_up(&self) -> Output {
        self.run("system_name() { echo fedora-44; }; set_up run ask")
    }
}

impl Drop for System {
    fn drop(&mut self) {
        // A failure leaves a directory among temporary files.
        let _ = fs::remove_dir_all(&self.root);
    }
}

fn text_of(output: &Output) -> String {
    let bytes = [output.stdout.as_slice(), &output.stderr].concat();
    String::from_utf8(bytes).expect("text")
}

#[test]
fn everything_missing_is_listed() {
    let output = System::new("empty").set_up();
    let text = text_of(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    for program in PROGRAMS.iter().chain(&[QEMU]) {
        let line = format!("  {program}");
        assert!(text.lines().any(|it| it == line), "no {program} in: {text}");
    }
    for expected in [
        "neither Debian 12 nor 13",
        "QEMU 10 or newer",
        "rustup component add rust-src",
        "setup: --no-setup continues without",
    ] {
        assert!(text.contains(expected), "no {expected} in: {text}");
    }
}

#[test]
fn a_complete_system_gets_no_message() {
    let system = System::new("whole").with_the_rest();
    let output = system
        .with(QEMU, "echo QEMU emulator version 10.0.2")
        .set_up();
    let text = text_of(&output);
    assert!(output.status.success() && text.is_empty(), "{text}");
}

#[test]
fn only_an_old_qemu_is_listed() {
    let system = System::new("old").with_the_rest();
    let output = system
        .with(QEMU, "echo QEMU emulator version 9.1.0")
        .set_up();
    let text = text_of(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    let missing: Vec<&str> = text.lines().filter(|line| line.starts_with("  ")).collect();
    assert_eq!(missing, ["  QEMU 10 or newer"], "{text}");
}

#[test]
fn the_systems_name_comes_from_its_file() {
    let system = System::new("name");
    let file = system.root.join("os-release");
    fs::write(&file, "ID=debian\nVERSION_ID=\"13\"\n").unwrap();
    let output = system.run(&format!("system_name {}", file.display()));
    assert_eq!(text_of(&output), "debian-13\n");
}

/// Downloads Linux on this system to a directory; returns the output, and whether the directory exists afterwards.
fn download_linux(system: &System, name: &str) -> (String, bool) {
    let directory = system.root.join("linux");
    let output = system.run(&format!(
        "system_name() {{ echo {name}; }}; download_linux {} given",
        directory.display()
    ));
    let text = text_of(&output);
    assert!(output.status.success(), "{text}");
    (text, directory.exists())
}

#[test]
fn linux_is_downloaded_on_debian_only() {
    let (text, exists) = download_linux(&System::new("fedora"), "fedora-44");
    assert!(text.contains("packages of Debian") && !exists, "{text}");
}

#[test]
fn linux_is_not_downloaded_twice() {
    let system = System::new("twice");
    fs::create_dir(system.root.join("linux")).unwrap();
    let (text, exists) = download_linux(&system, "debian-12");
    assert!(text.is_empty() && exists, "{text}");
}

#[test]
fn a_failed_download_of_linux_is_stated_and_leaves_nothing() {
    let system = System::new("offline")
        .with("apt-cache", "echo '  Depends: linux-image-6.1.0-1-amd64'")
        .with("apt-get", "exit 100");
    let (text, exists) = download_linux(&system, "debian-12");
    assert!(text.contains("setup: apt cannot download"), "{text}");
    assert!(!exists && !system.root.join("linux.part").exists());
}
