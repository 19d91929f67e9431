//! The shell's host: this machine's kernel and root, by capability ([`Local`]).
//!
//! A call that fails is logged here, where more is known of it than the protocol can express.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use abi::{ObjectKind, PAGE_BYTES};
use identity::{Digest, DomainId, Incarnation, Name};
use nomad_channel::Random;
use nomad_image::{Event, Verdict};
use nomad_protocol::{
    Attempt, Change, DomainState, Interference, LocalFailure, Offer, Record, Side, Sizes,
    StateVersion, StreamHeader, Timing, TransactionId,
};
use nomad_shell::{
    AdmitError, ByteStore, DomainSummary, Exported, Host, Kernel, Records, RetireError, RootError,
    StableStorage,
};
use runtime::capability::Domain;
use runtime::protocol::journal::Line;
use runtime::protocol::root::{DomainRecord, Installation, MemoryRecord, Refusal};
use runtime::shared::SharedMemory;
use runtime::{Cap, Error, Start};

use crate::budget::{Budget, Extent};
use crate::capture::{CaptureError, Found, Outgoing};
use crate::failures;
use crate::machine::Machine;
use crate::restore::{Incoming, RestoreError};

/// How long after the protocol's limit the kernel ends a freeze.
const FREEZE_MARGIN_US: u64 = 3_000_000;

/// The kernel does not report which change moved the version.
const UNKNOWN_CHANGE: Interference = Interference {
    change: Change::Other,
    slot: u32::MAX,
};

/// The host of this machine's shell.
pub struct Local {
    pub machine: Machine,
    /// How long the kernel keeps a domain frozen for this server.
    pub freeze_limit_ns: u64,
    pub records: Records<SharedStore>,
    pub random: Random,
    pub budget: Budget,
}

/// The Memory for records, which survives a restart of this server.
pub struct SharedStore(pub SharedMemory<'static>);

/// How long the kernel keeps a domain frozen before it thaws it by itself: the protocol's limit and a margin, so that a live
/// server ends the move first.
///
/// # Panics
/// If the manifest names a margin that is not a number.
pub fn freeze_limit_ns(start: Start, timing: &Timing) -> u64 {
    // For tests: a server that stalls between the freeze and the commit point for as long as a test takes.
    let margin_us = start.argument_or("freeze-margin-us", FREEZE_MARGIN_US);
    (timing.freeze_limit_us + margin_us) * 1_000
}

impl ByteStore for SharedStore {
    fn bytes(&self) -> usize {
        self.0.bytes()
    }

    fn read(&self, offset: usize, bytes: &mut [u8]) {
        self.0.read(offset, bytes);
    }

    fn write(&mut self, offset: usize, bytes: &[u8]) {
        self.0.write(offset, bytes);
    }
}

impl Kernel for Local {
    type Found = Found;
    type Outgoing = Outgoing;
    type Incoming = Incoming;
    type Piece = Vec<u8>;
    type Arrival<'a> = Event<'a>;

    fn look_up(&mut self, name: Name) -> Result<Found, String> {
        Found::find(self.machine.root, name).map_err(|error| lookup_error(name.as_str(), error))
    }

    fn judge(&mut self, found: &mut Found) -> Result<Vec<Verdict>, String> {
        let judged = found.judge(self.machine.root);
        judged.map_err(|error| lookup_error(found.record.name.as_str(), error))
    }

    fn summary(&self, found: &Found) -> DomainSummary {
        let record = &found.record;
        let threads = found.read.of_kind(ObjectKind::Thread).count();
        DomainSummary {
            domain: record.id,
            incarnation: record.incarnation,
            sizes: Sizes {
                pool_bytes: record.pool_pages.saturating_mul(PAGE_BYTES),
                pages: found.read.pages(),
                threads: threads as u32,
                slots: found.read.slot_count,
            },
        }
    }

    fn begin_move(&mut self, name: Name, found: Found) -> Result<Outgoing, String> {
        let extent = Extent::of(&self.summary(&found).sizes);
        let reservation = self.budget.reserve(Side::Source, extent.heap_bytes());
        let reservation = reservation.map_err(|no_room| no_room.to_string())?;
        Ok(Outgoing::new(self.machine, name, found, reservation))
    }

    fn recover_outgoing(
        &mut self,
        offer: &Offer,
        token: Option<u64>,
    ) -> Result<Option<(Outgoing, DomainState)>, RootError> {
        let name = offer.name;
        let (record, domain) = match self.machine.root.find(name) {
            Err(RootError::Refused(Refusal::NoSuchDomain)) => return Ok(None),
            found => found?,
        };
        let is_it = record.id == offer.domain;
        Ok(domain.filter(|_| is_it).map(|domain| {
            let state = state_of(domain.cap());
            let machine = self.machine;
            let outgoing = Outgoing::recovered(machine, name, &record, domain, token);
            (outgoing, state)
        }))
    }

    fn name(&self, outgoing: &Outgoing) -> Name {
        outgoing.name()
    }

    fn start_dirty_log(&mut self, outgoing: &mut Outgoing) -> Result<(), LocalFailure> {
        outgoing.start_log().map_err(of_capture)
    }

    fn begin_round(&mut self, outgoing: &mut Outgoing) -> u64 {
        outgoing.begin_round()
    }

    fn begin_freeze(&mut self, outgoing: &mut Outgoing) -> Result<u64, LocalFailure> {
        outgoing.begin_freeze().map_err(of_capture)
    }

    fn append_header(&mut self, header: StreamHeader, out: &mut Vec<u8>) {
        out.extend(header.encode());
    }

    fn produce(
        &mut self,
        outgoing: &mut Outgoing,
        out: &mut Vec<u8>,
    ) -> Result<bool, LocalFailure> {
        outgoing.produce(out).map_err(of_capture)
    }

    fn end_round(
        &mut self,
        outgoing: &mut Outgoing,
        number: u32,
        out: &mut Vec<u8>,
    ) -> Result<(), LocalFailure> {
        outgoing.end_round(number, out).map_err(of_capture)
    }

    fn refresh_dirty(&mut self, outgoing: &mut Outgoing) -> Result<u64, LocalFailure> {
        outgoing.refresh_dirty().map_err(of_capture)
    }

    fn end_freeze(
        &mut self,
        outgoing: &mut Outgoing,
        out: &mut Vec<u8>,
    ) -> Result<(), LocalFailure> {
        outgoing.end_freeze(out).map_err(of_capture)
    }

    fn freeze(&mut self, outgoing: &mut Outgoing) -> Result<u64, LocalFailure> {
        outgoing.freeze(self.freeze_limit_ns).map_err(of_capture)
    }

    fn export(&mut self, outgoing: &mut Outgoing) -> Result<Exported, LocalFailure> {
        let exported = outgoing.export().map_err(of_capture)?;
        Ok(Exported {
            version: StateVersion(exported.version),
            digest: Digest(exported.digest.0),
        })
    }

    fn retire(
        &mut self,
        outgoing: &mut Outgoing,
        version: StateVersion,
    ) -> Result<(), RetireError> {
        outgoing.retire(version.0).map_err(|error| match error {
            CaptureError::Kernel(Error::VersionMoved) => RetireError::VersionMoved(UNKNOWN_CHANGE),
            error => RetireError::Failed(failures::of_capture(&error)),
        })
    }

    fn end_capture(&mut self, outgoing: &mut Outgoing) {
        outgoing.end_capture();
    }

    fn thaw(&mut self, outgoing: &mut Outgoing) {
        // The protocol takes it for done: the kernel thaws the domain at its deadline.
        let _ = log_error(outgoing, "thawing", Outgoing::thaw);
    }

    fn unretire(&mut self, outgoing: &mut Outgoing) -> Result<(), RootError> {
        let done = log_error(outgoing, "running it again", Outgoing::unretire);
        done.map_err(of_root)
    }

    fn destroy(&mut self, outgoing: &mut Outgoing) -> Result<(), RootError> {
        log_error(outgoing, "releasing", Outgoing::destroy).map_err(of_root)
    }

    fn admit(&mut self, offer: &Offer) -> Result<Incoming, AdmitError> {
        let extent = Extent::of(&offer.sizes);
        let reservation = self
            .budget
            .reserve(Side::Destination, extent.heap_bytes())
            .map_err(|no_room| {
                log::warn!("{} is not admitted: {no_room}", offer.name);
                AdmitError::NoRoom {
                    needed_bytes: no_room.needed as u64,
                    left_bytes: no_room.left as u64,
                }
            })?;
        let pages = offer.sizes.pool_bytes.div_ceil(PAGE_BYTES);
        let (name, id, incarnation) = (offer.name, offer.domain, offer.incarnation.next());
        let admitted = Incoming::admit(
            self.machine,
            name,
            id,
            incarnation,
            pages,
            (extent, reservation),
        );
        admitted.map_err(AdmitError::Root)
    }

    fn handle_arrival(
        &mut self,
        incoming: &mut Incoming,
        arrival: Event<'_>,
    ) -> Result<(), LocalFailure> {
        incoming.handle_event(arrival).map_err(of_restore)
    }

    fn trial_build(&mut self, incoming: &mut Incoming) -> Result<(), LocalFailure> {
        incoming.trial_build().map_err(of_restore)
    }

    fn build(&mut self, incoming: &mut Incoming, _: Attempt) -> Result<Digest, LocalFailure> {
        let built = incoming.build().map_err(of_restore)?;
        Ok(Digest(built.0))
    }

    fn hand_over(&mut self, incoming: &mut Incoming, downtime_us: u64) {
        if let Err(error) = incoming.hand_over(downtime_us) {
            // Its clock goes on from when it was prepared.
            log::warn!("restore: {error}");
        }
    }

    fn finish(&mut self, incoming: Incoming) {
        incoming.finish();
    }

    fn discard_incoming(&mut self, incoming: Incoming) {
        incoming.discard();
    }
}

impl nomad_shell::Root for Local {
    fn all(&mut self) -> Result<Vec<DomainRecord>, RootError> {
        self.machine.root.all()
    }

    fn find(&mut self, name: Name) -> Result<DomainRecord, RootError> {
        self.machine.root.find(name).map(|(record, _)| record)
    }

    fn adopt(
        &mut self,
        name: Name,
        id: DomainId,
        incarnation: Incarnation,
    ) -> Result<(), RootError> {
        self.machine.root.adopt(name, id, incarnation)
    }

    fn outlive(
        &mut self,
        name: Name,
        id: DomainId,
        incarnation: Incarnation,
    ) -> Result<(), RootError> {
        self.machine.root.outlive(name, id, incarnation)
    }

    fn discard(&mut self, name: Name, id: DomainId) -> Result<(), RootError> {
        self.machine.root.discard(name, id)
    }

    fn drop_outlived(&mut self, name: Name, id: DomainId) -> Result<(), RootError> {
        self.machine.root.drop_outlived(name, id)
    }

    fn start(&mut self, name: Name) -> Result<(), RootError> {
        self.machine.root.start(name)
    }

    fn memory(&mut self) -> Result<MemoryRecord, RootError> {
        self.machine.root.memory()
    }

    fn stop(&mut self, name: Name, restart: bool) -> Result<(), RootError> {
        self.machine.root.stop(name, restart)
    }

    fn remove(&mut self, name: Name) -> Result<(), RootError> {
        self.machine.root.remove(name)
    }

    fn log_line(&mut self, from: u64) -> Result<Option<Line>, RootError> {
        self.machine.root.log_line(from)
    }

    fn begin_package(&mut self, bytes: u32) -> Result<(), RootError> {
        self.machine.root.begin_package(bytes)
    }

    fn forget_package(&mut self) {
        if let Err(error) = self.machine.root.begin_package(0) {
            log::warn!("a package is not dropped: {error}");
        }
    }

    fn append_package(&mut self, offset: u32, piece: &[u8]) -> Result<(), RootError> {
        self.machine.root.append_package(offset, piece)
    }

    fn install_package(&mut self) -> Result<Installation, RootError> {
        self.machine.root.install_package()
    }
}

impl StableStorage for Local {
    fn write_record(&mut self, record: &Record) {
        self.records.write_record(record);
    }

    fn erase(&mut self, transaction: TransactionId) {
        self.records.erase(transaction);
    }

    fn write_token(&mut self, transaction: TransactionId, token: u64) {
        self.records.write_token(transaction, token);
    }

    fn token_of(&self, transaction: TransactionId) -> Option<u64> {
        self.records.token_of(transaction)
    }
}

impl Host for Local {
    fn draw(&mut self) -> u128 {
        self.random.number()
    }

    fn heap_least(&self) -> u64 {
        runtime::heap::least_uncommitted_bytes() as u64
    }

    fn heap_free(&self) -> u64 {
        runtime::heap::free_bytes() as u64
    }
}

/// The state of a domain, from the error for a freeze whose deadline has passed.
fn state_of(domain: Cap<Domain>) -> DomainState {
    match domain.freeze(0) {
        Err(Error::TimedOut) => DomainState::Running,
        Err(Error::InUse) => DomainState::Frozen,
        Err(Error::WrongState) => DomainState::Retired,
        _ => DomainState::Gone,
    }
}

/// Performs a step, and logs its error.
fn log_error(
    outgoing: &mut Outgoing,
    step: &str,
    act: impl FnOnce(&mut Outgoing) -> Result<(), CaptureError>,
) -> Result<(), CaptureError> {
    act(outgoing).inspect_err(|error| log::error!("{}: {step}: {error:?}", outgoing.name()))
}

/// The error of root, for a step that calls only root.
fn of_root(error: CaptureError) -> RootError {
    match error {
        CaptureError::Root(error) => error,
        CaptureError::Kernel(error) => RootError::Call(error),
        _ => RootError::Malformed,
    }
}

/// Converts the error of a source's step, and logs what the protocol cannot express.
fn of_capture(error: CaptureError) -> LocalFailure {
    log::warn!("capture: {error:?}");
    failures::of_capture(&error)
}

/// The same for a destination's step.
fn of_restore(error: RestoreError) -> LocalFailure {
    log::warn!("restore: {error}");
    failures::of_restore(&error)
}

/// The text of the error for a domain that cannot be looked up.
fn lookup_error(name: &str, error: CaptureError) -> String {
    match error {
        CaptureError::Root(error) => format!("{name}: {error}"),
        CaptureError::Kernel(error) => format!("{name}: {error}"),
        CaptureError::Pinned => format!("{name} may not move"),
        CaptureError::TooMany { what, most } => {
            format!("{name} has too many {what}: a domain that moves has {most} at most")
        }
        other => format!("{name}: {other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use abi::Request;
    use abi::register::Slot;
    use nomad_protocol::BootId;
    use runtime::host::{CallResult, shared_memory, with_kernel};

    use super::*;
    use crate::restore::incoming::tests::{DOWNTIME_US, built, offsets};
    use crate::samples::kernel;

    fn local() -> Local {
        let memory = SharedStore(shared_memory(16 << 10));
        Local {
            machine: Machine::for_tests(),
            freeze_limit_ns: 0,
            records: Records::open(memory, BootId(1)).0,
            random: Random::new([1, 2, 3, 4]),
            budget: Budget::default(),
        }
    }

    #[test]
    fn a_domain_that_is_handed_over_learns_its_downtime() {
        let ((), calls) = with_kernel(kernel, || local().hand_over(&mut built(), DOWNTIME_US));
        let downtime_ns = 1_000 * DOWNTIME_US.cast_signed();
        assert_eq!(offsets(&calls).last(), Some(&downtime_ns));
    }

    #[test]
    fn a_refused_freeze_tells_the_state_of_a_domain() {
        let state = |answer: fn(&Request) -> CallResult| {
            let (state, _) = with_kernel(answer, || state_of(Cap::from_slot(Slot(8))));
            state
        };
        assert_eq!(state(|_| Err(Error::TimedOut)), DomainState::Running);
        assert_eq!(state(|_| Err(Error::InUse)), DomainState::Frozen);
        assert_eq!(state(|_| Err(Error::WrongState)), DomainState::Retired);
        assert_eq!(state(|_| Err(Error::NotThere)), DomainState::Gone);
    }
}
