//! The reason that a command has no answer: [`Failure`].

use thiserror::Error;

/// The reason that a command has no answer.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Failure {
    /// No answer was received: without the fleet's secret a machine does not answer.
    #[error("the machine does not answer, or has another secret")]
    NoAnswer,
    /// The server stopped answering before the last event.
    #[error("the machine stopped answering; the outcome of the command is unknown")]
    Silent,
    /// The server no longer knows the request, nor whether its command was executed.
    #[error(
        "the machine has forgotten the command: its migration server was restarted, or has had too many others; \
         `list` shows the outcome"
    )]
    Forgotten,
}
