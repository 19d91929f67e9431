//! The command `ps`: a machine's domains, in a table or as JSON.

use std::io::{self, Write};
use std::time::Duration;

use crate::line::{Domain, Line, Meaning, PAGE_BYTES};
use crate::screen::Reader;

/// Pages of a MiB.
const PAGES_PER_MIB: u64 = (1 << 20) / PAGE_BYTES;

/// What a machine's domains come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// How many there are.
    pub domains: u64,
    /// Pages that they have spent.
    pub spent: u64,
    /// Pages that they may spend.
    pub pages: u64,
}

/// Pages in MiB, rounded down.
pub fn mib(pages: u64) -> u64 {
    pages / PAGES_PER_MIB
}

/// The domains in a server's answer to `list`.
pub fn in_lines(lines: &[String]) -> impl Iterator<Item = Domain<'_>> {
    lines
        .iter()
        .filter_map(|line| match Line::of(line).meaning {
            Meaning::Domain(domain) => Some(domain),
            _ => None,
        })
}

/// What the domains in a server's answer to `list` come to.
pub fn sum(lines: &[String]) -> Sum {
    in_lines(lines).fold(Sum::default(), |sum, domain| Sum {
        domains: sum.domains + 1,
        spent: sum.spent + domain.spent,
        pages: sum.pages + domain.pages,
    })
}

/// Shows a server's answer to `list`: its domains, in a table, or in the objects that `list` has for them.
///
/// # Errors
/// Nobody reads any more.
pub fn show(
    reader: Reader,
    out: &mut impl Write,
    lines: &[String],
    elapsed: Duration,
) -> io::Result<()> {
    if reader == Reader::Json {
        let lines = lines.iter().map(|line| Line::of(line));
        let shown = |line: &Line<'_>| matches!(line.meaning, Meaning::Domain(_) | Meaning::End(_));
        return lines
            .filter(shown)
            .try_for_each(|line| writeln!(out, "{}", line.to_json(elapsed)));
    }
    row(out, ["DOMAIN", "STATE", "LIFE", "SPENT MiB", "POOL MiB"])?;
    for domain in in_lines(lines) {
        let life = domain.incarnation.to_string();
        let [spent, pages] = [domain.spent, domain.pages].map(|pages| mib(pages).to_string());
        row(out, [domain.name, domain.state, &life, &spent, &pages])?;
    }
    Ok(())
}

fn row(out: &mut impl Write, columns: [&str; 5]) -> io::Result<()> {
    let [name, state, life, spent, pages] = columns;
    writeln!(
        out,
        "{name:<24} {state:<9} {life:>5} {spent:>10} {pages:>9}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer() -> Vec<String> {
        [
            "domain switch running, incarnation 1, 256 of 1024 pages",
            "domain kv running, incarnation 3, 512 of 11264 pages",
            "transaction 0 kv Source Rounds",
            "done",
        ]
        .map(String::from)
        .into()
    }

    fn shown(reader: Reader) -> Vec<String> {
        let mut out = Vec::new();
        show(reader, &mut out, &answer(), Duration::ZERO).expect("room");
        let text = String::from_utf8(out).expect("text");
        text.lines().map(String::from).collect()
    }

    #[test]
    fn a_domain_is_a_row() {
        let rows = shown(Reader::Lines);
        assert_eq!(rows.len(), 3);
        let words: Vec<&str> = rows[2].split_whitespace().collect();
        assert_eq!(words, ["kv", "running", "3", "2", "44"]);
    }

    #[test]
    fn a_domain_is_an_object() {
        let objects = shown(Reader::Json);
        assert_eq!(objects.len(), 3);
        assert!(objects[1].contains(r#""name":"kv""#), "{}", objects[1]);
        assert!(objects[2].contains(r#""event":"done""#), "{}", objects[2]);
    }

    #[test]
    fn domains_add_up() {
        let expected = Sum {
            domains: 2,
            spent: 768,
            pages: 12288,
        };
        assert_eq!(sum(&answer()), expected);
    }
}
