//! The machine's domains as text tables.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use abi::PAGE_BYTES;
use runtime::protocol::root::DomainRecord;

const PAGES_PER_MIB: u64 = (1 << 20) / PAGE_BYTES;

/// The domains and their states, one per line.
pub fn domains(records: &[DomainRecord]) -> Vec<String> {
    let head = row("DOMAIN", "STATE", "LIFE", "MOVES");
    let rows = records.iter().map(|record| {
        let moves = if record.movable { "yes" } else { "no" };
        let life = format!("{}", record.incarnation);
        row(
            record.name.as_str(),
            &record.state.to_string(),
            &life,
            moves,
        )
    });
    core::iter::once(head).chain(rows).collect()
}

/// The domains' memory and its use, one domain per line, with a total.
pub fn memory(records: &[DomainRecord]) -> Vec<String> {
    let head = row("DOMAIN", "POOL MiB", "SPENT", "FREE KiB");
    let rows = records
        .iter()
        .map(|record| memory_row(record.name.as_str(), record.pool_pages, record.spent_pages));
    let total = records.iter().fold((0, 0), |(pages, spent), record| {
        (pages + record.pool_pages, spent + record.spent_pages)
    });
    let all = core::iter::once(memory_row("all", total.0, total.1));
    core::iter::once(head).chain(rows).chain(all).collect()
}

/// The text for a domain without lines in the log; `None` if the domain is on this machine.
pub fn unknown(domain: &str, records: &[DomainRecord]) -> Option<String> {
    let is_known = records.iter().any(|record| record.name.as_str() == domain);
    (!is_known).then(|| {
        format!(
            "no domain `{domain}` is here, and the log has no line of it: `ps` lists the domains"
        )
    })
}

fn memory_row(name: &str, pages: u64, spent: u64) -> String {
    let mib = |pages: u64| format!("{}", pages / PAGES_PER_MIB);
    let free_kib = pages.saturating_sub(spent) * (PAGE_BYTES / 1024);
    row(name, &mib(pages), &mib(spent), &format!("{free_kib}"))
}

fn row(name: &str, first: &str, second: &str, third: &str) -> String {
    format!("{name:<24} {first:<9} {second:<6} {third}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use runtime::protocol::root::DomainState;
    use runtime::protocol::{DomainId, Incarnation, Name};

    fn record(name: &str, mib: u64, movable: bool) -> DomainRecord {
        DomainRecord {
            name: Name::try_new(name).expect("a name"),
            id: DomainId(1),
            incarnation: Incarnation(3),
            state: DomainState::Running,
            movable,
            is_part_of_machine: !movable,
            home: None,
            has_package: false,
            guest: None,
            pool_pages: mib * PAGES_PER_MIB,
            spent_pages: mib * PAGES_PER_MIB - 1,
        }
    }

    #[test]
    fn a_domain_takes_one_line() {
        let lines = domains(&[record("kv", 4, true), record("switch", 2, false)]);
        let words: Vec<Vec<&str>> = lines
            .iter()
            .map(|line| line.split_whitespace().collect())
            .collect();
        assert_eq!(words[1], ["kv", "running", "3", "yes"]);
        assert_eq!(words[2], ["switch", "running", "3", "no"]);
    }

    #[test]
    fn memory_adds_up() {
        let lines = memory(&[record("kv", 4, true), record("switch", 2, false)]);
        let last: Vec<&str> = lines[3].split_whitespace().collect();
        assert_eq!(last, ["all", "6", "5", "8"]);
    }

    #[test]
    fn a_misspelt_domain_is_unknown_and_a_silent_one_is_not() {
        let records = [record("kv", 4, true)];
        assert_eq!(unknown("kv", &records), None);
        let text = unknown("kvv", &records).expect("no such domain");
        assert!(text.contains("no domain `kvv` is here"), "{text}");
    }
}
