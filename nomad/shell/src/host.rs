//! The host of a shell: what it calls to have a step of a move done. The migration server implements it with capabilities,
//! the simulator with fake machines.
//!
//! | trait | what is called |
//! | --- | --- |
//! | [`Kernel`] | the kernel, to take a domain apart and to put one together |
//! | [`Root`] | the machine's root, about domains by name |
//! | [`Notes`] | memory that outlives the shell |
//! | [`Host`] | all of them, and a generator of random numbers |
//!
//! A call that fails says why in the protocol's words; what more there is to know the host logs. Calls without a result are
//! done either way as far as the shell is concerned.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use abi::Error;
use nomad_image::{Name, Verdict};
use nomad_protocol::{
    Attempt, Digest, DomainId, DomainState, Incarnation, Interference, LocalFailure, Offer, Record,
    Sizes, StateVersion, StreamHeader, TransactionId,
};
use service_protocol::root::{DomainRecord, MemoryRecord, Refusal};

/// What a domain is, that is to be offered to another machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// Its id.
    pub domain: DomainId,
    /// Its incarnation here.
    pub incarnation: Incarnation,
    /// Its size.
    pub sizes: Sizes,
}

/// A frozen domain's state was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exported {
    /// The version before it was.
    pub version: StateVersion,
    /// The state's digest.
    pub digest: Digest,
}

/// Why a domain is not retired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotRetired {
    /// It was changed since its state was read.
    VersionMoved(Interference),
    /// The kernel refused.
    Failed(LocalFailure),
}

/// Why a domain is not admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAdmitted {
    /// Root said no.
    Root(RootError),
    /// The server itself has too little memory for one more move.
    NoRoom {
        /// What it may take.
        needed_bytes: u64,
        /// What is left.
        left_bytes: u64,
    },
}

/// The kernel's calls that a move consists of.
pub trait Kernel {
    /// A domain that was looked up.
    type Found;
    /// A domain on its way out.
    type Outgoing;
    /// A domain on its way in.
    type Incoming;
    /// A piece of a page stream on its way out.
    type Piece: Default;
    /// What a page stream says next on its way in.
    type Arrival<'a>;

    /// Looks up a domain that is to move.
    ///
    /// # Errors
    /// Why it cannot, in an operator's words.
    fn look_up(&mut self, name: Name) -> Result<Self::Found, String>;

    /// What would become of each thing that it holds.
    ///
    /// # Errors
    /// Why that is not known, in an operator's words.
    fn judge(&mut self, found: &mut Self::Found) -> Result<Vec<Verdict>, String>;

    /// What a target is told of it.
    fn known(&self, found: &Self::Found) -> Known;

    /// It is to leave. Nothing is done to it yet.
    ///
    /// # Errors
    /// Why it cannot now, in an operator's words.
    fn leave(&mut self, name: Name, found: Self::Found) -> Result<Self::Outgoing, String>;

    /// The domain of an offer that an earlier life of the shell has made, and what the kernel says of it; nothing if it is not here. The
    /// token is that of its last freeze, if it was noted.
    ///
    /// # Errors
    /// It is not known whether it is here.
    fn left_behind(
        &mut self,
        offer: &Offer,
        token: Option<u64>,
    ) -> Result<Option<(Self::Outgoing, DomainState)>, RootError>;

    /// The name of a domain on its way out.
    fn name(&self, outgoing: &Self::Outgoing) -> Name;

    /// Starts to log which pages are written; at first all are to be sent.
    ///
    /// # Errors
    /// The kernel refused.
    fn start_log(&mut self, outgoing: &mut Self::Outgoing) -> Result<(), LocalFailure>;

    /// Begins a round; returns how many pages it covers.
    fn begin_round(&mut self, outgoing: &mut Self::Outgoing) -> u64;

    /// Begins to send the frozen domain; returns how many pages that covers.
    ///
    /// # Errors
    /// The kernel refused, or the domain runs again.
    fn begin_freeze(&mut self, outgoing: &mut Self::Outgoing) -> Result<u64, LocalFailure>;

    /// Appends the header of a segment.
    fn announce(&mut self, header: StreamHeader, out: &mut Self::Piece);

    /// Appends a piece of what is being sent; returns whether there is more.
    ///
    /// # Errors
    /// The kernel refused, or a domain that is to be frozen runs again.
    fn produce(
        &mut self,
        outgoing: &mut Self::Outgoing,
        out: &mut Self::Piece,
    ) -> Result<bool, LocalFailure>;

    /// Appends the end of a round.
    ///
    /// # Errors
    /// The kernel refused.
    fn end_round(
        &mut self,
        outgoing: &mut Self::Outgoing,
        number: u32,
        out: &mut Self::Piece,
    ) -> Result<(), LocalFailure>;

    /// Takes in what was written since the last time; returns how many pages are to be sent now.
    ///
    /// # Errors
    /// The kernel refused.
    fn look_again(&mut self, outgoing: &mut Self::Outgoing) -> Result<u64, LocalFailure>;

    /// Appends the exported state, which ends a freeze.
    ///
    /// # Errors
    /// The kernel refused, or the domain runs again.
    fn end_freeze(
        &mut self,
        outgoing: &mut Self::Outgoing,
        out: &mut Self::Piece,
    ) -> Result<(), LocalFailure>;

    /// Stops the domain for the hand-over, until a deadline; returns the token of this freeze.
    ///
    /// # Errors
    /// The kernel refused.
    fn freeze(&mut self, outgoing: &mut Self::Outgoing) -> Result<u64, LocalFailure>;

    /// Reads the frozen domain's version, then its state, after its services have stopped.
    ///
    /// # Errors
    /// Root or the kernel refused, the domain holds what cannot travel, or it runs again.
    fn export(&mut self, outgoing: &mut Self::Outgoing) -> Result<Exported, LocalFailure>;

    /// **Retires the domain**, if it is still at this version.
    ///
    /// # Errors
    /// [`NotRetired`].
    fn retire(
        &mut self,
        outgoing: &mut Self::Outgoing,
        version: StateVersion,
    ) -> Result<(), NotRetired>;

    /// Ends the log, and has the domain's services go on.
    fn end_capture(&mut self, outgoing: &mut Self::Outgoing);

    /// Lets the domain run on, if it is frozen.
    fn thaw(&mut self, outgoing: &mut Self::Outgoing);

    /// Undoes the retirement, and lets the domain run.
    ///
    /// # Errors
    /// Root's refusal.
    fn run_again(&mut self, outgoing: &mut Self::Outgoing) -> Result<(), RootError>;

    /// Gives the retired domain's memory back.
    ///
    /// # Errors
    /// Root's refusal.
    fn destroy(&mut self, outgoing: &mut Self::Outgoing) -> Result<(), RootError>;

    /// Reserves what a domain needs that comes.
    ///
    /// # Errors
    /// [`NotAdmitted`].
    fn admit(&mut self, name: Name, offer: &Offer) -> Result<Self::Incoming, NotAdmitted>;

    /// Takes in what a page stream says.
    ///
    /// # Errors
    /// Why it cannot; the domain is to be discarded.
    fn take(
        &mut self,
        incoming: &mut Self::Incoming,
        arrival: Self::Arrival<'_>,
    ) -> Result<(), LocalFailure>;

    /// Builds the domain once on trial, as soon as it was described.
    ///
    /// # Errors
    /// What this machine lacks.
    fn rehearse(&mut self, incoming: &mut Self::Incoming) -> Result<(), LocalFailure>;

    /// Builds the domain, frozen, and has root keep it; returns the digest of what was built.
    ///
    /// # Errors
    /// Which step failed.
    fn build(
        &mut self,
        incoming: &mut Self::Incoming,
        attempt: Attempt,
    ) -> Result<Digest, LocalFailure>;

    /// The domain is about to run, after it has stood for so many microseconds: only root decides over it from now on. Again, this
    /// changes nothing.
    fn let_go(&mut self, incoming: &mut Self::Incoming, stood_us: u64);

    /// Forgets a domain that has come.
    fn finish(&mut self, incoming: Self::Incoming);

    /// Ends what was made of a domain that does not come. Its pool is root's to take back.
    fn discard_incoming(&mut self, incoming: Self::Incoming);
}

/// Root's calls about domains by name.
pub trait Root {
    /// All of root's domains.
    ///
    /// # Errors
    /// [`RootError`].
    fn all(&mut self) -> Result<Vec<DomainRecord>, RootError>;

    /// The domain of this name.
    ///
    /// # Errors
    /// [`RootError`].
    fn find(&mut self, name: Name) -> Result<DomainRecord, RootError>;

    /// The domain that root keeps runs from now on.
    ///
    /// # Errors
    /// [`RootError`].
    fn adopt(
        &mut self,
        name: Name,
        id: DomainId,
        incarnation: Incarnation,
    ) -> Result<(), RootError>;

    /// A copy of this incarnation runs elsewhere: an older one that runs here stands still from now on.
    ///
    /// # Errors
    /// [`RootError`].
    fn outlive(
        &mut self,
        name: Name,
        id: DomainId,
        incarnation: Incarnation,
    ) -> Result<(), RootError>;

    /// The domain does not come: its memory is given back. That it is not here any more is no error.
    ///
    /// # Errors
    /// [`RootError`].
    fn discard(&mut self, name: Name, id: DomainId) -> Result<(), RootError>;

    /// An outlived copy is given up. That it is not here any more is no error.
    ///
    /// # Errors
    /// [`RootError`].
    fn drop_outlived(&mut self, name: Name, id: DomainId) -> Result<(), RootError>;

    /// Starts a domain that is at home here and that no other machine has.
    ///
    /// # Errors
    /// [`RootError`].
    fn start(&mut self, name: Name) -> Result<(), RootError>;

    /// What memory the machine has, and what of it is spent.
    ///
    /// # Errors
    /// [`RootError`].
    fn memory(&mut self) -> Result<MemoryRecord, RootError>;
}

/// Memory that outlives the shell.
pub trait Notes {
    /// Keeps a record, instead of the one before of the same transaction. It is durable when this returns.
    fn keep(&mut self, record: &Record);

    /// Drops a transaction that has ended, its record and its token.
    fn end(&mut self, transaction: TransactionId);

    /// Notes the token of the freeze of a transaction's domain. Where there is no room nothing is noted.
    fn keep_token(&mut self, transaction: TransactionId, token: u64);

    /// The token of the freeze of a transaction's domain, if it was noted.
    fn token_of(&self, transaction: TransactionId) -> Option<u64>;
}

/// All that a shell calls.
pub trait Host: Kernel + Root + Notes {
    /// A number that nobody can guess and nobody has drawn before.
    fn draw(&mut self) -> u128;

    /// Bytes of this server's own heap that are free.
    fn heap_free(&self) -> u64;

    /// The fewest bytes of it that ever were in no use at all.
    fn heap_least(&self) -> u64;
}

/// Why root did not do it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RootError {
    /// Root says no.
    Refused(Refusal),
    /// The call itself failed.
    Call(Error),
    /// Its answer makes no sense.
    Malformed,
}

impl RootError {
    /// Whether it may be otherwise when root is asked again: then this says nothing about the domain.
    pub fn may_pass(self) -> bool {
        match self {
            RootError::Refused(refusal) => refusal == Refusal::Kernel,
            RootError::Call(_) | RootError::Malformed => true,
        }
    }
}

impl fmt::Display for RootError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            RootError::Refused(refusal) => refusal.text(),
            RootError::Call(error) => error.text(),
            RootError::Malformed => "root's answer makes no sense",
        })
    }
}

impl From<Error> for RootError {
    fn from(error: Error) -> RootError {
        RootError::Call(error)
    }
}
