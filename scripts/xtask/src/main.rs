//! Builds, runs, tests and measures Caravan.
//!
//! One file per noun; this one is the command line. What builds and packs is the library; the rest is this program's own.
#![forbid(unsafe_code)]

mod bench;
mod image;
mod layers;
mod lint;
mod machine;
mod mutations;
mod run;
mod simulation;
mod test;
mod unsafe_audit;

use std::process::ExitCode;

use xtask::{
    archive, build, elf, error, freestanding, manifest, process, programs, toolchain, workspace,
};

use archive::Override;
use error::{Error, Result};
use workspace::Workspace;

const HELP: &str = "\
cargo xtask COMMAND

  build [PROGRAM...]    kernel, userland programs and guests (all, or those named), and their archives
  archive [NAME [--manifest NAME] [MEMBER=FILE...]]
                        pack every boot archive again, or one, with files put over its members
  image [ARCHIVE]       build, and make the image that starts from USB, disk and CD
  run [ARCHIVE]         build, and start a machine on this terminal
  debug [ARCHIVE]       build, and start a machine that waits for gdb
  bench [kernel|migration|connect] [--json FILE]
                        build, measure, and print one JSON object a figure
  sim [--seed N] [--cases K | --for SECONDS] [--pair] [--trace]
                        simulate the hand-over under faults, a run per seed from N or from the clock; a failure is
                        printed with its faults and the command that repeats it
  test [STEP...] [machines TEST...]
                        everything that must hold, the steps named, of the machine tests those named: FILE or FILE::TEST
  test quick            what tells most of a change in little time
  test --long [...]     the same as without; what finds more the longer it runs goes on for hours
  mutations [NAME...]   put faults into a copy of the kernel, one at a time, and expect that a test fails
  mutations check|page  see whether the list fits the tree; render docs/mutations.md
  fmt-check | clippy | layers
                        one check: format, lints, direction of dependence and the rooms of unsafe code

An ARCHIVE is named after its manifest (without one: default), or after its guest.
What is built lies in target/caravan, or in caravan below CARGO_TARGET_DIR.
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
        "build" => build::named(rest, workspace).map(|()| say_where(workspace)),
        "archive" => pack(rest, workspace).map(|()| say_where(workspace)),
        "image" => build::everything(workspace).and_then(|()| image::make(rest, workspace)),
        "run" => build::everything(workspace).and_then(|()| run::run(rest, workspace)),
        "debug" => build::everything(workspace).and_then(|()| run::debug(rest, workspace)),
        "bench" => bench::bench(rest, workspace),
        "sim" => simulation::simulate(rest, workspace),
        "test" => test::test(rest, workspace),
        "mutations" => mutations::mutations(rest, workspace),
        "fmt-check" => lint::format(workspace),
        "clippy" => clippy(workspace),
        "layers" => layers::check(workspace),
        "help" | "--help" | "-h" => {
            print!("{HELP}");
            Ok(())
        }
        other => Err(Error::Usage(format!("no command {other:?}"))),
    }
}

fn say_where(workspace: &Workspace) {
    println!("in {}", workspace.artefacts().display());
}

fn clippy(workspace: &Workspace) -> Result<()> {
    lint::host(workspace)?;
    lint::kernel(workspace)?;
    lint::userland(workspace)
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
