//! Starting machines interactively: two with domains that move, one on the terminal, or one that waits for a debugger. Only
//! the programs in their archives are built.
//!
//! The two start from archives of their own, without a loader, or from copies of an image like those that real machines start from.

use std::process::Command;

use crate::build;
use crate::error::{Error, Result};
use crate::machine::{EXIT_SUCCESS, Machine};
use crate::process;
use crate::workspace::{DEFAULT_MANIFEST, Workspace};
use crate::{archive, fleet, image, manifest};

/// Demonstrates migration with two machines and domains that move between them. With an archive's name, it boots one machine
/// from that archive instead, and connects its serial line to the terminal.
pub fn run(arguments: &[String], workspace: &Workspace) -> Result<()> {
    match arguments {
        [] => show(&[], workspace),
        [first, ..] if first.starts_with('-') => show(arguments, workspace),
        _ => run_one(arguments, workspace),
    }
}

fn show(options: &[String], workspace: &Workspace) -> Result<()> {
    let has = |name: &str| options.iter().any(|option| option == name);
    if let Some(unknown) = options
        .iter()
        .find(|it| !["--once", "--sticks"].contains(&it.as_str()))
    {
        return Err(Error::Usage(format!("no option {unknown}")));
    }
    if has("--sticks") {
        let fleet = fleet::compile(&fleet::default(workspace), workspace)?;
        let mut programs = archive::programs_of_fleet(&fleet);
        let further = image::FURTHER.map(|(archive, _)| archive);
        programs.extend(archive::programs_in(&further, workspace)?);
        programs.sort();
        programs.dedup();
        build::system(&programs, workspace)?;
        image::make_default(workspace)?;
    } else {
        let compared = if has("--once") {
            &manifest::WHOLE[..]
        } else {
            &[]
        };
        build::archives(&[&manifest::SHOWN, compared].concat(), workspace)?;
    }
    build::clients(workspace)?;
    let mut show = Command::new(workspace.host_target().join("debug/show"));
    show.args(options).envs(workspace.environment());
    process::run(&mut show)
}

/// Boots one machine until it ends or Ctrl-A X is typed.
fn run_one(arguments: &[String], workspace: &Workspace) -> Result<()> {
    let machine = machine(arguments, workspace)?;
    println!("Ctrl-A X ends the machine.");
    finish(&mut machine.command())
}

/// Boots one machine that stops before its first instruction and waits for gdb.
pub fn debug(arguments: &[String], workspace: &Workspace) -> Result<()> {
    let machine = machine(arguments, workspace)?;
    // A Unix socket: no port collisions, and no access for other users.
    let socket = workspace.artefacts().join("gdb.sock");
    println!("The machine waits for a debugger. In another terminal:\n");
    println!(
        "  gdb {} -ex 'target remote {}'\n",
        machine.kernel.display(),
        socket.display()
    );
    println!(
        "Stop in the kernel with `hbreak NAME`, since the boot code maps it only later. Add the symbols of a program"
    );
    println!(
        "with `add-symbol-file {}`.",
        workspace.program_elf("root").display()
    );
    let mut qemu = machine.command();
    qemu.arg("-S")
        .arg("-gdb")
        .arg(format!("unix:{},server=on,wait=off", socket.display()));
    finish(&mut qemu)
}

/// Builds the machine that boots the archive in the arguments.
fn machine(arguments: &[String], workspace: &Workspace) -> Result<Machine> {
    let archive = archive_of(arguments)?;
    build::archives(&[archive], workspace)?;
    Machine::built(archive, workspace)
}

fn archive_of(arguments: &[String]) -> Result<&str> {
    match arguments {
        [] => Ok(DEFAULT_MANIFEST),
        [name] => Ok(name),
        _ => Err(Error::Usage("one archive at most".to_string())),
    }
}

/// Runs the machine. A successful guest ends with a nonzero exit code, which counts as a success too.
fn finish(qemu: &mut Command) -> Result<()> {
    match process::run(qemu) {
        Err(Error::Failed(_, status)) if status.code() == Some(EXIT_SUCCESS) => Ok(()),
        other => other,
    }
}
