//! The kernel calls that make up a move: [`Kernel`], to capture and to rebuild domains.

use alloc::string::String;
use alloc::vec::Vec;

use identity::{Digest, DomainId, Incarnation, Name};
use nomad_image::Verdict;
use nomad_protocol::{
    Attempt, DomainState, LocalFailure, Offer, Sizes, StateVersion, StreamHeader,
};

use super::RootError;
use crate::returns::Visited;

/// A domain to be offered to another machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DomainSummary {
    /// Its id.
    pub domain: DomainId,
    /// Its incarnation here.
    pub incarnation: Incarnation,
    /// Its size.
    pub sizes: Sizes,
    /// The machine that starts it; `None` if every machine does.
    pub home: Option<Name>,
    /// Whether this machine keeps the package that it came in.
    pub has_package: bool,
    /// The guest that may have another copy of it.
    pub guest: Option<Name>,
}

/// The names of machines that an offer refers to by id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Provenance {
    /// The source, if it is a guest.
    pub guest: Option<Name>,
    /// The domain's home, if that is a machine of the fleet.
    pub home: Option<Name>,
}

/// The result of reading a frozen domain's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exported {
    /// The domain's version before its state was read.
    pub version: StateVersion,
    /// The state's digest.
    pub digest: Digest,
}

/// The reason a domain was not retired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetireError {
    /// It was changed after its state was read.
    VersionMoved,
    /// The kernel refused.
    Failed(LocalFailure),
}

/// The reason a domain was not admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdmitError {
    /// Root refused.
    Root(RootError),
    /// The server itself has too little memory for another move.
    NoRoom {
        /// The most that the move may need.
        needed_bytes: u64,
        /// The memory left.
        left_bytes: u64,
    },
}

/// The kernel calls that make up a move.
pub trait Kernel {
    /// A domain that was looked up.
    type Found;
    /// An outgoing domain.
    type Outgoing;
    /// An incoming domain.
    type Incoming;
    /// A piece of an outgoing page stream.
    type Piece: Default;
    /// An item of an incoming page stream.
    type Arrival<'a>;
    /// The copy of a domain that has left, which may come back.
    type Kept;
    /// The dirty log of a Memory of a domain that has arrived.
    type Log;

    /// Looks up a domain that is to move.
    ///
    /// # Errors
    /// The reason it cannot move, for the operator.
    fn look_up(&mut self, name: Name) -> Result<Self::Found, String>;

    /// The verdict on each thing that the domain holds.
    ///
    /// # Errors
    /// The reason there are no verdicts, for the operator.
    fn judge(&mut self, found: &mut Self::Found) -> Result<Vec<Verdict>, String>;

    /// The domain's summary for an offer.
    fn summary(&self, found: &Self::Found) -> DomainSummary;

    /// Begins to move the domain out. The domain itself is not touched yet.
    ///
    /// # Errors
    /// The reason it cannot move now, for the operator.
    fn begin_move(&mut self, name: Name, found: Self::Found) -> Result<Self::Outgoing, String>;

    /// The domain of an offer made by an earlier run of this server, and its state in the kernel; `None` if it is not
    /// here. `token` is the token of its last freeze, if that was stored.
    ///
    /// # Errors
    /// It is unknown whether the domain is here.
    fn recover_outgoing(
        &mut self,
        offer: &Offer,
        token: Option<u64>,
    ) -> Result<Option<(Self::Outgoing, DomainState)>, RootError>;

    /// The name of an outgoing domain.
    fn name(&self, outgoing: &Self::Outgoing) -> Name;

    /// Starts the dirty log; at first all pages are dirty. The log of a Memory in `visited` continues, if it still can: the
    /// destination has the pages that were present when the domain arrived here.
    ///
    /// # Errors
    /// The kernel refused.
    fn start_dirty_log(
        &mut self,
        outgoing: &mut Self::Outgoing,
        visited: Vec<Visited<Self::Log>>,
    ) -> Result<(), LocalFailure>;

    /// Begins a round; returns the number of pages that it covers.
    fn begin_round(&mut self, outgoing: &mut Self::Outgoing) -> u64;

    /// The number of pages of the present round, or of a freeze, that were not produced yet.
    fn pages_left(&self, outgoing: &Self::Outgoing) -> u64;

    /// Stops the running domain for at most this long. Returns the token that resumes it, or `None` if it was not stopped,
    /// for example because another caller has frozen it.
    fn pause(&mut self, outgoing: &mut Self::Outgoing, limit_us: u64) -> Option<u64>;

    /// Resumes a domain that was stopped with this token, unless the limit of the stop has passed.
    fn resume(&mut self, outgoing: &mut Self::Outgoing, token: u64);

    /// Begins to send the frozen domain; returns the number of pages that this covers.
    ///
    /// # Errors
    /// The kernel refused, or the domain runs again.
    fn begin_freeze(&mut self, outgoing: &mut Self::Outgoing) -> Result<u64, LocalFailure>;

    /// Appends the header of a segment, which is a round or a freeze.
    fn append_header(&mut self, header: StreamHeader, out: &mut Self::Piece);

    /// Appends the next piece; returns whether there are more.
    ///
    /// # Errors
    /// The kernel refused, or the frozen domain runs again.
    fn produce(
        &mut self,
        outgoing: &mut Self::Outgoing,
        out: &mut Self::Piece,
    ) -> Result<bool, LocalFailure>;

    /// Appends the end of a round; returns whether this round or an earlier one has described the domain.
    ///
    /// # Errors
    /// The kernel refused.
    fn end_round(
        &mut self,
        outgoing: &mut Self::Outgoing,
        number: u32,
        out: &mut Self::Piece,
    ) -> Result<bool, LocalFailure>;

    /// Reads the dirty log; returns the number of pages that are dirty now.
    ///
    /// # Errors
    /// The kernel refused.
    fn refresh_dirty(&mut self, outgoing: &mut Self::Outgoing) -> Result<u64, LocalFailure>;

    /// Appends the exported state, which ends a freeze.
    ///
    /// # Errors
    /// The kernel refused, or the domain runs again.
    fn end_freeze(
        &mut self,
        outgoing: &mut Self::Outgoing,
        out: &mut Self::Piece,
    ) -> Result<(), LocalFailure>;

    /// Freezes the domain for the hand-over, until a deadline; returns the freeze's token.
    ///
    /// # Errors
    /// The kernel refused.
    fn freeze(&mut self, outgoing: &mut Self::Outgoing) -> Result<u64, LocalFailure>;

    /// Reads the frozen domain's version, then its state, after its services have stopped.
    ///
    /// # Errors
    /// Root or the kernel refused, the domain holds something that cannot move, or the domain runs again.
    fn export(&mut self, outgoing: &mut Self::Outgoing) -> Result<Exported, LocalFailure>;

    /// **Retires the domain**, if it is still at this version.
    ///
    /// # Errors
    /// [`RetireError`].
    fn retire(
        &mut self,
        outgoing: &mut Self::Outgoing,
        version: StateVersion,
    ) -> Result<(), RetireError>;

    /// Ends the dirty log, and has root and the switch serve the domain again if they have stopped that.
    ///
    /// # Errors
    /// Root's refusal to serve the domain. Then only [`Root::revert`](super::Root::revert) remains to be done.
    fn end_capture(&mut self, outgoing: &mut Self::Outgoing) -> Result<(), RootError>;

    /// Lets the domain run again, if it is frozen.
    fn thaw(&mut self, outgoing: &mut Self::Outgoing);

    /// Undoes the retirement and runs the domain, which root still does not serve.
    ///
    /// # Errors
    /// Root's refusal.
    fn unretire(&mut self, outgoing: &mut Self::Outgoing) -> Result<(), RootError>;

    /// Has root forget the retired domain. If the destination is a guest, root remembers its name. Returns the copy, which
    /// the caller keeps or has destroyed; `None` if the copy's pages are not known, in which case this has destroyed the copy
    /// already.
    ///
    /// # Errors
    /// Root's refusal.
    fn release(
        &mut self,
        outgoing: &mut Self::Outgoing,
        guest: Option<Name>,
    ) -> Result<Option<Self::Kept>, RootError>;

    /// Gives up the copy of a domain that has left: root destroys it, unless it has already done so.
    fn destroy_kept(&mut self, copy: Self::Kept);

    /// Whether this copy still exists. Root destroys a copy when it needs the memory.
    fn exists(&self, copy: &Self::Kept) -> bool;

    /// Reserves the resources of an incoming domain. If it comes from a guest, root checks that it may.
    ///
    /// # Errors
    /// [`AdmitError`].
    fn admit(
        &mut self,
        offer: &Offer,
        provenance: Provenance,
    ) -> Result<Self::Incoming, AdmitError>;

    /// Moves the pages of a kept copy into an incoming domain. The copy was kept when the domain left this machine. The
    /// caller then has the rest of the copy destroyed, even if this fails.
    ///
    /// # Errors
    /// The kernel refused, or root has destroyed the copy. Then the incoming domain has none of the copy's pages.
    fn give_kept(
        &mut self,
        incoming: &mut Self::Incoming,
        copy: &Self::Kept,
    ) -> Result<(), LocalFailure>;

    /// Handles an item of a page stream.
    ///
    /// # Errors
    /// The reason it is rejected; the domain is to be discarded.
    fn handle_arrival(
        &mut self,
        incoming: &mut Self::Incoming,
        arrival: Self::Arrival<'_>,
    ) -> Result<(), LocalFailure>;

    /// Ends a round: builds the domain on trial, once, as soon as there is a description. From then on, also logs which pages are
    /// written after this round.
    ///
    /// # Errors
    /// The reason it cannot be built here.
    fn trial_build(&mut self, incoming: &mut Self::Incoming) -> Result<(), LocalFailure>;

    /// Builds the domain, frozen, and hands it to root; returns the digest of the rebuilt state.
    ///
    /// # Errors
    /// The reason a step failed.
    fn build(
        &mut self,
        incoming: &mut Self::Incoming,
        attempt: Attempt,
    ) -> Result<Digest, LocalFailure>;

    /// Adds this many microseconds of downtime to the clock of a domain that is about to run. Repeating this has no effect.
    fn add_downtime(&mut self, incoming: &mut Self::Incoming, downtime_us: u64);

    /// The dirty logs of an incoming domain's Memories, which begin at the end of its last round; `None` if there are none. A second
    /// call returns none.
    fn take_logs(&mut self, incoming: &mut Self::Incoming) -> Option<Vec<Visited<Self::Log>>>;

    /// Hands over to root the memory of a domain that runs. Repeating this has no effect.
    fn hand_over(&mut self, incoming: &mut Self::Incoming);

    /// Ends the measurement of an outgoing domain's pause, since the domain runs elsewhere. Returns the steps, for the log;
    /// `None` if the host measures none.
    fn end_outgoing_pause(&mut self, _: &mut Self::Outgoing) -> Option<String> {
        None
    }

    /// Ends the measurement of an incoming domain's pause, since the domain runs. Returns the steps, for the log; `None` if
    /// the host measures none.
    fn end_incoming_pause(&mut self, _: &mut Self::Incoming) -> Option<String> {
        None
    }

    /// Forgets a domain that has arrived.
    fn finish(&mut self, incoming: Self::Incoming);

    /// Destroys a partly built domain. Root reclaims its pool.
    fn discard_incoming(&mut self, incoming: Self::Incoming);
}
