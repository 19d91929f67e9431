//! One QEMU that starts the kernel directly, by its PVH note, with a boot archive as its module.
//!
//! Always emulated: `/dev/kvm` may exist and not work, and a lab's results should not depend on it.

use std::path::PathBuf;
use std::process::Command;

use crate::error::{Error, Result};
use crate::workspace::Workspace;

/// The program that is the machine.
const QEMU: &str = "qemu-system-x86_64";
/// What QEMU exits with after the guest wrote 0x10, its word for success, to the exit device: twice that, plus one.
pub const EXIT_SUCCESS: i32 = 0x10 << 1 | 1;

/// How a machine's time passes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// With the host's.
    Free,
    /// With every executed instruction, exactly, so that the time-stamp counter counts them.
    Instructions,
}

/// Where a machine's serial line leads.
pub enum Serial {
    /// To the terminal, with QEMU's monitor behind Ctrl-A.
    Terminal,
    /// To a file, while nobody watches.
    File(PathBuf),
}

/// What becomes of a machine whose kernel panicked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Panic {
    /// It stands still, to be looked at.
    Stops,
    /// It ends, for a script that waits for it.
    Exits,
}

/// A machine that is about to start.
pub struct Machine {
    /// The kernel's ELF file.
    pub kernel: PathBuf,
    /// The boot archive.
    pub archive: PathBuf,
    /// How its time passes.
    pub clock: Clock,
    /// Where its serial line leads.
    pub serial: Serial,
    /// What the kernel does when it panics.
    pub panic: Panic,
}

impl Machine {
    /// A machine at the terminal, with the kernel and the archive `archive` as they were built last.
    pub fn built(archive: &str, workspace: &Workspace) -> Result<Machine> {
        let machine = Machine {
            kernel: workspace.kernel_elf(),
            archive: workspace.archive(archive),
            clock: Clock::Free,
            serial: Serial::Terminal,
            panic: Panic::Stops,
        };
        for file in [&machine.kernel, &machine.archive] {
            if !file.is_file() {
                let hint = "there is no such file: run `cargo xtask build`";
                return Err(Error::Missing(format!("{}: {hint}", file.display())));
            }
        }
        Ok(machine)
    }

    /// The command that runs it.
    pub fn command(&self) -> Command {
        let mut qemu = Command::new(QEMU);
        qemu.args([
            "-M",
            "q35",
            "-m",
            "512M",
            "-display",
            "none",
            "-no-reboot",
            "-nodefaults",
        ])
        .args(["-device", "isa-debug-exit,iobase=0xf4,iosize=0x04"])
        .args(self.clock_arguments())
        .args(self.serial_arguments())
        .args(self.panic_arguments())
        .arg("-kernel")
        .arg(&self.kernel)
        .arg("-initrd")
        .arg(&self.archive);
        qemu
    }

    fn clock_arguments(&self) -> &'static [&'static str] {
        match self.clock {
            Clock::Free => &["-accel", "tcg", "-cpu", "max"],
            // QEMU gives up on x2APIC's timer registers while it counts.
            Clock::Instructions => &[
                "-accel",
                "tcg",
                "-icount",
                "shift=0,sleep=off",
                "-cpu",
                "max,-x2apic",
            ],
        }
    }

    fn panic_arguments(&self) -> &'static [&'static str] {
        match self.panic {
            Panic::Stops => &[],
            Panic::Exits => &["-append", "debug-exit"],
        }
    }

    fn serial_arguments(&self) -> Vec<String> {
        match &self.serial {
            Serial::Terminal => vec!["-serial".into(), "mon:stdio".into()],
            Serial::File(path) => vec!["-serial".into(), format!("file:{}", path.display())],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(clock: Clock) -> String {
        let machine = Machine {
            kernel: "k".into(),
            archive: "a".into(),
            clock,
            serial: Serial::File("log".into()),
            panic: Panic::Exits,
        };
        let command = machine.command();
        let arguments: Vec<_> = command
            .get_args()
            .map(|argument| argument.to_string_lossy())
            .collect();
        arguments.join(" ")
    }

    #[test]
    fn a_counting_machine_has_no_x2apic() {
        assert!(
            arguments(Clock::Instructions).contains("-icount shift=0,sleep=off -cpu max,-x2apic")
        );
    }

    #[test]
    fn no_machine_asks_for_the_hosts_virtualisation() {
        for clock in [Clock::Free, Clock::Instructions] {
            assert!(arguments(clock).contains("-accel tcg") && !arguments(clock).contains("kvm"));
        }
    }
}
