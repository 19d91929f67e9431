//! One QEMU that starts the kernel directly, through its PVH note, with a boot archive as the kernel's module.
//!
//! The machine is always emulated: `/dev/kvm` may exist without working, and results should not depend on it.

use std::path::PathBuf;
use std::process::Command;

use crate::error::{Error, Result};
use crate::workspace::Workspace;

const QEMU: &str = "qemu-system-x86_64";
/// QEMU's exit code for success. The guest writes 0x10 to the exit device, and QEMU exits with twice that, plus one.
pub const EXIT_SUCCESS: i32 = 0x10 << 1 | 1;

/// The clock of a machine.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// Follows the host's clock.
    Free,
    /// Advances with every executed instruction: the time-stamp counter counts instructions.
    Instructions,
}

/// The other end of a machine's serial line.
pub enum Serial {
    /// The terminal, with QEMU's monitor behind Ctrl-A.
    Terminal,
    File(PathBuf),
}

/// The behaviour of a machine whose kernel panics.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Panic {
    /// It stops, for inspection.
    Stops,
    /// It exits, for a script that waits for its end.
    Exits,
}

/// A machine to start.
pub struct Machine {
    /// The kernel's ELF file.
    pub kernel: PathBuf,
    /// The boot archive.
    pub archive: PathBuf,
    pub clock: Clock,
    /// The other end of its serial line.
    pub serial: Serial,
    /// Its behaviour when the kernel panics.
    pub panic: Panic,
}

impl Machine {
    /// A machine at the terminal, with the last built kernel and archive `archive`.
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
            // QEMU aborts on x2APIC's timer registers while it counts instructions.
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
    fn no_machine_uses_hardware_virtualisation() {
        for clock in [Clock::Free, Clock::Instructions] {
            assert!(arguments(clock).contains("-accel tcg") && !arguments(clock).contains("kvm"));
        }
    }
}
