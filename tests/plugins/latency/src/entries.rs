//! The entries into the kernel so far: [`Entries`].

use std::collections::BTreeMap;
use std::fmt;

/// The cause of an entry into the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// A system call: its number.
    Call(u64),
    /// An exception or interrupt: its vector.
    Vector(u64),
}

/// The most instructions of an entry, the number of entries, and the number of those at whose end SMAP was suspended.
#[derive(Clone, Copy, Debug, Default)]
struct Most {
    instructions: u64,
    entries: u64,
    suspended: u64,
}

/// The flag that suspends SMAP (supervisor mode access prevention) in the kernel, and that user mode can set.
const ALIGNMENT_CHECK: u64 = 1 << 18;

/// The largest count of every cause in every scene.
#[derive(Debug, Default)]
pub struct Entries {
    scene: u64,
    cause: Option<Cause>,
    most: BTreeMap<(u64, Cause), Most>,
}

impl Entries {
    /// Begins an entry. A system call with the number 0 begins the scene that its first argument names.
    pub fn begin(&mut self, cause: Cause, argument: u64) {
        self.cause = Some(cause);
        if cause == Cause::Call(0) {
            self.scene = argument;
        }
    }

    /// Ends an entry after this many instructions, with these flags of the kernel. Without a beginning it is the boot, which is
    /// not counted.
    pub fn end(&mut self, instructions: u64, flags: u64) {
        let Some(cause) = self.cause.take() else {
            return;
        };
        let most = self.most.entry((self.scene, cause)).or_default();
        most.instructions = most.instructions.max(instructions);
        most.entries += 1;
        most.suspended += u64::from(flags & ALIGNMENT_CHECK != 0);
    }
}

impl fmt::Display for Entries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for ((scene, cause), most) in &self.most {
            let (kind, number) = match cause {
                Cause::Call(number) => ("call", number),
                Cause::Vector(number) => ("vector", number),
            };
            let Most {
                instructions,
                entries,
                suspended,
            } = most;
            writeln!(
                f,
                "{scene} {kind} {number} {instructions} {entries} {suspended}"
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_most_of_every_cause_and_scene() {
        let mut entries = Entries::default();
        entries.end(1_000_000, ALIGNMENT_CHECK);
        for (cause, argument, count) in [
            (Cause::Call(0), 7, 50),
            (Cause::Call(3), 9, 300),
            (Cause::Call(3), 9, 200),
            (Cause::Vector(240), 0, 400),
            (Cause::Call(0), 8, 60),
            (Cause::Call(3), 9, 100),
        ] {
            entries.begin(cause, argument);
            entries.end(count, 0);
        }
        let lines = [
            "7 call 0 50 1 0",
            "7 call 3 300 2 0",
            "7 vector 240 400 1 0",
            "8 call 0 60 1 0",
            "8 call 3 100 1 0",
        ];
        assert!(entries.to_string().lines().eq(lines), "{entries}");
    }

    #[test]
    fn counts_the_entries_at_whose_end_smap_was_suspended() {
        let mut entries = Entries::default();
        for flags in [ALIGNMENT_CHECK | 2, 2, ALIGNMENT_CHECK, !ALIGNMENT_CHECK] {
            entries.begin(Cause::Vector(14), 0);
            entries.end(10, flags);
        }
        assert_eq!(entries.to_string(), "0 vector 14 10 4 2\n");
    }
}
