//! Why a command has no answer: [`Failure`].

use core::fmt;

/// Why a command has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The command is longer than any.
    TooLong {
        /// How many bytes it has.
        bytes: usize,
        /// How many are allowed.
        limit: usize,
    },
    /// Nothing was heard: to one who does not know the secret a machine says nothing.
    NoAnswer,
    /// Nothing was heard for long, in the middle of the answer.
    Silent,
    /// The server does not know the request any more. Whether the command was obeyed, it cannot say.
    Forgotten,
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::TooLong { bytes, limit } => {
                write!(
                    formatter,
                    "the command has {bytes} bytes, and none has more than {limit}"
                )
            }
            Failure::NoAnswer => {
                formatter.write_str("the machine does not answer, or has another secret")
            }
            Failure::Silent => formatter
                .write_str("the machine has fallen silent; what became of the command is not known"),
            Failure::Forgotten => formatter.write_str(
                "the machine has forgotten the command: its migration server was started anew, or has had too many \
                 others; `list` shows what became of it",
            ),
        }
    }
}

impl core::error::Error for Failure {}
