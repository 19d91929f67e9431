//! The command `machines`: the fleet as one machine knows it, each asked whether it answers.

use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::asking::{Asking, Error};
use crate::domains::{self, Sum};
use crate::line::{Line, Meaning, PAGE_BYTES};
use crate::screen::Reader;

/// A machine of the fleet.
#[derive(Debug)]
pub struct Machine {
    /// Its name.
    pub name: String,
    /// Where its migration server is.
    pub address: Ipv4Addr,
    /// What its domains come to, or why that is not known.
    pub answer: Result<Sum, Error>,
    /// When the answer came, after the question.
    pub elapsed: Duration,
}

/// Finds the machines that a server names in its answer to `machines`, and asks all of them at once, at the port of
/// the first.
pub fn ask(asking: &Asking, port: u16, lines: &[String], asked: Instant) -> Vec<Machine> {
    let named = lines
        .iter()
        .filter_map(|line| match Line::of(line).meaning {
            Meaning::Machine(name, address) => Some((name, address)),
            _ => None,
        });
    let look = |(name, address): (&str, Ipv4Addr)| Machine {
        name: name.to_owned(),
        address,
        answer: asking
            .lines(SocketAddrV4::new(address, port), "list")
            .map(|(_, lines)| domains::sum(&lines)),
        elapsed: asked.elapsed(),
    };
    thread::scope(|scope| {
        let asked: Vec<_> = named
            .map(|named| scope.spawn(move || look(named)))
            .collect();
        let answers = asked.into_iter().map(|thread| thread.join());
        answers
            .map(|machine| machine.expect("asking does not panic"))
            .collect()
    })
}

/// Shows machines, in a table or as JSON.
///
/// # Errors
/// Nobody reads any more.
pub fn show(reader: Reader, out: &mut impl Write, machines: &[Machine]) -> io::Result<()> {
    if reader == Reader::Json {
        return machines
            .iter()
            .try_for_each(|machine| writeln!(out, "{}", to_json(machine)));
    }
    row(
        out,
        ["MACHINE", "ADDRESS", "DOMAINS", "SPENT MiB"],
        "POOLS MiB",
    )?;
    for Machine {
        name,
        address,
        answer,
        ..
    } in machines
    {
        let address = address.to_string();
        match answer {
            Ok(sum) => {
                let (count, spent) = (sum.domains.to_string(), domains::mib(sum.spent).to_string());
                let pages = domains::mib(sum.pages).to_string();
                row(out, [name, &address, &count, &spent], &pages)?;
            }
            Err(error) => writeln!(out, "{name:<16} {address:<16} {error}")?,
        }
    }
    Ok(())
}

fn row(out: &mut impl Write, columns: [&str; 4], last: &str) -> io::Result<()> {
    let [name, address, count, spent] = columns;
    writeln!(
        out,
        "{name:<16} {address:<16} {count:>7} {spent:>10} {last:>10}"
    )
}

fn to_json(machine: &Machine) -> serde_json::Value {
    let mut object = json!({
        "at_us": machine.elapsed.as_micros() as u64,
        "event": "machine",
        "name": machine.name,
        "address": machine.address.to_string(),
        "answers": machine.answer.is_ok(),
    });
    match &machine.answer {
        Ok(sum) => {
            object["domains"] = json!(sum.domains);
            object["spent_bytes"] = json!(sum.spent * PAGE_BYTES);
            object["pool_bytes"] = json!(sum.pages * PAGE_BYTES);
        }
        Err(error) => object["text"] = json!(error.to_string()),
    }
    object
}

#[cfg(test)]
mod tests {
    use nomad_client::Failure;

    use super::*;

    fn fleet() -> [Machine; 2] {
        let machine = |name: &str, last, answer| Machine {
            name: name.to_owned(),
            address: Ipv4Addr::new(10, 77, 0, last),
            answer,
            elapsed: Duration::ZERO,
        };
        let sum = Sum {
            domains: 4,
            spent: 512,
            pages: 1024,
        };
        let silent = Error::Failure(Failure::NoAnswer, None);
        [machine("a", 1, Ok(sum)), machine("b", 2, Err(silent))]
    }

    fn shown(reader: Reader) -> Vec<String> {
        let mut out = Vec::new();
        show(reader, &mut out, &fleet()).expect("room");
        let text = String::from_utf8(out).expect("text");
        text.lines().map(String::from).collect()
    }

    #[test]
    fn a_machine_is_a_row_whether_it_answers_or_not() {
        let rows = shown(Reader::Terminal);
        let words: Vec<&str> = rows[1].split_whitespace().collect();
        assert_eq!(words, ["a", "10.77.0.1", "4", "2", "4"]);
        assert!(rows[2].contains("10.77.0.2") && rows[2].contains("does not answer"));
    }

    #[test]
    fn a_machine_is_an_object_whether_it_answers_or_not() {
        let objects = shown(Reader::Json);
        assert!(objects[0].contains(r#""domains":4"#), "{}", objects[0]);
        assert!(objects[1].contains(r#""answers":false"#), "{}", objects[1]);
    }
}
