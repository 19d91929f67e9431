//! Commands, and the lines that answer them.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::Ipv4Addr;

use abi::{ObjectKind, PAGE_BYTES};
use nomad_client::RequestId;
use nomad_image::{Name, Verdict};
use nomad_protocol::planner::Goals;
use nomad_protocol::{
    Cancelled, DomainId, Entry, FleetId, Force, Incarnation, Notice, Offer, Sizes, TransactionId,
};

use runtime::protocol::root::DomainRecord;

use crate::capture::{CaptureError, Found, Outgoing};
use crate::commands::{Command, NoCommand};
use crate::shell::hook::Hook;
use crate::shell::{Shell, cpu, now, versions};

/// The lines that answer a command, or why it was not obeyed.
type Answer = Result<Vec<String>, String>;

impl Shell {
    /// Obeys a command and answers it.
    pub fn obey(&self, text: &[u8], from: RequestId) {
        let answer = match Command::parse(text) {
            Ok(Command::Migrate(name, machine)) => self.migrate(name, machine, from),
            Ok(Command::Explain(name)) => self.explain(name).map(ended),
            Ok(Command::Cancel(name)) => self.cancel(name).map(ended),
            Ok(Command::List) => self.list().map(ended),
            Ok(Command::Machines) => Ok(ended(self.machines())),
            Ok(Command::Force(name, force)) => self.force(name, force).map(ended),
            Ok(Command::Start(name)) => self.start_lost(name).map(ended),
            Ok(Command::Memory) => self.memory().map(ended),
            Ok(Command::Hold(line)) => self.hooked(|hook| hook.hold(line)).map(ended),
            Ok(Command::Go) => self.hooked(Hook::go).map(ended),
            Ok(Command::Stop) => self.hooked(|_| panic!("ends, as a test asked for")),
            Err(no) => Err(no.text().into()),
        };
        match answer {
            Ok(lines) => lines.iter().for_each(|line| self.say(from, line)),
            Err(why) => self.say(from, &format!("failed: {why}")),
        }
    }

    /// Says a line to an operator.
    fn say(&self, to: RequestId, line: &str) {
        self.desk.borrow_mut().say(to, line);
    }

    fn migrate(&self, name: Name, machine: &str, from: RequestId) -> Answer {
        let address = self.peers.find(machine);
        let address = address.ok_or_else(|| format!("I know no machine {machine}"))?;
        let mut found = self.find(name)?;
        let verdicts = self.judge(name, &mut found)?;
        let refused = |verdict: &&Verdict| verdict.refusal().is_some();
        match verdicts.iter().find(refused) {
            Some(verdict) => Err(format!("{name} cannot move: {verdict}")),
            None => self.offer(name, address, found, from),
        }
    }

    fn offer(&self, name: Name, address: Ipv4Addr, found: Found, from: RequestId) -> Answer {
        let transaction = TransactionId(self.draw_number());
        let target = self.keys.machine_at(address);
        let fleet = self.ledger.borrow().here().fleet.id();
        let offer = offer_of(name, &found, fleet)?;
        self.ledger
            .borrow_mut()
            .offer(now(), transaction, target, offer, Goals::default())
            .map_err(|error| format!("{name} cannot be offered: {error}"))?;
        let outgoing = Outgoing::new(self.machine, name, found);
        self.outgoing.borrow_mut().insert(transaction, outgoing);
        self.operators.borrow_mut().insert(transaction, from);
        Ok([format!(
            "moving {name} to {address}, transaction {transaction}"
        )]
        .into())
    }

    fn explain(&self, name: Name) -> Answer {
        let mut found = self.find(name)?;
        let verdicts = self.judge(name, &mut found)?;
        Ok(verdicts.iter().map(Verdict::to_string).collect())
    }

    fn cancel(&self, name: Name) -> Answer {
        let outgoing = self.outgoing.borrow();
        let on_its_way = outgoing.iter().find(|(_, domain)| domain.name() == name);
        let transaction = on_its_way.map(|(transaction, _)| *transaction);
        drop(outgoing);
        let transaction = transaction.ok_or_else(|| format!("{name} is not on its way"))?;
        match self.ledger.borrow_mut().cancel(now(), transaction) {
            Cancelled::Now => Ok([format!("{name} stays")].into()),
            Cancelled::IfNotTooLate => Ok([format!("{name} stays if it is not too late")].into()),
            Cancelled::TooLate => Err("it is too late".into()),
        }
    }

    /// Has a domain started that is at home here and that no machine has.
    fn start_lost(&self, name: Name) -> Answer {
        self.start_by_order(name, false)?;
        Ok([format!("{name} is started")].into())
    }

    /// Settles what is in doubt about a domain.
    fn force(&self, name: Name, force: Force) -> Answer {
        match (self.doubted(name), force) {
            (Some(transaction), force) => {
                let objection = self.objection_to_running(name.as_str());
                if let (Force::RunHere, Some(why)) = (force, objection) {
                    return Err(why);
                }
                if !self.ledger.borrow_mut().force(now(), transaction, force) {
                    return Err(format!(
                        "that does not settle what is in doubt about {name}"
                    ));
                }
            }
            (None, Force::RunHere) => self.start_by_order(name, true)?,
            (None, Force::DropCopy) => self.drop_outlived(name)?,
        }
        Ok([match force {
            Force::RunHere => format!("{name} runs here"),
            Force::DropCopy => format!("{name} is dropped here"),
        }]
        .into())
    }

    /// The transaction of a domain that is in doubt.
    fn doubted(&self, name: Name) -> Option<TransactionId> {
        let ledger = self.ledger.borrow();
        let mut entries = ledger.entries();
        let doubted = entries
            .find(|entry| entry.doubt.is_some() && entry.offer.name.as_str() == name.as_str());
        doubted.map(|entry| entry.transaction)
    }

    fn memory(&self) -> Answer {
        let memory = self.machine.root.memory();
        let memory = memory.map_err(|error| error.to_string())?;
        Ok([memory.to_string()].into())
    }

    /// Does what a test asks for, if tests may.
    fn hooked(&self, act: impl FnOnce(&mut Hook)) -> Answer {
        let hook = self.hook.as_ref().ok_or(NoCommand::Unknown.text())?;
        act(&mut hook.borrow_mut());
        Ok(Vec::new())
    }

    /// Whether a test has this server stand still.
    pub fn is_held(&self) -> bool {
        self.hook
            .as_ref()
            .is_some_and(|hook| hook.borrow().is_held())
    }

    fn list(&self) -> Answer {
        let records = self.machine.root.all();
        let records = records.map_err(|error| error.to_string())?;
        let mut lines: Vec<String> = records.iter().map(domain_line).collect();
        lines.extend(
            self.ledger
                .borrow()
                .entries()
                .map(|entry| self.entry_line(&entry)),
        );
        lines.extend(self.roll_lines());
        Ok(lines)
    }

    fn machines(&self) -> Vec<String> {
        let own = format!("machine {} {}", self.name, self.address);
        let others = self.peers.all().iter();
        let others = others.map(|peer| format!("machine {} {}", peer.name, peer.address));
        core::iter::once(own).chain(others).collect()
    }

    fn entry_line(&self, entry: &Entry<'_>) -> String {
        let (transaction, name) = (entry.transaction, entry.offer.name.as_str());
        let (side, phase) = (entry.side, entry.phase);
        let line = format!("transaction {transaction} {name} {side:?} {phase:?}");
        let line = match self.keys.address_of(entry.peer) {
            Some(peer) => format!("{line} {peer}"),
            None => line,
        };
        match entry.doubt {
            Some(doubt) => format!("{line} in doubt: {doubt}"),
            None => line,
        }
    }

    fn find(&self, name: Name) -> Result<Found, String> {
        Found::find(self.machine.root, name).map_err(|error| why_not(name, error))
    }

    fn judge(&self, name: Name, found: &mut Found) -> Result<Vec<Verdict>, String> {
        found
            .judge(self.machine.root)
            .map_err(|error| why_not(name, error))
    }

    /// Tells the log, and the operator who asked for it, how a transaction gets on.
    pub(super) fn tell(&self, transaction: TransactionId, notice: &Notice) {
        let line = notice_line(notice);
        // Of the phases the operator hears; the log, which is slow, only of what comes of them.
        if !matches!(notice, Notice::Phase(_)) {
            self.afterwards
                .log(format!("{:08x}: {line}", (transaction.0 >> 96) as u32));
        }
        if let Some(hook) = &self.hook
            && hook.borrow_mut().told(&line)
        {
            log::info!("held at `{line}`");
        }
        let operator = self.operators.borrow().get(&transaction).copied();
        if let Some(operator) = operator {
            self.say(operator, &line);
        }
    }
}

/// A notice as a line. The last of a transaction begins with `done` or `failed`.
fn notice_line(notice: &Notice) -> String {
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

/// Why a domain cannot be looked at.
fn why_not(name: Name, error: CaptureError) -> String {
    match error {
        CaptureError::Root(error) => format!("{name}: {error}"),
        CaptureError::Kernel(error) => format!("{name}: {error}"),
        CaptureError::Pinned => format!("{name} may not move"),
        other => format!("{name}: {other:?}"),
    }
}

/// An answer that is whole: it ends as that of a move does.
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

fn offer_of(name: Name, found: &Found, fleet: FleetId) -> Result<Offer, String> {
    let record = &found.record;
    let threads = found.read.of_kind(ObjectKind::Thread).count();
    Ok(Offer {
        domain: DomainId(u128::from_le_bytes(record.id.0)),
        incarnation: Incarnation(record.incarnation),
        name: nomad_protocol::Name::try_new(name.as_str()).map_err(|error| error.to_string())?,
        sizes: Sizes {
            pool_bytes: record.pages.0.saturating_mul(PAGE_BYTES),
            pages: found.read.pages(),
            threads: threads as u32,
            slots: found.read.slot_count,
        },
        versions: versions(),
        cpu: cpu(),
        fleet,
    })
}

#[cfg(test)]
mod tests {
    use nomad_protocol::{AbortReason, PhaseName};

    use super::*;

    #[test]
    fn only_the_last_line_says_how_it_ended() {
        let ends = |notice| {
            let line = notice_line(&notice);
            line.starts_with("done") || line.starts_with("failed")
        };
        assert!(ends(Notice::Finished) && ends(Notice::Aborted(AbortReason::Cancelled)));
        assert!(!ends(Notice::Phase(PhaseName::Finished)) && !ends(Notice::Committed));
    }
}
