//! The compiler and cargo that build and check everything.
//!
//! The freestanding parts need `core` and `alloc` built from source, and the source must belong to the compiler. So a toolchain is
//! suitable if it has a cargo, and its sysroot contains its library source. Debian's (`rustc-web` with `rust-web-src`) is tried
//! first, then the one on PATH (rustup's with the component `rust-src`). It is called by its full path in a clean environment, so
//! that the cargo that runs the xtask does not affect the builds, and nothing is installed or upgraded.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{Error, Result};
use crate::process;

/// The directory of Debian's toolchain.
const DEBIAN_BIN: &str = "/usr/bin";
/// The library source of a toolchain, below its sysroot.
const LIBRARY_SOURCE: &str = "lib/rustlib/src/rust/library/core/Cargo.toml";
/// The beginnings of names of `CARGO_*` variables that are kept. They configure where crates come from, or they are the caller's
/// settings: the cargo that runs the xtask never sets them by itself, but `.ci/run` sets some.
const KEPT_CARGO_VARIABLES: &[&str] = &[
    "CARGO_HOME",
    "CARGO_HTTP_",
    "CARGO_INCREMENTAL",
    "CARGO_NET_",
    "CARGO_PROFILE_",
    "CARGO_REGISTRIES_",
    "CARGO_TERM_",
];
/// Variables other than `CARGO_*` that are removed, because they would affect a build.
const STRIPPED_VARIABLES: &[&str] = &[
    "LD_LIBRARY_PATH",
    "RUSTC",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTC_WRAPPER",
    "RUSTDOCFLAGS",
    "RUSTFLAGS",
    "RUSTUP_TOOLCHAIN",
];

/// A toolchain that can build the freestanding parts.
pub struct Toolchain {
    bin: PathBuf,
    linker: Option<PathBuf>,
}

impl Toolchain {
    /// Finds the first suitable toolchain; the error names the packages to install.
    pub fn find() -> Result<Toolchain> {
        let debian = Path::new(DEBIAN_BIN);
        let on_path = program_on_path("rustc").and_then(|rustc| sysroot_of(&rustc).ok());
        let candidates = [
            sysroot_of(&debian.join("rustc"))
                .ok()
                .map(|sysroot| (debian.to_path_buf(), sysroot)),
            on_path.map(|sysroot| (sysroot.join("bin"), sysroot)),
        ];
        let bin = first_complete(candidates.into_iter().flatten())
            .ok_or_else(|| Error::NoToolchain(WHAT_TO_INSTALL.to_string()))?;
        let linker = program_on_path("ld.lld");
        Ok(Toolchain { bin, linker })
    }

    /// A call of this toolchain's cargo, with nothing of the caller's toolchain in its environment.
    pub fn cargo(&self) -> Command {
        self.clean(self.bin.join("cargo"))
    }

    /// A call of a subcommand that is a program of its own (`clippy`, `fmt`), if that program is installed.
    pub fn cargo_subcommand(&self, name: &str) -> Option<Command> {
        let program = self.bin.join(format!("cargo-{name}"));
        program.is_file().then(|| {
            let mut command = self.clean(program);
            command.arg(name);
            command
        })
    }

    /// The linker to pass to rustc; by default rustc uses its own `rust-lld`.
    pub fn linker(&self) -> Option<&Path> {
        self.linker.as_deref()
    }

    /// The directory of its programs.
    pub fn bin(&self) -> &Path {
        &self.bin
    }

    fn clean(&self, program: PathBuf) -> Command {
        let mut command = Command::new(program);
        for (name, _) in env::vars_os() {
            if is_stripped(&name) {
                command.env_remove(name);
            }
        }
        let path = env::var_os("PATH").unwrap_or_default();
        let path = [self.bin.clone()]
            .into_iter()
            .chain(env::split_paths(&path));
        command
            .env(
                "PATH",
                env::join_paths(path).expect("PATH was a list before"),
            )
            .env("CARGO", self.bin.join("cargo"))
            .env("RUSTC", self.bin.join("rustc"))
            .env("RUSTFMT", self.bin.join("rustfmt"))
            .env("RUSTUP_AUTO_INSTALL", "0");
        command
    }
}

const WHAT_TO_INSTALL: &str = "need a rustc, cargo and the source of its library: on Debian the packages \
    rustc-web, cargo-web, rust-web-src and lld; with rustup `rustup component add rust-src`";

fn is_stripped(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    let kept = KEPT_CARGO_VARIABLES
        .iter()
        .any(|prefix| name.starts_with(prefix));
    STRIPPED_VARIABLES.contains(&name.as_ref()) || (name.starts_with("CARGO") && !kept)
}

/// The directory of the first toolchain that is complete.
fn first_complete(mut candidates: impl Iterator<Item = (PathBuf, PathBuf)>) -> Option<PathBuf> {
    let complete = candidates.find(|(bin, sysroot)| is_complete(bin, sysroot));
    complete.map(|(bin, _)| bin)
}

fn is_complete(bin: &Path, sysroot: &Path) -> bool {
    bin.join("cargo").is_file() && sysroot.join(LIBRARY_SOURCE).is_file()
}

fn sysroot_of(rustc: &Path) -> Result<PathBuf> {
    let mut command = Command::new(rustc);
    command
        .args(["--print", "sysroot"])
        .env("RUSTUP_AUTO_INSTALL", "0")
        .env_remove("LD_LIBRARY_PATH");
    Ok(PathBuf::from(process::output(&mut command)?.trim()))
}

fn program_on_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|dir| dir.join(name))
        .find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn strips_variables_of_the_outer_cargo() {
        for name in [
            "CARGO",
            "CARGO_TARGET_DIR",
            "CARGO_MANIFEST_DIR",
            "RUSTFLAGS",
            "RUSTUP_TOOLCHAIN",
        ] {
            assert!(is_stripped(OsStr::new(name)), "{name}");
        }
    }

    #[test]
    fn keeps_variables_for_the_source_of_crates_and_settings_of_the_caller() {
        for name in [
            "CARGO_HOME",
            "CARGO_INCREMENTAL",
            "CARGO_NET_OFFLINE",
            "CARGO_PROFILE_DEV_DEBUG",
            "HOME",
            "PATH",
            "https_proxy",
        ] {
            assert!(!is_stripped(OsStr::new(name)), "{name}");
        }
    }

    #[test]
    fn a_sysroot_without_library_source_is_unsuitable() {
        assert!(!is_complete(
            Path::new("/nowhere/bin"),
            Path::new("/nowhere")
        ));
    }

    /// Creates a toolchain with these files in a directory of its own: returns the directory of its programs, and its sysroot.
    fn toolchain(place: &Path, name: &str, files: &[&str]) -> (PathBuf, PathBuf) {
        let sysroot = place.join(name);
        for file in files {
            let file = sysroot.join(file);
            fs::create_dir_all(file.parent().expect("it is below")).unwrap();
            fs::write(file, "").unwrap();
        }
        (sysroot.join("bin"), sysroot)
    }

    #[test]
    fn takes_the_first_toolchain_that_has_all_its_parts() {
        let place = tempfile::tempdir().unwrap();
        let toolchain = |name, files: &[&str]| toolchain(place.path(), name, files);
        let no_source = toolchain("no-source", &["bin/cargo", "bin/rustc"]);
        let no_cargo = toolchain("no-cargo", &["bin/rustc", LIBRARY_SOURCE]);
        let whole = toolchain("whole", &["bin/cargo", LIBRARY_SOURCE]);
        let other = toolchain("other", &["bin/cargo", LIBRARY_SOURCE]);
        let chosen = |among: &[&(PathBuf, PathBuf)]| first_complete(among.iter().copied().cloned());
        assert_eq!(
            chosen(&[&no_source, &no_cargo, &whole, &other]),
            Some(whole.0.clone())
        );
        assert_eq!(chosen(&[&other, &whole]), Some(other.0.clone()));
        assert_eq!(chosen(&[&no_source, &no_cargo]), None);
    }
}
