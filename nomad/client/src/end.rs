//! The outcome of a command: [`End`].

/// The outcome of a command, which the last event of its reply carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The command succeeded.
    Done,
    /// The command failed; the event gives the reason.
    Failed,
}
