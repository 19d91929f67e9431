//! `cargo caravan`: makes, builds, runs and sends a domain that is a crate of its own, outside of the Caravan tree.
//!
//! | file | content |
//! | --- | --- |
//! | `tree` | the Caravan tree with which domains are built |
//! | `template` | a new crate |
//! | `project` | the crate in the working directory: its manifest entry, its binaries |
//! | `run` | two machines with the domain on the first |
//! | `push` | the domain on a running machine |
//! | `error` | the program's errors |
//!
//! Two crates of the tree are linked as libraries: the xtask builds programs and packs manifests and boot archives, and the
//! operator's command line sends a domain to a machine. The test harness's program `show_domain` starts machines.

#![forbid(unsafe_code)]

mod error;
mod project;
mod push;
mod run;
mod template;
mod tree;

use std::path::PathBuf;
use std::process::ExitCode;

use error::{Error, Result};
use project::Project;

const HELP: &str = "\
usage: cargo caravan COMMAND

  new NAME [--path DIR]   make a crate with a domain in it, in DIR (without it: in ./NAME)
  build                   compile the domain of the crate in this directory; print the path of the program, and of the
                          package, target/caravan/NAME.caravan: the program and its entry in a manifest, in one file
  run [--once]            build it, and start it on the first of two machines in QEMU; commands move it
                          --once: move it there and back while a client keeps one TCP connection to it, and print the
                          verdict; the domain must send each line back unchanged
  push --on MACHINE [--secret FILE]
                          build it, and start it on a running machine, as `caravan run PACKAGE` does. The fleet's
                          secret is read from FILE, or from the variable CARAVAN_SECRET

Domains are built with the Caravan tree from which this program was installed, or the one that CARAVAN_HOME names.
";

fn main() -> ExitCode {
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    // Cargo names the subcommand in front of its arguments.
    if words.first().is_some_and(|word| word == "caravan") {
        words.remove(0);
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match dispatch(&words) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("cargo caravan: {error}\n  next: {}", error.next_step());
            ExitCode::from(error.exit_code())
        }
    }
}

fn dispatch(words: &[&str]) -> Result<ExitCode> {
    if words.iter().any(|word| matches!(*word, "--help" | "-h")) {
        print!("{HELP}");
        return Ok(ExitCode::SUCCESS);
    }
    match words {
        ["new", name] if !name.starts_with('-') => create(name, PathBuf::from(name)),
        ["new", name, "--path", directory] | ["new", "--path", directory, name] => {
            create(name, PathBuf::from(directory))
        }
        ["new", ..] => Err(Error::Usage("`new` takes NAME and [--path DIR]".into())),
        ["build"] => {
            let project = Project::here()?;
            let program = project.build(&tree::find()?)?;
            println!("{}", program.display());
            println!("{}", project.package(&program)?.display());
            Ok(ExitCode::SUCCESS)
        }
        ["run"] => run::run(run::Mode::Interactive),
        ["run", "--once"] => run::run(run::Mode::Once),
        ["push", "--on", machine] => push::push(machine, None),
        ["push", "--on", machine, "--secret", file]
        | ["push", "--secret", file, "--on", machine] => push::push(machine, Some(file)),
        ["push", ..] => Err(Error::Usage(
            "`push` takes --on MACHINE, the address of a machine, and [--secret FILE]".into(),
        )),
        ["build" | "run", words @ ..] => {
            let words = words.join(" ");
            Err(Error::Usage(format!(
                "`{words}` is not an argument of this command"
            )))
        }
        ["help"] => {
            print!("{HELP}");
            Ok(ExitCode::SUCCESS)
        }
        [] => Err(Error::Usage("a command is missing".into())),
        [other, ..] => Err(Error::Usage(format!("there is no command `{other}`"))),
    }
}

fn create(name: &str, directory: PathBuf) -> Result<ExitCode> {
    template::create(name, &directory, &tree::find()?)?;
    println!("made {}; next:\n", directory.display());
    println!("  cd {}", directory.display());
    println!("  cargo caravan run --once");
    Ok(ExitCode::SUCCESS)
}
