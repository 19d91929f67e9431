//! The outputs of a shell: [`Output`].

use alloc::string::String;
use alloc::vec::Vec;
use core::net::Ipv4Addr;

use identity::{Digest, Name};
use nomad_client::{Event, RequestId};
use nomad_protocol::{Attempt, Hello, Late, MachineId, TransactionId};

/// Work for the shell's caller, which owns the sockets, the log and the clock.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Output {
    /// A datagram for a machine, not encrypted yet. It may be lost.
    Send {
        /// The receiver.
        to: MachineId,
        /// The message.
        bytes: Vec<u8>,
    },
    /// A hello for all machines of the link. It may be lost.
    Hello(Hello),
    /// A handshake with a machine, to see whether it is at this address.
    Probe {
        /// The machine.
        machine: MachineId,
        /// The address.
        address: Ipv4Addr,
    },
    /// A job for the page sender. If the job fails, the caller reports the failure, or that the stream broke.
    Job(Job),
    /// A transaction no longer needs its incoming page stream. Every receiver checks whether its own stream is still
    /// needed.
    StreamOver,
    /// An event of the reply to an operator's request.
    Event(RequestId, Event),
    /// A line for the log, to be written when there is time.
    Log(String),
    /// When there is time, release the memory of this transaction's domain by
    /// [`Shell::give_back`](crate::Shell::give_back): the domain runs elsewhere.
    GiveBack(TransactionId),
    /// When there is time, hand over to root the memory of this transaction's domain by
    /// [`Shell::hand_over`](crate::Shell::hand_over): the domain runs here.
    HandOver(TransactionId),
    /// When there is time, call [`Shell::destroy_copy`](crate::Shell::destroy_copy), which destroys a copy that was given up.
    DestroyCopy,
    /// A change in the handling of the late frames of this transaction's domain. Late frames reach a machine for a domain
    /// that is leaving it or has left it.
    Frames(TransactionId, Frames),
    /// Another machine's message about late frames.
    Late(MachineId, TransactionId, Late),
    /// For tests: end the server.
    End,
}

/// A job for the page sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Job {
    /// The transaction.
    pub transaction: TransactionId,
    /// The kind of job.
    pub kind: JobKind,
}

/// The kinds of job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JobKind {
    /// Send the dirty pages.
    Round(u32),
    /// Send the frozen domain's state and last pages.
    Freeze(Attempt, u32, Digest),
    /// Close the stream.
    Close,
}

/// The handling of frames for a domain that moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Frames {
    /// The switch stops serving the domain: hold its frames.
    Hold,
    /// The destination runs the domain: forward its frames.
    Forward,
    /// The domain stays: return its frames to the switch.
    Revert,
    /// The transaction is over.
    End,
    /// The domain of this name has arrived and runs here: accept its late frames.
    Accept(Name),
}
