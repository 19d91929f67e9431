//! Performs the ledger's actions: on this machine through the host, on other machines through outputs.

use alloc::format;
use alloc::string::{String, ToString};

use nomad_protocol::planner::RoundProgress;
use nomad_protocol::{
    Action, DestinationAction, DestinationEvent, Event, Instant, Notice, PhaseName, SourceAction,
    TransactionId,
};

use crate::host::Host;
use crate::moves::source::job_kind;
use crate::output::{Frames, Job, JobKind, Output};
use crate::shell::Shell;

impl<H: Host> Shell<H> {
    /// Performs an action; returns the event for the ledger, if it is known at once.
    pub fn perform(
        &mut self,
        now: Instant,
        transaction: TransactionId,
        action: Action,
    ) -> Option<Event> {
        match action {
            Action::Send { to, envelope } => self.send(to, &envelope),
            Action::Record(record) => self.host.write_record(&record),
            Action::Forget => self.host.erase(transaction),
            Action::Notify(notice) => self.notify(now, transaction, notice),
            Action::Outlived {
                domain,
                incarnation,
                by,
            } => self.handle_outlived(now, transaction, (domain, incarnation), by),
            Action::CloseStream => self.close_stream(transaction),
            Action::Source(action) => return self.perform_source(now, transaction, action),
            Action::Destination(DestinationAction::DiscardCopy) => {
                return self.discard(now, transaction);
            }
            Action::Destination(DestinationAction::Reserve(offer)) => {
                return self.reserve(now, transaction, &offer);
            }
            Action::Destination(action) => return self.perform_destination(transaction, action),
        }
        None
    }

    fn perform_destination(
        &mut self,
        transaction: TransactionId,
        action: DestinationAction,
    ) -> Option<Event> {
        let event = self
            .moves
            .step_destination(&mut self.host, transaction, action);
        if event == Some(Event::Destination(DestinationEvent::Activated))
            && let Some((name, _)) = self.moves.domain_of(transaction)
        {
            self.emit(Output::Frames(transaction, Frames::Accept(name)));
            let incoming = self.moves.incoming(transaction);
            let steps = incoming.and_then(|domain| self.host.end_incoming_pause(domain));
            self.log_pause(transaction, "destination", steps);
            self.record_visit(transaction);
            self.emit(Output::HandOver(transaction));
        }
        event
    }

    /// Logs the steps of one side's part in a pause, if they were measured.
    fn log_pause(&mut self, transaction: TransactionId, side: &str, steps: Option<String>) {
        if let Some(steps) = steps {
            self.log(format!("{}: pause, {side}: {steps}", transaction.short()));
        }
    }

    fn perform_source(
        &mut self,
        now: Instant,
        transaction: TransactionId,
        action: SourceAction,
    ) -> Option<Event> {
        match action {
            SourceAction::CopyRound { throttle, .. } => {
                self.moves
                    .throttle(&mut self.host, now, transaction, throttle);
            }
            // These need a domain that runs, or end the capture.
            SourceAction::FreezeDomain | SourceAction::EndCapture => {
                self.moves.release_brake(&mut self.host, transaction);
            }
            _ => {}
        }
        if let Some(kind) = job_kind(action) {
            self.emit(Output::Job(Job { transaction, kind }));
            return None;
        }
        match action {
            SourceAction::StartDirtyLog { kept } => return self.start_dirty_log(transaction, kept),
            // The switch is about to stop serving the domain.
            SourceAction::ExportState { .. } => {
                self.moves.take_over_unserved(&self.host, transaction);
                self.emit(Output::Frames(transaction, Frames::Hold));
            }
            SourceAction::Destroy => {
                self.moves.record_departure(transaction);
                let outgoing = self.moves.outgoing(transaction);
                let steps = outgoing.and_then(|domain| self.host.end_outgoing_pause(domain));
                self.log_pause(transaction, "source", steps);
                self.emit(Output::GiveBack(transaction));
                return None;
            }
            SourceAction::EndCapture => {
                self.end_capture(now, transaction);
                return None;
            }
            SourceAction::Unretire => return self.unretire(now, transaction),
            _ => {}
        }
        self.moves.step_source(&mut self.host, transaction, action)
    }

    fn close_stream(&mut self, transaction: TransactionId) {
        let kind = JobKind::Close;
        let output = match self.moves.outgoing(transaction) {
            Some(_) => Output::Job(Job { transaction, kind }),
            None => Output::StreamOver,
        };
        self.emit(output);
    }

    fn notify(&mut self, now: Instant, transaction: TransactionId, notice: Notice) {
        self.report(transaction, &notice);
        match notice {
            Notice::InDoubt(_) => self.update_roll_calls(now),
            // Only from this phase on is the destination known to run the domain. If an operator drops the copy here, that is
            // not known.
            Notice::Phase(PhaseName::Release) => {
                self.emit(Output::Frames(transaction, Frames::Forward));
            }
            Notice::Aborted(_) => self.return_frames(transaction),
            Notice::Finished | Notice::Lost(_) => {
                self.emit(Output::Frames(transaction, Frames::End));
            }
            _ => {}
        }
        if let Notice::Finished | Notice::Aborted(_) | Notice::Lost(_) = notice {
            self.update_roll_calls(now);
            self.moves.forget(&mut self.host, transaction);
            self.requests.remove(&transaction);
        }
        self.notify_drain(now, transaction, &notice);
    }

    /// Reports to operators how far a round has come. It is not logged, because the log is slow.
    pub(crate) fn report_round(
        &mut self,
        now: Instant,
        transaction: TransactionId,
        progress: RoundProgress,
    ) {
        let notice = Notice::Round(progress);
        if let Some(request) = self.requests.get(&transaction).copied() {
            self.emit(Output::Event(request, nomad_client::Event::Move(notice)));
        }
        self.notify_drain(now, transaction, &notice);
    }

    /// Reports a transaction's progress to the log and to the operator who requested it.
    fn report(&mut self, transaction: TransactionId, notice: &Notice) {
        let event = nomad_client::Event::Move(*notice);
        let line = event.to_string();
        // Phases go to the operator only, because the log is slow.
        if !matches!(notice, Notice::Phase(_)) {
            self.log(format!("{}: {line}", transaction.short()));
        }
        if let Some(hook) = &mut self.hook
            && hook.reached(&line)
        {
            log::info!("held at `{line}`");
        }
        if let Some(request) = self.requests.get(&transaction).copied() {
            self.emit(Output::Event(request, event));
        }
    }
}
