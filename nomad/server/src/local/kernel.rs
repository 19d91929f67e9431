//! The kernel calls of the shell's host.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use abi::{ObjectKind, PAGE_BYTES};
use identity::{Digest, Name};
use nomad_image::{Event, Verdict};
use nomad_protocol::{
    Attempt, DomainState, LocalFailure, Offer, Side, Sizes, StateVersion, StreamHeader,
};
use nomad_shell::returns::Visited;
use nomad_shell::{
    AdmitError, DomainSummary, Exported, Kernel, Provenance, RetireError, RootError,
};
use runtime::capability::Domain;
use runtime::protocol::root::{DomainState as Recorded, Refusal};
use runtime::{Cap, Error};

use super::Local;
use crate::budget::Extent;
use crate::capture::captured::Log;
use crate::capture::{CaptureError, Found, Outgoing};
use crate::failures;
use crate::kept::Kept;
use crate::restore::{Incoming, RestoreError};

impl Kernel for Local {
    type Found = Found;
    type Outgoing = Outgoing;
    type Incoming = Incoming;
    type Piece = Vec<u8>;
    type Arrival<'a> = Event<'a>;
    type Kept = Kept;
    type Log = Log;

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
            home: record.home,
            has_package: record.has_package,
            guest: record.guest,
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
        let is_same = record.id == offer.domain;
        Ok(domain.filter(|_| is_same).map(|domain| {
            let state = state_of(domain.cap());
            let machine = self.machine;
            let outgoing = Outgoing::recovered(machine, name, &record, domain, token);
            (outgoing, state)
        }))
    }

    fn name(&self, outgoing: &Outgoing) -> Name {
        outgoing.name()
    }

    fn start_dirty_log(
        &mut self,
        outgoing: &mut Outgoing,
        visited: Vec<Visited<Log>>,
    ) -> Result<(), LocalFailure> {
        outgoing.start_log(visited).map_err(of_capture)
    }

    fn begin_round(&mut self, outgoing: &mut Outgoing) -> u64 {
        outgoing.begin_round()
    }

    fn pages_left(&self, outgoing: &Outgoing) -> u64 {
        outgoing.pages_left()
    }

    fn pause(&mut self, outgoing: &mut Outgoing, limit_us: u64) -> Option<u64> {
        outgoing.pause(limit_us.saturating_mul(1_000)).ok()
    }

    fn resume(&mut self, outgoing: &mut Outgoing, token: u64) {
        outgoing.resume(token);
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
    ) -> Result<bool, LocalFailure> {
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
            CaptureError::Kernel(Error::VersionMoved) => RetireError::VersionMoved,
            error => RetireError::Failed(failures::of_capture(&error)),
        })
    }

    fn end_capture(&mut self, outgoing: &mut Outgoing) -> Result<(), RootError> {
        outgoing.end_capture()
    }

    fn thaw(&mut self, outgoing: &mut Outgoing) {
        // An error is only logged. The protocol treats the step as done, and the kernel thaws the domain at its
        // deadline.
        let _ = log_error(outgoing, "thawing", Outgoing::thaw);
    }

    fn unretire(&mut self, outgoing: &mut Outgoing) -> Result<(), RootError> {
        let done = log_error(outgoing, "running it again", Outgoing::unretire);
        done.map_err(of_root)
    }

    fn release(
        &mut self,
        outgoing: &mut Outgoing,
        guest: Option<Name>,
    ) -> Result<Option<Kept>, RootError> {
        let release = |outgoing: &mut Outgoing| outgoing.release(guest);
        log_error(outgoing, "releasing", release).map_err(of_root)
    }

    fn destroy_kept(&mut self, copy: Kept) {
        copy.give_up(self.machine.root);
    }

    fn exists(&self, copy: &Kept) -> bool {
        copy.exists()
    }

    fn admit(&mut self, offer: &Offer, from: Provenance) -> Result<Incoming, AdmitError> {
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
            from,
            (extent, reservation),
        );
        admitted.map_err(AdmitError::Root)
    }

    fn give_kept(&mut self, incoming: &mut Incoming, copy: &Kept) -> Result<(), LocalFailure> {
        incoming.give_kept(copy).map_err(of_restore)
    }

    fn handle_arrival(
        &mut self,
        incoming: &mut Incoming,
        arrival: Event<'_>,
    ) -> Result<(), LocalFailure> {
        incoming.handle_event(arrival).map_err(of_restore)
    }

    fn trial_build(&mut self, incoming: &mut Incoming) -> Result<(), LocalFailure> {
        incoming.end_round().map_err(of_restore)
    }

    fn build(&mut self, incoming: &mut Incoming, _: Attempt) -> Result<Digest, LocalFailure> {
        let built = incoming.build().map_err(of_restore)?;
        Ok(Digest(built.0))
    }

    fn add_downtime(&mut self, incoming: &mut Incoming, downtime_us: u64) {
        if let Err(error) = incoming.add_downtime(downtime_us) {
            // The domain's clock continues from the moment when the domain was prepared.
            log::warn!("restore: {error}");
        }
    }

    fn take_logs(&mut self, incoming: &mut Incoming) -> Option<Vec<Visited<Log>>> {
        incoming.take_logs()
    }

    fn hand_over(&mut self, incoming: &mut Incoming) {
        incoming.hand_over();
    }

    fn end_outgoing_pause(&mut self, outgoing: &mut Outgoing) -> Option<String> {
        outgoing.end_pause()
    }

    fn end_incoming_pause(&mut self, incoming: &mut Incoming) -> Option<String> {
        incoming.end_pause()
    }

    fn finish(&mut self, incoming: Incoming) {
        incoming.finish();
    }

    fn discard_incoming(&mut self, incoming: Incoming) {
        incoming.discard();
    }
}

/// The state of a domain. It follows from the kernel's error for a freeze whose deadline has passed already.
fn state_of(domain: Cap<Domain>) -> DomainState {
    match domain.freeze(0) {
        Err(Error::TimedOut) => DomainState::Running,
        Err(Error::InUse) => DomainState::Frozen,
        Err(Error::WrongState) => DomainState::Retired,
        _ => DomainState::Gone,
    }
}

/// Performs a step, and logs its error.
fn log_error<T>(
    outgoing: &mut Outgoing,
    step: &str,
    act: impl FnOnce(&mut Outgoing) -> Result<T, CaptureError>,
) -> Result<T, CaptureError> {
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

/// Converts the error of a destination's step, and logs what the protocol cannot express.
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
        CaptureError::Faulted => format!(
            "{name} has faulted, and stays here with its memory: `restart` starts it afresh"
        ),
        CaptureError::NotRunning(state) => match state {
            Recorded::Away => format!("{name} is not here: it is away, `list` shows where"),
            Recorded::Waiting => format!(
                "{name} is not here: it is waiting, and starts as soon as no machine has it"
            ),
            Recorded::Stopped => {
                format!("{name} is stopped, and only a running domain moves: `start` starts it")
            }
            state => {
                format!("{name} is {state}, and only a running domain moves: `list` shows its move")
            }
        },
        CaptureError::TooMany { what, most } => {
            format!("{name} has too many {what}: a domain that moves may have at most {most}")
        }
        other => format!("{name}: {other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use abi::Request;
    use abi::register::Slot;
    use runtime::host::{CallResult, with_kernel};

    use super::*;

    #[test]
    fn a_domain_that_does_not_run_here_is_not_called_immovable() {
        let text = |error| lookup_error("kv", error);
        assert_eq!(text(CaptureError::Pinned), "kv may not move");
        for (state, expected) in [
            (
                Recorded::Away,
                "kv is not here: it is away, `list` shows where",
            ),
            (Recorded::Waiting, "kv is not here: it is waiting, "),
            (Recorded::Stopped, "kv is stopped, "),
            (Recorded::Incoming, "kv is incoming, "),
        ] {
            let text = text(CaptureError::NotRunning(state));
            assert!(text.starts_with(expected), "{text}");
        }
        assert!(text(CaptureError::Faulted).starts_with("kv has faulted, "));
    }

    #[test]
    fn a_refused_freeze_shows_the_state_of_a_domain() {
        let state = |kernel: fn(&Request) -> CallResult| {
            let (state, _) = with_kernel(kernel, || state_of(Cap::from_slot(Slot(8))));
            state
        };
        assert_eq!(state(|_| Err(Error::TimedOut)), DomainState::Running);
        assert_eq!(state(|_| Err(Error::InUse)), DomainState::Frozen);
        assert_eq!(state(|_| Err(Error::WrongState)), DomainState::Retired);
        assert_eq!(state(|_| Err(Error::NotThere)), DomainState::Gone);
    }
}
