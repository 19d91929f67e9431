//! Builds, runs, tests and measures Caravan.
//!
//! One file per noun; this one is the command line. The library builds and packs; the rest belongs to this program.
#![forbid(unsafe_code)]

mod bench;
mod file_sizes;
mod image;
mod layers;
mod lint;
mod machine;
mod mutations;
mod netboot;
mod run;
mod simulation;
mod test;
mod unsafe_audit;
mod versions;

use std::process::ExitCode;

use xtask::{
    archive, build, elf, error, fleet, freestanding, manifest, process, programs, toolchain,
    workspace,
};

use archive::Override;
use error::{Error, Result};
use workspace::Workspace;

const HELP: &str = "\
cargo xtask COMMAND

  build [PROGRAM...]    kernel, userland programs and guests (all, or those named), and their archives
  archive [NAME [--manifest NAME] [MEMBER=FILE...]]
                        pack every boot archive again, or one, with files in place of its members
  image [--fleet FILE | ARCHIVE]
                        build, and make the image that starts from USB, disk and CD: for all machines of a fleet (without
                        an argument of userland/fleets/default.toml), or for one; beside it the directory that
                        `caravan netboot` serves to machines without a stick
  run [--once] [--sticks]
                        build two machines, and show moves between them; --once: compare with QEMU, exit with the verdict;
                        --sticks: make an image of the default fleet, which leaves that of `image` as it is, and start
                        both from it
  run ARCHIVE           build a machine, and start it on this terminal
  debug [ARCHIVE]       build a machine, and start it waiting for gdb
  bench [kernel|migration|connect|net] [--json FILE]
                        build, measure, and print one JSON object per figure; without a subject, of the kernel
  sim [--seed N] [--cases K | --for SECONDS] [--jobs N] [--pair | --crowd | --guest | --guests] [--trace]
                        simulate the hand-over under faults, one run per seed, from N or from the clock, and on all
                        processors or N; a failure is printed with its faults and the command that repeats it
  test [STEP...] [machines TEST...]
                        all checks and tests, or the named steps, or the named machine tests: FILE or FILE::TEST; `build`
                        and `image` come before machine tests
  test --only [...]     without those steps that the named ones need, with the results of the last build
  test quick            the most informative checks, in a minute if nothing has to be rebuilt
  test --long [...]     the same, with hours for those tests that find more the longer they run
  mutations [NAME...]   inject faults into a copy of the tree, one at a time, and expect a test to fail
  mutations check|page  check that the list matches the tree; render docs/mutations.md
  fmt-check | clippy | layers
                        one check: format; lints; direction of dependence, unsafe code and the sizes of files

An ARCHIVE has the name of its manifest or guest; `debug` without one starts `default`.
Build results are in target/caravan, or in caravan below CARGO_TARGET_DIR.
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

/// The part of [`HELP`] about one command; all of it if it has no such part.
fn help_of(command: &str) -> String {
    let mut is_wanted = false;
    let lines = HELP.lines().filter(|line| {
        let entry = line.strip_prefix("  ").filter(|it| !it.starts_with(' '));
        if let Some(entry) = entry {
            is_wanted = entry.split(' ').next() == Some(command);
        }
        is_wanted && line.starts_with(' ')
    });
    let part: String = lines.map(|line| format!("{line}\n")).collect();
    if part.is_empty() { HELP.into() } else { part }
}

fn dispatch(arguments: &[String], workspace: &Workspace) -> Result<()> {
    let Some((command, rest)) = arguments.split_first() else {
        return Err(Error::Usage("no command".to_string()));
    };
    if rest.iter().any(|it| matches!(it.as_str(), "--help" | "-h")) {
        print!("{}", help_of(command));
        return Ok(());
    }
    match command.as_str() {
        "build" => build::named(rest, workspace).map(|()| print_location(workspace)),
        "archive" => pack(rest, workspace).map(|()| print_location(workspace)),
        "image" => {
            let contents = image::Contents::of(rest, workspace)?;
            build::everything(workspace).and_then(|()| image::make(&contents, workspace))
        }
        "run" => run::run(rest, workspace),
        "debug" => run::debug(rest, workspace),
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

fn print_location(workspace: &Workspace) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commands_help_is_its_part_of_the_whole() {
        let run = help_of("run");
        assert!(
            run.contains("--sticks") && run.contains("run ARCHIVE"),
            "{run}"
        );
        assert!(!run.contains("build [PROGRAM...]"), "{run}");
        assert_eq!(help_of("layers"), HELP);
    }
}
