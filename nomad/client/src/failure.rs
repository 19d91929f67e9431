//! The reason a command has no complete reply: [`Failure`].

use core::net::Ipv4Addr;

use identity::Name;
use nomad_protocol::PORT;
use thiserror::Error;

/// The reason a command has no complete reply.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Failure {
    /// No reply was received: a machine does not reply to a client without the fleet's secret.
    #[error(
        "the machine does not reply, or has another secret or version\n  next: check its power, cable and address, the route and \
         the firewalls on the way (UDP port {PORT}), the secret, and the versions (`caravan --version`)"
    )]
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
    /// A machine with another address has replied, and the operator has not stated its name.
    #[error(
        "the machine {name} at {address} has replied instead of the one at {dialled}\n  next: give {address} as the machine, or \
         {name}@{dialled} if that is its address behind address translation"
    )]
    OtherAddress {
        /// The address that the datagrams were sent to.
        dialled: Ipv4Addr,
        /// The machine's name.
        name: Name,
        /// The address that the machine has.
        address: Ipv4Addr,
    },
    /// A machine with another name than the stated one has replied.
    #[error(
        "the machine {name} has replied instead of {stated}\n  next: give {name} as the name, or the address of {stated}, which \
         `caravan MACHINE machines` lists"
    )]
    OtherName {
        /// The name that the operator has stated.
        stated: Name,
        /// The machine's name.
        name: Name,
    },
}
