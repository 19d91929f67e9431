//! What a shell has to say: [`Output`].

use alloc::string::String;
use alloc::vec::Vec;

use nomad_client::RequestId;
use nomad_image::Name;
use nomad_protocol::{Attempt, Digest, Late, MachineId, TransactionId};

/// Something for whoever has sockets, a log and time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Output {
    /// A datagram for a machine, in clear. It may get lost.
    Send {
        /// To whom.
        to: MachineId,
        /// What it says.
        bytes: Vec<u8>,
    },
    /// Something for whoever sends pages. If it cannot be done the shell is told that the stream broke.
    Job(Job),
    /// Some transaction needs its page stream no more: whoever receives one looks whether it is that.
    StreamOver,
    /// A line that answers an operator's request.
    Line(RequestId, String),
    /// A line for the log, when there is time.
    Log(String),
    /// The memory of this transaction's domain, which runs elsewhere, is to be given back when there is time, by
    /// [`Shell::give_back`](crate::Shell::give_back).
    GiveBack(TransactionId),
    /// What becomes of frames that come too late for this transaction's domain.
    Frames(TransactionId, Frames),
    /// Another machine says something about such frames.
    Late(MachineId, TransactionId, Late),
    /// For tests: the server is to end.
    End,
}

/// Something for whoever sends pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Job {
    /// For which transaction.
    pub transaction: TransactionId,
    /// What.
    pub what: What,
}

/// What is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum What {
    /// The dirty pages.
    Round(u32),
    /// The frozen domain's state and last pages.
    Freeze(Attempt, u32, Digest),
    /// Nothing more: close the stream.
    Close,
}

/// What becomes of frames for a domain that moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Frames {
    /// The switch stops serving the domain: they are held.
    Hold,
    /// The target runs it: they are passed on.
    PassOn,
    /// It stays: they go back into the switch.
    Revert,
    /// The transaction is over.
    Settle,
    /// The domain of this name came, and runs here.
    Welcome(Name),
}
