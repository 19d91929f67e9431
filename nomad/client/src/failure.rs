//! The reason a command has no complete reply: [`Failure`].

use thiserror::Error;

/// The reason a command has no complete reply.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Failure {
    /// No reply was received: a machine does not reply to a client without the fleet's secret.
    #[error("the machine does not reply, or has another secret")]
    NoReply,
    /// The server stopped replying before the last event.
    #[error("the machine stopped replying; the outcome of the command is unknown")]
    Silent,
    /// The server no longer knows the request, nor whether its command was executed.
    #[error(
        "the machine has forgotten the command: its migration server was restarted, or has had too many others; \
         `list` shows the outcome"
    )]
    Forgotten,
}
