//! The end of a machine.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

/// The way in which a machine ended.
///
/// QEMU's exit device turns the byte that the guest wrote into the exit status `byte << 1 | 1`. Since a byte of 0 would look
/// like a failure of QEMU itself, guests never write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The guest wrote this byte to the exit device, which reports its low seven bits.
    Exit(u8),
    /// The machine was powered off, by its guest or by `quit`, or was reset, which ends it too.
    PoweredOff,
    /// QEMU was killed by this signal.
    Killed(i32),
    /// QEMU failed by itself.
    Failed(i32),
}

impl From<ExitStatus> for Verdict {
    fn from(status: ExitStatus) -> Self {
        match (status.code(), status.signal()) {
            (Some(0), _) => Self::PoweredOff,
            (Some(code), _) if code & 1 == 1 && code > 1 => Self::Exit((code >> 1) as u8),
            (Some(code), _) => Self::Failed(code),
            (None, signal) => Self::Killed(signal.unwrap_or_default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exited(code: i32) -> Verdict {
        ExitStatus::from_raw(code << 8).into()
    }

    #[test]
    fn distinguishes_the_guests_byte_from_qemus_own_failure() {
        assert_eq!(exited(0x21 << 1 | 1), Verdict::Exit(0x21));
        assert_eq!(exited(0x7f << 1 | 1), Verdict::Exit(0x7f));
        assert_eq!(exited(1), Verdict::Failed(1));
        assert_eq!(exited(127), Verdict::Exit(63));
        assert_eq!(exited(0), Verdict::PoweredOff);
        assert_eq!(Verdict::from(ExitStatus::from_raw(9)), Verdict::Killed(9));
    }
}
