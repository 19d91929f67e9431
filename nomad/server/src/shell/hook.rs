//! For tests: the server ends at a moment that they name. Only where the manifest says `hooks`.

use alloc::string::String;

/// The moment, as the line that is told of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hook(Option<String>);

impl Hook {
    /// Names the moment.
    pub fn set(&mut self, line: &str) {
        self.0 = Some(line.into());
    }

    /// This is told now.
    ///
    /// # Panics
    /// If it is the moment: the supervisor starts the server anew.
    pub fn pass(&self, line: &str) {
        assert!(
            self.0.as_deref() != Some(line),
            "stopped at `{line}`, as a test asked for"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passes_every_other_moment() {
        let mut hook = Hook::default();
        hook.pass("phase Freeze");
        hook.set("phase Commit");
        hook.pass("phase Freeze");
    }
}
