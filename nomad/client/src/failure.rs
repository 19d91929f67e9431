//! The reason that a command has no answer: [`Failure`].

use core::fmt;

/// The reason that a command has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The command is too long.
    TooLong {
        /// Its length in bytes.
        bytes: usize,
        /// The longest command allowed, in bytes.
        limit: usize,
    },
    /// No answer was received: without the fleet's secret a machine does not answer.
    NoAnswer,
    /// The server stopped answering before the last line.
    Silent,
    /// The server no longer knows the request, nor whether its command was executed.
    Forgotten,
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::TooLong { bytes, limit } => {
                write!(
                    formatter,
                    "the command has {bytes} bytes; at most {limit} are allowed"
                )
            }
            Failure::NoAnswer => {
                formatter.write_str("the machine does not answer, or has another secret")
            }
            Failure::Silent => formatter
                .write_str("the machine stopped answering; the outcome of the command is unknown"),
            Failure::Forgotten => formatter.write_str(
                "the machine has forgotten the command: its migration server was restarted, or has had too many \
                 others; `list` shows the outcome",
            ),
        }
    }
}

impl core::error::Error for Failure {}
