//! Builds, runs, tests and measures Caravan.
//!
//! One file a noun; this one is the command line. `workspace` says where things lie, `programs` what there is,
//! `toolchain` and `freestanding` how it is built.
#![forbid(unsafe_code)]

mod archive;
mod build;
mod elf;
mod error;
mod freestanding;
mod manifest;
mod process;
mod programs;
mod toolchain;
mod ustar;
mod workspace;

use std::process::ExitCode;

use archive::Override;
use build::Selection;
use error::{Error, Result};
use workspace::Workspace;

const HELP: &str = "\
cargo xtask COMMAND

  build [PROGRAM...]    kernel, userland programs and guests (all, or those named), and with all the archives
  archive [NAME [--manifest NAME] [MEMBER=FILE...]]
                        pack every boot archive again, or one, with files put over its members
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&arguments, &Workspace::find()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(arguments: &[String], workspace: &Workspace) -> Result<()> {
    let Some((command, rest)) = arguments.split_first() else {
        return Err(Error::Usage("no command".to_string()));
    };
    match command.as_str() {
        "build" => {
            build::build(&Selection::of(rest, workspace)?, workspace)?;
            if rest.is_empty() {
                archive::pack_all(workspace)
            } else {
                Ok(())
            }
        }
        "archive" => pack(rest, workspace),
        "help" | "--help" | "-h" => {
            print!("{HELP}");
            Ok(())
        }
        other => Err(Error::Usage(format!("no command {other:?}"))),
    }
}

fn pack(arguments: &[String], workspace: &Workspace) -> Result<()> {
    match arguments {
        [] => archive::pack_all(workspace),
        [name, flag, manifest, overrides @ ..] if flag == "--manifest" => {
            archive::pack(name, manifest, &overrides_of(overrides)?, workspace)
        }
        [name, overrides @ ..] => archive::pack(name, name, &overrides_of(overrides)?, workspace),
    }
}

fn overrides_of(arguments: &[String]) -> Result<Vec<Override>> {
    arguments.iter().map(|text| Override::parse(text)).collect()
}
