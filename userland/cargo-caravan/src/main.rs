//! `cargo caravan`: makes, builds, runs and sends a domain that is a crate of its own, outside of the Caravan tree.
//!
//! | file | content |
//! | --- | --- |
//! | `arguments` | the program's arguments, in clap |
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

mod arguments;
mod error;
mod project;
mod push;
mod run;
mod template;
mod tree;

use std::io;
use std::path::Path;
use std::process::ExitCode;

use arguments::Invocation;
use error::{Error, Result};
use project::Project;

fn main() -> ExitCode {
    let invocation = match Invocation::parse(std::env::args()) {
        Ok(invocation) => invocation,
        Err(help) if help.exit_code() == 0 => help.exit(),
        Err(error) => return fail(&Error::usage(&error)),
    };
    perform(invocation).unwrap_or_else(|error| fail(&error))
}

/// Prints an error and the next step, and returns the exit code.
fn fail(error: &Error) -> ExitCode {
    eprintln!("cargo caravan: {error}\n  next: {}", error.next_step());
    ExitCode::from(error.exit_code())
}

fn perform(invocation: Invocation) -> Result<ExitCode> {
    match invocation {
        Invocation::New { name, directory } => create(&name, &directory),
        Invocation::Build => {
            let project = Project::here()?;
            let program = project.build(&tree::find()?)?;
            println!("{}", program.display());
            println!("{}", project.package(&program)?.display());
            Ok(ExitCode::SUCCESS)
        }
        Invocation::Run(mode) => run::run(mode),
        Invocation::Push { machine, secret } => push::push(&machine, secret.as_deref()),
        Invocation::Complete(shell) => {
            let mut program = arguments::program();
            clap_complete::generate(shell, &mut program, "cargo-caravan", &mut io::stdout());
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn create(name: &str, directory: &Path) -> Result<ExitCode> {
    template::create(name, directory, &tree::find()?)?;
    println!("made {}; next:\n", directory.display());
    println!("  cd {}", directory.display());
    println!("  cargo caravan run --once");
    Ok(ExitCode::SUCCESS)
}
