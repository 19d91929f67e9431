//! The commands `ps` and `top`: a machine's domains, in a table or as JSON.

use std::io::{self, Write};
use std::time::Duration;

use nomad_client::Event;
use nomad_client::event::MemoryStatus;
use nomad_protocol::planner::PAGE_BYTES;
use service_protocol::root::DomainRecord;

use crate::report::Report;
use crate::screen::Format;

const PAGES_PER_MIB: u64 = (1 << 20) / PAGE_BYTES;

/// The totals of a machine's domains.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// The number of domains.
    pub domains: u64,
    /// The pages that they have spent.
    pub spent_pages: u64,
    /// The pages of their pools.
    pub pool_pages: u64,
}

/// Pages in MiB, rounded down.
pub fn mib(pages: u64) -> u64 {
    pages / PAGES_PER_MIB
}

/// The totals of the domains in a reply to `list`.
pub fn sum(events: &[Event]) -> Sum {
    domains(events).fold(Sum::default(), |sum, domain| Sum {
        domains: sum.domains + 1,
        spent_pages: sum.spent_pages + domain.spent_pages,
        pool_pages: sum.pool_pages + domain.pool_pages,
    })
}

/// Shows the domains in a reply to `list`, in a table or as JSON events. If the reply also has the machine's memory, shows that
/// too.
///
/// # Errors
/// The output cannot be written.
pub fn show(
    format: Format,
    out: &mut impl Write,
    events: &[Event],
    elapsed: Duration,
) -> io::Result<()> {
    if format == Format::Json {
        let shown = |event: &&Event| {
            matches!(event, Event::Domain(_) | Event::Memory(_)) || event.end().is_some()
        };
        return events.iter().filter(shown).try_for_each(|event| {
            writeln!(out, "{}", Report::new(elapsed, event.clone()).to_json())
        });
    }
    let head = ["DOMAIN", "STATE", "LIFE", "SPENT MiB", "POOL MiB", "SPENT"];
    row(out, head)?;
    for domain in domains(events) {
        let name = domain.name.as_str();
        let (state, life) = (domain.state.to_string(), domain.incarnation.to_string());
        let [spent, pool, share] = memory_columns(domain.spent_pages, domain.pool_pages);
        row(out, [name, &state, &life, &spent, &pool, &share])?;
    }
    for event in events {
        if let Event::Memory(MemoryStatus { machine, .. }) = event {
            let [spent, pool, share] = memory_columns(machine.spent_pages, machine.pool_pages);
            writeln!(out, "memory: {spent} of {pool} MiB, {share}")?;
        }
    }
    Ok(())
}

/// The spent part of a pool in MiB, the pool in MiB, and the spent part in percent.
fn memory_columns(spent: u64, pool: u64) -> [String; 3] {
    let percent = (100 * spent).checked_div(pool).unwrap_or(0);
    [
        mib(spent).to_string(),
        mib(pool).to_string(),
        format!("{percent} %"),
    ]
}

fn domains(events: &[Event]) -> impl Iterator<Item = &DomainRecord> {
    events.iter().filter_map(|event| match event {
        Event::Domain(domain) => Some(domain),
        _ => None,
    })
}

fn row(out: &mut impl Write, columns: [&str; 6]) -> io::Result<()> {
    let [name, state, incarnation, spent, pool, share] = columns;
    writeln!(
        out,
        "{name:<24} {state:<9} {incarnation:>5} {spent:>10} {pool:>9} {share:>6}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domain(
        name: &str,
        incarnation: u64,
        spent_pages: u64,
        pool_pages: u64,
    ) -> serde_json::Value {
        serde_json::json!({"domain": {
            "name": name, "id": "7", "state": "running", "movable": true, "is_part_of_machine": false, "has_package": false,
            "incarnation": incarnation,
            "spent_pages": spent_pages, "pool_pages": pool_pages, "home": null,
        }})
    }

    fn reply() -> Vec<Event> {
        let memory = serde_json::json!({
            "pool_pages": 25600, "spent_pages": 12800, "pages_being_freed": 0, "heap_growth_pages": 0, "heap_free": 1, "switch_heap_free": 1,
        });
        let events = [
            domain("switch", 1, 256, 1024),
            domain("kv", 3, 512, 11264),
            serde_json::json!({"machine": {
                "name": "b", "address": "10.77.0.2", "origin": "manifest", "double": null,
            }}),
            serde_json::json!({"memory": {
                "machine": memory, "nomad_heap_free": 1, "nomad_heap_free_min": 1,
            }}),
            serde_json::json!("done"),
        ];
        let texts = events.map(|event| event.to_string());
        let events = texts.iter().map(|text| serde_json::from_str(text));
        events.map(|event| event.expect("an event")).collect()
    }

    fn shown(format: Format) -> Vec<String> {
        let mut out = Vec::new();
        show(format, &mut out, &reply(), Duration::ZERO).expect("room");
        let text = String::from_utf8(out).expect("text");
        text.lines().map(String::from).collect()
    }

    #[test]
    fn a_domain_is_a_row_and_the_memory_the_last_line() {
        let rows = shown(Format::Lines);
        assert_eq!(rows.len(), 4);
        assert_eq!(rows[3], "memory: 50 of 100 MiB, 50 %");
        let words: Vec<&str> = rows[2].split_whitespace().collect();
        assert_eq!(words, ["kv", "running", "3", "2", "44", "4", "%"]);
    }

    #[test]
    fn a_domain_is_an_object() {
        let objects = shown(Format::Json);
        assert_eq!(objects.len(), 4);
        assert!(objects[1].contains(r#""name":"kv""#), "{}", objects[1]);
        assert!(objects[2].contains(r#"{"memory":"#), "{}", objects[2]);
        assert!(objects[3].contains(r#""event":"done""#), "{}", objects[3]);
    }

    #[test]
    fn domains_add_up() {
        let expected = Sum {
            domains: 2,
            spent_pages: 768,
            pool_pages: 12288,
        };
        assert_eq!(sum(&reply()), expected);
    }
}
