//! Events in words. A memory status has three lines, every other event has one.

use core::fmt::{self, Formatter};
use core::net::Ipv4Addr;

use identity::Name;
use nomad_protocol::planner::{Progress, RoundProgress, Throttle};
use nomad_protocol::{Cancelled, Doubt, Force, Notice};

use super::{
    AddressOrigin, Event, Finding, HomeStatus, LastCopy, Location, LogLine, MachineReport,
    MemoryStatus, TransactionStatus,
};

impl fmt::Display for Event {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Event::Domain(record) => record.fmt(f),
            Event::Transaction(status) => status.fmt(f),
            Event::Home(status) => status.fmt(f),
            Event::Machine {
                name,
                address,
                origin,
                double,
            } => {
                write!(f, "machine {name}")?;
                if let Some(address) = address {
                    write!(f, " {address}")?;
                }
                write!(f, " ({origin})")?;
                double.map_or(Ok(()), |at| {
                    write!(f, ", another machine called {name} is at {at}")
                })
            }
            Event::Verdict(verdict) => verdict.fmt(f),
            Event::Omitted(count) => write!(f, "{count} more are not listed"),
            Event::Memory(status) => status.fmt(f),
            Event::Moving {
                domain,
                to,
                transaction,
            } => write!(f, "moving {domain} to {to}, transaction {transaction}"),
            Event::Move(notice) => write_notice(f, notice),
            Event::Cancelled(domain, Cancelled::Now) => write!(f, "{domain} stays"),
            Event::Cancelled(domain, Cancelled::IfNotTooLate) => {
                write!(f, "{domain} stays if it is not too late")
            }
            Event::Started(domain) => write!(f, "{domain} is started"),
            Event::Forced {
                domain,
                force,
                settled,
            } => write_forced(f, *domain, *force, *settled),
            Event::Received(domain) => write!(f, "{domain} is received"),
            Event::Stopped(domain) => write!(f, "{domain} is stopped"),
            Event::Removed(domain) => write!(f, "{domain} is removed"),
            Event::Log(line) => line.fmt(f),
            Event::Draining(status) => status.fmt(f),
            Event::DrainMove { domain, notice } => {
                write!(f, "{domain}: ")?;
                write_notice(f, notice)
            }
            Event::Stays { domain, reason } => write!(f, "{domain} stays: {reason}"),
            Event::Undrained(machine) => write!(f, "{machine} admits domains again"),
            Event::Lost(domain, state) => {
                write!(f, "a restart loses {domain}: it is {state}")
            }
            Event::Rebooting(machine) => write!(f, "{machine} restarts"),
            Event::Done => f.write_str("done"),
            Event::Failed(reason)
            | Event::Rejected {
                field: None,
                reason,
            } => write!(f, "failed: {reason}"),
            Event::Rejected {
                field: Some(field),
                reason,
            } => write!(f, "failed: field `{field}`: {reason}"),
        }
    }
}

impl fmt::Display for AddressOrigin {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            AddressOrigin::Own => "own",
            AddressOrigin::Handshake => "handshake",
            AddressOrigin::Hello => "hello",
            AddressOrigin::Manifest => "manifest",
            AddressOrigin::Guest => "guest",
            AddressOrigin::Unknown => "unknown",
        })
    }
}

impl fmt::Display for LogLine {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.dropped > 0 {
            write!(f, "({} lines were dropped) ", self.dropped)?;
        }
        write!(f, "[{}] {}", self.domain, self.text)
    }
}

impl fmt::Display for TransactionStatus {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (transaction, domain) = (self.transaction, self.domain);
        let (side, phase) = (self.side, self.phase);
        write!(f, "transaction {transaction} {domain} {side:?} {phase:?}")?;
        if let Some(peer) = self.peer {
            write!(f, " {peer}")?;
        }
        match self.doubt {
            Some(doubt) => write!(f, " in doubt: {doubt}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for HomeStatus {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "home {} ", self.domain)?;
        match &self.location {
            Location::Held {
                by,
                incarnation,
                runs,
            } => {
                write!(f, "at {}, incarnation {incarnation}", Address(*by))?;
                f.write_str(if *runs { "" } else { ", and does not run" })?;
            }
            Location::Lost => f.write_str("lost: no machine has it")?,
            Location::Unknown(reports) => {
                f.write_str("in doubt: ")?;
                for (index, report) in reports.iter().enumerate() {
                    let separator = if index == 0 { "" } else { ", " };
                    write!(f, "{separator}{report}")?;
                }
            }
        }
        match self.last {
            Some(LastCopy { by, incarnation }) => {
                write!(f, "; {} had incarnation {incarnation}", Address(by))
            }
            None => Ok(()),
        }
    }
}

impl fmt::Display for MachineReport {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let finding = match self.finding {
            Finding::Runs => "runs it",
            Finding::Holds => "holds it",
            Finding::Silent => "does not reply",
        };
        match (self.guest, self.address) {
            (Some(guest), Some(address)) => write!(f, "{guest} at {address} {finding}"),
            (Some(guest), None) => write!(f, "{guest} {finding}"),
            (None, address) => write!(f, "{} {finding}", Address(address)),
        }
    }
}

impl fmt::Display for MemoryStatus {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let MemoryStatus {
            machine,
            nomad_heap_free,
            nomad_heap_free_min,
        } = self;
        writeln!(f, "{machine}")?;
        writeln!(
            f,
            "heap free: {} bytes of root's, {} of the switch's, {nomad_heap_free} of the migration server's",
            machine.heap_free, machine.switch_heap_free
        )?;
        write!(
            f,
            "minimum free heap: {nomad_heap_free_min} bytes of the migration server's"
        )
    }
}

/// The address of a machine, which may have left the fleet.
struct Address(Option<Ipv4Addr>);

impl fmt::Display for Address {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(address) => address.fmt(f),
            None => f.write_str("a machine"),
        }
    }
}

fn write_forced(
    f: &mut Formatter<'_>,
    domain: Name,
    force: Force,
    settled: Option<Doubt>,
) -> fmt::Result {
    match (force, settled) {
        (_, Some(doubt)) if !doubt.decides_about_copy() => {
            write!(f, "a move of {domain} is ended: {doubt}")
        }
        (Force::RunHere, _) => write!(f, "{domain} is to run here"),
        (Force::DropCopy, _) => write!(f, "{domain} is to be dropped here"),
    }
}

fn write_notice(f: &mut Formatter<'_>, notice: &Notice) -> fmt::Result {
    match notice {
        Notice::Phase(phase) => write!(f, "phase {phase:?}"),
        Notice::Progress(progress) => write_progress(f, progress),
        Notice::Round(progress) => write_round(f, progress),
        Notice::Received { rounds, pages } => write!(f, "received {rounds} rounds, {pages} pages"),
        Notice::Committed => f.write_str("committed"),
        Notice::Declined(reason) => write!(f, "declined: {reason}"),
        Notice::Activated => f.write_str("activated"),
        Notice::Aborted(reason) => write!(f, "failed: {reason}"),
        Notice::Lost(reason) => write!(
            f,
            "failed: it is lost, since the copy here was dropped, and the destination has declined its own: {reason}"
        ),
        Notice::InDoubt(doubt) => write!(f, "in doubt: {doubt}"),
        Notice::Finished => f.write_str("done"),
    }
}

/// Writes the sums of all rounds, the rates of the last rounds, and the estimated downtime if the domain were frozen
/// now.
fn write_progress(f: &mut Formatter<'_>, progress: &Progress) -> fmt::Result {
    let (rounds, sent) = (progress.rounds, progress.pages_sent);
    let (dirty, wire) = (progress.pages_remaining, Megabytes(progress.wire_bytes));
    write!(f, "round {rounds} sent {sent} pages, {dirty} dirty")?;
    if let Some(rate) = progress.dirty_pages_per_second {
        write!(f, " ({rate}/s)")?;
    }
    write!(f, ", {wire} on the wire")?;
    if let Some(rate) = progress.bytes_per_second {
        write!(f, ", {}/s", Megabytes(rate))?;
    }
    if let Some(estimate_us) = progress.downtime_estimate_us {
        write!(f, ", downtime about {} ms", estimate_us.div_ceil(1_000))?;
    }
    match progress.throttle {
        Throttle::NONE => Ok(()),
        throttle => write!(f, ", slowed down by {} %", throttle.percent()),
    }
}

/// Writes how far a round has come, and its rate at present.
fn write_round(f: &mut Formatter<'_>, progress: &RoundProgress) -> fmt::Result {
    let RoundProgress {
        round,
        pages_sent,
        pages,
        ..
    } = progress;
    let wire = Megabytes(progress.wire_bytes);
    let rate = Megabytes(progress.wire_bytes_per_second);
    write!(
        f,
        "round {round}: {pages_sent} of {pages} pages, {wire} on the wire, {rate}/s"
    )
}

/// A number of bytes in megabytes, with one decimal.
struct Megabytes(u64);

impl fmt::Display for Megabytes {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let tenths = self.0 / 100_000;
        write!(f, "{}.{} MB", tenths / 10, tenths % 10)
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use nomad_protocol::Notice;
    use nomad_protocol::planner::{Progress, RoundProgress, Throttle};

    use crate::{Event, samples};

    #[test]
    fn a_round_reads_as_pages_rates_bytes_and_an_estimate() {
        let progress = Progress {
            rounds: 1,
            pages_sent: 16_990,
            pages_remaining: 2_441,
            bytes_per_second: Some(10_000_000),
            dirty_pages_per_second: Some(950),
            downtime_estimate_us: Some(1_009_900),
            wire_bytes: 69_180_000,
            elapsed_us: 6_900_000,
            throttle: Throttle::NONE,
        };
        let text = |progress| Event::Move(Notice::Progress(progress)).to_string();
        assert_eq!(
            text(progress),
            "round 1 sent 16990 pages, 2441 dirty (950/s), 69.1 MB on the wire, 10.0 MB/s, downtime about 1010 ms"
        );
        assert_eq!(
            text(Progress::default()),
            "round 0 sent 0 pages, 0 dirty, 0.0 MB on the wire"
        );
        let slowed = Progress {
            throttle: Throttle::MAX,
            ..Progress::default()
        };
        assert!(text(slowed).ends_with(", slowed down by 99 %"));
    }

    #[test]
    fn a_round_in_progress_reads_as_pages_bytes_and_a_rate() {
        let progress = RoundProgress {
            round: 2,
            pages_sent: 1_200,
            pages: 262_144,
            wire_bytes: 4_950_000,
            wire_bytes_per_second: 41_260_000,
            elapsed_us: 120_000,
        };
        let text = Event::Move(Notice::Round(progress)).to_string();
        let expected = "round 2: 1200 of 262144 pages, 4.9 MB on the wire, 41.2 MB/s";
        assert_eq!(text, expected);
    }

    #[test]
    fn only_the_last_event_reads_as_the_end() {
        for event in samples::events() {
            let text = event.to_string();
            let reads_as_the_end = text == "done" || text.starts_with("failed: ");
            assert_eq!(reads_as_the_end, event.end().is_some(), "{text}");
        }
    }
}
