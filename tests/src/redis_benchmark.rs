//! The load generator of the Redis tools, `redis-benchmark`, run on a host beside the machines, and its table of results.

use std::time::Duration;

use crate::ThirdParty;
use crate::child;
use crate::output::Pattern;
use crate::third_party::Client;

/// How long a run may take. Only a hang reaches this limit.
const LIMIT: Duration = Duration::from_secs(600);

/// The columns of a row.
const NAME: usize = 0;
const RATE: usize = 1;
const MEDIAN: usize = 4;
const LONGEST: usize = 7;
const COLUMNS: usize = 8;

/// A row of its table.
const ROW: Pattern<'_> = Pattern::Line("\",\"");

/// The result of one test of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The test's name.
    pub test: String,
    /// Requests per second.
    pub requests_per_s: f64,
    /// The median time for a request.
    pub median_ms: f64,
    /// The longest time for a request.
    pub longest_ms: f64,
}

/// Runs the load generator against a store with these further arguments, and returns the results of its tests.
///
/// # Panics
///
/// If it is not installed, fails or prints no table.
pub fn run(party: &ThirdParty, host: &str, port: u16, load: &str) -> Vec<Row> {
    child::require("redis-benchmark", "redis-tools");
    let port = port.to_string();
    let mut arguments = vec!["-h", host, "-p", &port, "--csv"];
    arguments.extend(load.split_whitespace());
    let table = party.run("redis-benchmark", &arguments, LIMIT);
    let rows = parse(&table);
    assert!(!rows.is_empty(), "no table of redis-benchmark: {table}");
    rows
}

/// A load that lasts until it is finished: the same tests again and again.
#[derive(Debug)]
pub struct Load {
    client: Client,
}

impl Load {
    /// Starts it against a store with these further arguments, and waits for the result of its first test.
    ///
    /// # Panics
    ///
    /// If the load generator is not installed, or ends.
    pub fn start(party: &ThirdParty, host: &str, port: u16, load: &str) -> Load {
        child::require("redis-benchmark", "redis-tools");
        let port = port.to_string();
        // Without a terminal it would write its results in blocks.
        let mut arguments = vec!["-oL", "redis-benchmark", "-h", host, "-p", &port];
        arguments.extend(["--csv", "-l"]);
        arguments.extend(load.split_whitespace());
        let client = party.start("stdbuf", &arguments);
        let mut load = Load { client };
        // The row of titles, and a result.
        load.await_rows(2);
        load
    }

    /// Waits for this many further rows of the table. A connection that breaks ends the load generator.
    ///
    /// # Panics
    ///
    /// If it has ended.
    pub fn await_rows(&mut self, rows: usize) {
        let mut from = self.client.output().length();
        for _ in 0..rows {
            let found = self.client.output().wait_for(ROW, from, LIMIT);
            let found = found.unwrap_or_else(|error| {
                let words = self.client.last_words();
                panic!("no further result ({error:?}): {words:?}")
            });
            from = found.end;
        }
    }

    /// Ends it; returns the results of all of its tests.
    pub fn finish(self) -> Vec<Row> {
        parse(&self.client.output().text())
    }
}

/// The rows of a table in the CSV format, which begins with a row of titles.
fn parse(table: &str) -> Vec<Row> {
    table.lines().filter_map(parse_row).collect()
}

fn parse_row(line: &str) -> Option<Row> {
    // A test's name may have commas, but no quotes.
    let line = line.trim().strip_prefix('"')?.strip_suffix('"')?;
    let cells: Vec<&str> = line.split("\",\"").collect();
    let number = |column: usize| cells[column].parse().ok();
    if cells.len() != COLUMNS {
        return None;
    }
    Some(Row {
        test: cells[NAME].to_owned(),
        requests_per_s: number(RATE)?,
        median_ms: number(MEDIAN)?,
        longest_ms: number(LONGEST)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
\"test\",\"rps\",\"avg_latency_ms\",\"min_latency_ms\",\"p50_latency_ms\",\"p95_latency_ms\",\"p99_latency_ms\",\"max_latency_ms\"
\"SET\",\"19646.36\",\"28.870\",\"0.696\",\"27.487\",\"42.047\",\"51.551\",\"60.927\"
\"LRANGE_100 (first 100 elements), again\",\"250.50\",\"4.1\",\"1\",\"3.5\",\"5\",\"6\",\"7.25\"
";

    #[test]
    fn reads_each_row_below_the_titles() {
        let row = |test: &str, requests_per_s, median_ms, longest_ms| Row {
            test: test.to_owned(),
            requests_per_s,
            median_ms,
            longest_ms,
        };
        let expected = [
            row("SET", 19646.36, 27.487, 60.927),
            row("LRANGE_100 (first 100 elements), again", 250.5, 3.5, 7.25),
        ];
        assert_eq!(parse(TABLE), expected);
    }

    #[test]
    fn other_lines_are_no_rows() {
        for line in [
            "",
            "SET: 12 requests",
            "\"SET\",\"1\"",
            "\"",
            "\"a\",\"b\",\"c\",\"d\",\"e\",\"f\",\"g\",\"h\"",
        ] {
            assert_eq!(parse(line), [], "{line}");
        }
    }
}
