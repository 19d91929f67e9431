//! The outcome of a command: [`End`], which begins an answer's last line.

/// The outcome of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The command succeeded.
    Done,
    /// The command failed; the line gives the reason.
    Failed,
}

impl End {
    /// The outcome that a line reports, if it is an answer's last.
    pub fn of_line(line: &str) -> Option<End> {
        match line.split([' ', ':']).next() {
            Some("done") => Some(End::Done),
            Some("failed") => Some(End::Failed),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_last_line() {
        assert_eq!(End::of_line("done"), Some(End::Done));
        assert_eq!(End::of_line("failed: no machine"), Some(End::Failed));
        for line in ["phase Finished", "", "donee", "doneness: 3"] {
            assert_eq!(End::of_line(line), None, "{line}");
        }
    }
}
