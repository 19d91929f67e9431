//! The command `machines`: the fleet as one machine knows it, and whether each machine replies.

use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::thread;
use std::time::{Duration, Instant};

use identity::Name;
use nomad_client::event::{AddressOrigin, DrainStatus};
use nomad_client::{Command, Event};
use nomad_protocol::planner::PAGE_BYTES;
use serde_json::json;

use crate::connection::{Connection, Error};
use crate::domains::{self, Sum};
use crate::screen::Format;
use crate::server::Server;

/// What the operator of a fleet has to know about each of its machines, of this version: the line below the table. As JSON, each
/// machine has a field `uses_iommu`.
const TRUST: &str =
    "no machine uses an IOMMU: the drivers of devices are trusted with all memory of their machine";

/// The least width of the column of names. The name of a guest is longer.
const NAME_WIDTH: usize = 16;

/// What a machine's reply to `list` reports about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The totals of its domains.
    pub sum: Sum,
    /// The progress of its drain, if it drains.
    pub drain: Option<DrainStatus>,
}

impl Summary {
    fn of(events: &[Event]) -> Summary {
        let drain = events.iter().find_map(|event| match event {
            Event::Draining(status) => Some(*status),
            _ => None,
        });
        Summary {
            sum: domains::sum(events),
            drain,
        }
    }
}

/// A machine of the fleet.
#[derive(Debug)]
pub struct Machine {
    /// Its name.
    pub name: String,
    /// The address of its migration server.
    pub address: Option<Ipv4Addr>,
    /// The origin of the address.
    pub origin: AddressOrigin,
    /// The address of another machine with the same name.
    pub double: Option<Ipv4Addr>,
    /// Its reply, or the reason there is none; `None` if it has no address.
    pub reply: Option<Result<Summary, Error>>,
    /// The time from the command to the reply.
    pub elapsed: Duration,
}

/// Requests the domains of every machine in a server's reply to `machines`, in parallel. All servers are expected at the same port.
pub fn query(connection: &Connection, port: u16, reply: &[Event], begun: Instant) -> Vec<Machine> {
    let named = reply.iter().filter_map(|event| match event {
        Event::Machine {
            name,
            address,
            origin,
            double,
        } => Some((*name, *address, *origin, *double)),
        _ => None,
    });
    let summary = |name, address| {
        let server = Server {
            address: SocketAddrV4::new(address, port),
            name: Some(name),
        };
        let listed = connection.events(server, Command::List);
        listed.map(|(_, events)| Summary::of(&events))
    };
    let request = |(name, address, origin, double): (Name, Option<Ipv4Addr>, _, _)| Machine {
        name: name.to_string(),
        address,
        origin,
        double,
        reply: address.map(|address| summary(name, address)),
        elapsed: begun.elapsed(),
    };
    thread::scope(|scope| {
        let begin = |named| {
            let thread = thread::Builder::new().spawn_scoped(scope, move || request(named));
            (named, thread)
        };
        let begun: Vec<_> = named.map(begin).collect();
        let machines = begun.into_iter().map(|(named, thread)| match thread {
            Ok(thread) => thread.join().expect("a request does not panic"),
            // This host has no more threads.
            Err(_) => request(named),
        });
        machines.collect()
    })
}

/// Whether every machine with an address has replied.
pub fn is_complete(machines: &[Machine]) -> bool {
    let mut replies = machines.iter().filter_map(|machine| machine.reply.as_ref());
    replies.all(Result::is_ok)
}

/// Shows machines as JSON, or in a table with a line about the trust in drivers below it.
///
/// # Errors
/// The output cannot be written.
pub fn show(format: Format, out: &mut impl Write, machines: &[Machine]) -> io::Result<()> {
    if format == Format::Json {
        return machines
            .iter()
            .try_for_each(|machine| writeln!(out, "{}", to_json(machine)));
    }
    let names = machines.iter().map(|machine| machine.name.len());
    let width = names.max().unwrap_or(0).max(NAME_WIDTH);
    row(
        (out, width),
        ["MACHINE", "ADDRESS", "ORIGIN", "DOMAINS", "SPENT MiB"],
        "POOLS MiB",
    )?;
    for Machine {
        name,
        address,
        origin,
        double,
        reply,
        ..
    } in machines
    {
        let address = address.map_or_else(|| "-".to_owned(), |address| address.to_string());
        let origin = origin.to_string();
        match reply {
            Some(Ok(Summary { sum, .. })) => {
                let (count, spent) = (
                    sum.domains.to_string(),
                    domains::mib(sum.spent_pages).to_string(),
                );
                let pages = domains::mib(sum.pool_pages).to_string();
                row(
                    (out, width),
                    [name, &address, &origin, &count, &spent],
                    &pages,
                )?;
            }
            Some(Err(error)) => {
                // A row is one line: the next steps of an operator are omitted.
                let error = error.to_string();
                let error = error.lines().next().unwrap_or_default();
                writeln!(out, "{name:<width$} {address:<16} {origin:<10} {error}")?;
            }
            None => writeln!(
                out,
                "{name:<width$} {address:<16} {origin:<10} no hello of it was received"
            )?,
        }
        if let Some(Ok(Summary {
            drain: Some(status),
            ..
        })) = reply
        {
            writeln!(out, "  {status}")?;
        }
        if let Some(at) = double {
            writeln!(out, "  another machine called {name} is at {at}")?;
        }
    }
    writeln!(out, "{TRUST}")
}

/// Writes a row whose first column has this width.
fn row((out, width): (&mut impl Write, usize), columns: [&str; 5], last: &str) -> io::Result<()> {
    let [name, address, origin, count, spent] = columns;
    writeln!(
        out,
        "{name:<width$} {address:<16} {origin:<10} {count:>7} {spent:>10} {last:>10}"
    )
}

fn to_json(machine: &Machine) -> serde_json::Value {
    let mut object = json!({
        "at_us": machine.elapsed.as_micros() as u64,
        "event": "machine",
        "name": machine.name,
        "address": machine.address.map(|address| address.to_string()),
        "origin": machine.origin.to_string(),
        "double": machine.double.map(|address| address.to_string()),
        "answers": matches!(machine.reply, Some(Ok(_))),
        // No version does, whether the machine replies or not.
        "uses_iommu": false,
    });
    match &machine.reply {
        Some(Ok(Summary { sum, drain })) => {
            object["domains"] = json!(sum.domains);
            object["spent_bytes"] = json!(sum.spent_pages * PAGE_BYTES);
            object["pool_bytes"] = json!(sum.pool_pages * PAGE_BYTES);
            object["drain"] = json!(drain);
        }
        Some(Err(error)) => object["text"] = json!(error.to_string()),
        None => {}
    }
    object
}

#[cfg(test)]
mod tests {
    use nomad_client::Failure;
    use nomad_client::event::DrainStage;

    use super::*;

    fn fleet() -> [Machine; 2] {
        let machine = |name: &str, last, reply| Machine {
            name: name.to_owned(),
            address: Some(Ipv4Addr::new(10, 77, 0, last)),
            origin: AddressOrigin::Handshake,
            double: None,
            reply: Some(reply),
            elapsed: Duration::ZERO,
        };
        let sum = Sum {
            domains: 4,
            spent_pages: 512,
            pool_pages: 1024,
        };
        let drain = Some(DrainStatus {
            machine: Name::try_new("a").expect("a name"),
            to: None,
            stage: DrainStage::Moving,
            moved: 1,
            staying: 0,
        });
        let silent = Error::Failure(Failure::NoReply);
        [
            machine("a", 1, Ok(Summary { sum, drain })),
            machine("b", 2, Err(silent)),
        ]
    }

    fn shown(format: Format) -> Vec<String> {
        let mut out = Vec::new();
        show(format, &mut out, &fleet()).expect("room");
        let text = String::from_utf8(out).expect("text");
        text.lines().map(String::from).collect()
    }

    #[test]
    fn a_machine_is_a_row_whether_it_replies_or_not() {
        let rows = shown(Format::Terminal);
        let words: Vec<&str> = rows[1].split_whitespace().collect();
        assert_eq!(words, ["a", "10.77.0.1", "handshake", "4", "2", "4"]);
        assert_eq!(rows[2], "  a is draining: 1 moved, 0 stay");
        assert!(rows[3].contains("10.77.0.2") && rows[3].contains("does not reply"));
        assert_eq!(
            rows[4..],
            [TRUST],
            "one row for each, and the trust in drivers"
        );
    }

    #[test]
    fn the_columns_of_a_guest_stand_below_those_of_the_others() {
        let mut fleet = fleet();
        fleet[0].name = "guest-525400123456".into();
        let mut out = Vec::new();
        show(Format::Lines, &mut out, &fleet).expect("room");
        let text = String::from_utf8(out).expect("text");
        let rows: Vec<&str> = text.lines().collect();
        let address = rows[0].find("ADDRESS").expect("a heading");
        assert_eq!(rows[1].find("10.77.0.1"), Some(address));
        assert_eq!(rows[3].find("10.77.0.2"), Some(address));
    }

    #[test]
    fn a_machine_that_does_not_reply_is_missing_and_one_without_an_address_is_not() {
        let mut fleet = fleet();
        assert!(!is_complete(&fleet));
        fleet[1].reply = None;
        assert!(is_complete(&fleet));
    }

    #[test]
    fn a_machine_is_an_object_whether_it_replies_or_not() {
        let objects = shown(Format::Json);
        assert!(objects[0].contains(r#""domains":4"#), "{}", objects[0]);
        assert!(objects[0].contains(r#""stage":"moving""#), "{}", objects[0]);
        assert!(objects[1].contains(r#""answers":false"#), "{}", objects[1]);
        for object in objects {
            assert!(object.contains(r#""uses_iommu":false"#), "{object}");
        }
    }
}
