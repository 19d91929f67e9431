//! Commands, executed and answered with lines.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::Ipv4Addr;

use nomad_client::RequestId;
use nomad_image::{Name, Verdict};
use nomad_protocol::{
    Cancelled, DomainId, Doubt, Entry, Force, Instant, Notice, Offer, OfferError, TransactionId,
};
use service_protocol::root::{DomainRecord, DomainState};

use crate::commands::{Command, CommandError};
use crate::hook::Hook;
use crate::host::{DomainSummary, Host};
use crate::output::Output;
use crate::shell::Shell;

/// The lines that answer a command, or the reason it was not executed.
type Reply = Result<Vec<String>, String>;

impl<H: Host> Shell<H> {
    /// Executes a command and answers it.
    pub fn handle_command(&mut self, now: Instant, from: RequestId, text: &[u8]) {
        let answer = match Command::parse(text) {
            Ok(Command::Migrate(name, machine)) => self.migrate(now, name, machine, from),
            Ok(Command::Explain(name)) => self.explain(name).map(ended),
            Ok(Command::Cancel(name)) => self.cancel(now, name).map(ended),
            Ok(Command::List) => self.list(now).map(ended),
            Ok(Command::Machines) => Ok(ended(self.machine_lines())),
            Ok(Command::Force(name, force)) => self.force(now, name, force).map(ended),
            Ok(Command::Start(name)) => self.start_lost(now, name).map(ended),
            Ok(Command::Memory) => self.memory().map(ended),
            Ok(Command::Hold(line)) => self.with_hook(|hook| hook.hold(line)).map(ended),
            Ok(Command::Go) => self.with_hook(Hook::go).map(ended),
            Ok(Command::Stop) => self.stop(),
            Err(no) => Err(no.text().into()),
        };
        match answer {
            Ok(lines) => {
                let lines = lines.into_iter().map(|line| Output::Line(from, line));
                lines.for_each(|line| self.emit(line));
            }
            Err(why) => self.emit(Output::Line(from, format!("failed: {why}"))),
        }
    }

    fn migrate(&mut self, now: Instant, name: Name, machine: &str, from: RequestId) -> Reply {
        let address = self.machines.find(machine);
        let address = address.ok_or_else(|| format!("unknown machine {machine}"))?;
        let mut found = self.host.look_up(name)?;
        let verdicts = self.host.judge(&mut found)?;
        let refused = |verdict: &&Verdict| verdict.refusal().is_some();
        match verdicts.iter().find(refused) {
            Some(verdict) => Err(format!("{name} cannot move: {verdict}")),
            None => self.offer(now, name, (address, found), from),
        }
    }

    fn offer(
        &mut self,
        now: Instant,
        name: Name,
        (address, found): (Ipv4Addr, H::Found),
        from: RequestId,
    ) -> Reply {
        let transaction = TransactionId(self.host.draw());
        let refused = |error: OfferError| format!("{name} cannot be offered: {error}");
        let destination = self.machines.id_at(address);
        let destination = destination.ok_or(OfferError::NotInFleet).map_err(refused)?;
        let offer = self.offer_of(name, self.host.summary(&found))?;
        let outgoing = self.host.begin_move(name, found)?;
        let route = (transaction, destination);
        self.moves
            .offer(now, route, outgoing, (offer, self.goals))
            .map_err(refused)?;
        self.requests.insert(transaction, from);
        Ok([format!(
            "moving {name} to {address}, transaction {transaction}"
        )]
        .into())
    }

    fn offer_of(&self, name: Name, summary: DomainSummary) -> Result<Offer, String> {
        let local = self.moves.ledger.local();
        Ok(Offer {
            domain: summary.domain,
            incarnation: summary.incarnation,
            name: nomad_protocol::Name::try_new(name.as_str())
                .map_err(|error| error.to_string())?,
            sizes: summary.sizes,
            versions: self.versions,
            cpu: local.support.cpu,
            fleet: local.fleet.id(),
        })
    }

    fn explain(&mut self, name: Name) -> Reply {
        let mut found = self.host.look_up(name)?;
        let verdicts = self.host.judge(&mut found)?;
        Ok(verdicts.iter().map(Verdict::to_string).collect())
    }

    fn cancel(&mut self, now: Instant, name: Name) -> Reply {
        let cancelled = self.moves.cancel(&self.host, now, name);
        match cancelled.ok_or_else(|| format!("{name} is not on its way"))? {
            Cancelled::Now => Ok([format!("{name} stays")].into()),
            Cancelled::IfNotTooLate => Ok([format!("{name} stays if it is not too late")].into()),
            Cancelled::TooLate => Err("it is too late".into()),
        }
    }

    /// Starts a domain that is at home here and that no machine has.
    fn start_lost(&mut self, now: Instant, name: Name) -> Reply {
        self.start_on_command(now, name, false)?;
        Ok([format!("{name} is started")].into())
    }

    fn start_on_command(
        &mut self,
        now: Instant,
        name: Name,
        is_forced: bool,
    ) -> Result<(), String> {
        let (calls, machines) = (&mut self.roll_calls, &self.machines);
        calls.take_for_start(now, machines, name.as_str(), is_forced)?;
        let started = self.start(now, name.as_str());
        started.map_err(|error| format!("{name} is not started: {error}"))
    }

    /// Settles the doubts about a domain.
    fn force(&mut self, now: Instant, name: Name, force: Force) -> Reply {
        let doubts = self.moves.doubts(name);
        let settled = doubts.filter(|(_, doubt)| doubt.is_settled_by(force));
        let settled: Vec<_> = settled.collect();
        match (settled.is_empty(), force) {
            (false, _) => {
                // One that cannot be settled now does not block the others.
                let outcomes = settled.into_iter();
                let outcomes = outcomes.map(|it| self.settle(now, name, it, force));
                let outcomes: Vec<_> = outcomes.collect();
                outcomes.into_iter().collect::<Result<(), String>>()?;
            }
            (true, Force::RunHere) => self.start_on_command(now, name, true)?,
            (true, Force::DropCopy) => self.drop_outlived(now, name)?,
        }
        Ok([match force {
            Force::RunHere => format!("{name} is to run here"),
            Force::DropCopy => format!("{name} is to be dropped here"),
        }]
        .into())
    }

    fn settle(
        &mut self,
        now: Instant,
        name: Name,
        (transaction, doubt): (TransactionId, Doubt),
        force: Force,
    ) -> Result<(), String> {
        // A domain that runs here already runs on, without waiting for other machines.
        if force == Force::RunHere && doubt != Doubt::NotReleased {
            self.check_may_run(now, name)?;
        }
        match self.moves.ledger.force(now, transaction, force) {
            true => Ok(()),
            false => Err(format!("{name} is being settled already")),
        }
    }

    /// Checks that no other machine may run the domain. Begins a roll call if there is none yet.
    fn check_may_run(&mut self, now: Instant, name: Name) -> Result<(), String> {
        let calls = &self.roll_calls;
        match calls.objection_to_running(now, &self.machines, name.as_str()) {
            None => Ok(()),
            Some(why) => {
                self.update_roll_calls(now);
                Err(why)
            }
        }
    }

    /// Destroys an outlived copy.
    fn drop_outlived(&mut self, now: Instant, name: Name) -> Result<(), String> {
        let found = self.host.find(name);
        let record = found.map_err(|error| error.to_string())?;
        if record.state != DomainState::Outlived {
            return Err(format!("no copy of {name} here is in doubt or outlived"));
        }
        let id = DomainId(u128::from_le_bytes(record.id.0));
        let dropped = self.host.drop_outlived(name, id);
        dropped.map_err(|error| error.to_string())?;
        self.update_roll_calls(now);
        Ok(())
    }

    fn memory(&mut self) -> Reply {
        let memory = self.host.memory();
        let memory = memory.map_err(|error| error.to_string())?;
        let (root, switch) = (memory.heap_free, memory.switch_heap_free);
        let own = self.host.heap_free();
        let heaps = format!(
            "heap free: {root} bytes of root's, {switch} of the switch's, {own} of the migration server's"
        );
        let least = self.host.heap_least();
        let least = format!("heap never below: {least} bytes of the migration server's");
        Ok([memory.to_string(), heaps, least].into())
    }

    /// Acts on the tests' hook, if they may have one.
    fn with_hook(&mut self, act: impl FnOnce(&mut Hook)) -> Reply {
        let hook = self.hook.as_mut().ok_or(CommandError::Unknown.text())?;
        act(hook);
        Ok(Vec::new())
    }

    fn stop(&mut self) -> Reply {
        self.with_hook(|_| ())?;
        self.emit(Output::End);
        Ok(Vec::new())
    }

    /// The domains and transactions here, and the domains at home here, one line each.
    ///
    /// # Errors
    /// Root's error.
    pub fn list(&mut self, now: Instant) -> Result<Vec<String>, String> {
        let records = self.host.all();
        let records = records.map_err(|error| error.to_string())?;
        let mut lines: Vec<String> = records.iter().map(domain_line).collect();
        let entries = self.moves.ledger.entries();
        lines.extend(entries.map(|entry| self.entry_line(&entry)));
        lines.extend(self.home_lines(now));
        Ok(lines)
    }

    fn machine_lines(&self) -> Vec<String> {
        let machines = self.machines.all();
        machines
            .map(|machine| format!("machine {} {}", machine.name, machine.address))
            .collect()
    }

    fn entry_line(&self, entry: &Entry<'_>) -> String {
        let (transaction, name) = (entry.transaction, entry.offer.name.as_str());
        let (side, phase) = (entry.side, entry.phase);
        let line = format!("transaction {transaction} {name} {side:?} {phase:?}");
        let line = match self.machines.address_of(entry.peer) {
            Some(peer) => format!("{line} {peer}"),
            None => line,
        };
        match entry.doubt {
            Some(doubt) => format!("{line} in doubt: {doubt}"),
            None => line,
        }
    }
}

/// A notice as a line. The last of a transaction begins with `done` or `failed`.
pub(crate) fn notice_line(notice: &Notice) -> String {
    match notice {
        Notice::Phase(phase) => format!("phase {phase:?}"),
        Notice::Progress(progress) => format!(
            "round {} sent {} remaining {} rate {}",
            progress.rounds,
            progress.pages_sent,
            progress.pages_remaining,
            progress.bytes_per_second.unwrap_or(0)
        ),
        Notice::Received { rounds, pages } => format!("received {rounds} rounds, {pages} pages"),
        Notice::Committed => "committed".into(),
        Notice::Activated => "activated".into(),
        Notice::Aborted(reason) => format!("failed: {reason}"),
        Notice::InDoubt(doubt) => format!("in doubt: {doubt}"),
        Notice::Finished => "done".into(),
    }
}

/// A complete reply: it ends as that of a move does.
fn ended(mut lines: Vec<String>) -> Vec<String> {
    lines.push("done".into());
    lines
}

fn domain_line(record: &DomainRecord) -> String {
    let (name, state, incarnation) = (record.name, record.state.text(), record.incarnation);
    let (spent, pages) = (record.spent.0, record.pages.0);
    let home = record.home.map(|home| format!(", home {home}"));
    let home = home.unwrap_or_default();
    format!("domain {name} {state}, incarnation {incarnation}, {spent} of {pages} pages{home}")
}

#[cfg(test)]
mod tests {
    use nomad_protocol::{AbortReason, PhaseName};

    use super::*;

    #[test]
    fn only_the_last_line_reports_the_end() {
        let ends = |notice| {
            let line = notice_line(&notice);
            line.starts_with("done") || line.starts_with("failed")
        };
        assert!(ends(Notice::Finished) && ends(Notice::Aborted(AbortReason::Cancelled)));
        assert!(!ends(Notice::Phase(PhaseName::Finished)) && !ends(Notice::Committed));
    }
}
