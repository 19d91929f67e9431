//! The entries into the kernel so far: [`Entries`].

use std::collections::BTreeMap;
use std::fmt;

/// Why the kernel was entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// A system call: its number.
    Call(u64),
    /// An exception or interrupt: its vector.
    Vector(u64),
}

/// The most instructions of an entry, and how many entries there were.
#[derive(Clone, Copy, Debug, Default)]
struct Most {
    instructions: u64,
    entries: u64,
}

/// The largest count of every cause, in every scene.
#[derive(Debug, Default)]
pub struct Entries {
    scene: u64,
    cause: Option<Cause>,
    most: BTreeMap<(u64, Cause), Most>,
}

impl Entries {
    /// An entry begins; a system call of the number 0 begins the scene that its first argument names.
    pub fn begin(&mut self, cause: Cause, argument: u64) {
        self.cause = Some(cause);
        if cause == Cause::Call(0) {
            self.scene = argument;
        }
    }

    /// An entry ends after so many instructions. One that did not begin is the boot, which nobody waits for.
    pub fn end(&mut self, instructions: u64) {
        let Some(cause) = self.cause.take() else {
            return;
        };
        let most = self.most.entry((self.scene, cause)).or_default();
        most.instructions = most.instructions.max(instructions);
        most.entries += 1;
    }
}

impl fmt::Display for Entries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for ((scene, cause), most) in &self.most {
            let (kind, number) = match cause {
                Cause::Call(number) => ("call", number),
                Cause::Vector(number) => ("vector", number),
            };
            let (instructions, entries) = (most.instructions, most.entries);
            writeln!(f, "{scene} {kind} {number} {instructions} {entries}")?;
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
        entries.end(1_000_000);
        for (cause, argument, count) in [
            (Cause::Call(0), 7, 50),
            (Cause::Call(3), 9, 300),
            (Cause::Call(3), 9, 200),
            (Cause::Vector(240), 0, 400),
            (Cause::Call(0), 8, 60),
            (Cause::Call(3), 9, 100),
        ] {
            entries.begin(cause, argument);
            entries.end(count);
        }
        let lines =
            "7 call 0 50 1\n7 call 3 300 2\n7 vector 240 400 1\n8 call 0 60 1\n8 call 3 100 1\n";
        assert_eq!(entries.to_string(), lines);
    }
}
