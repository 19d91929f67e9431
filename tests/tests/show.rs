//! The demonstration of `scripts/run --once`, as a user sees it.

use std::process::Command;

use harness::child;

/// What the rows of a domain show besides its name.
const MOVES: [&str; 3] = [" a -> b ", " b -> a ", " by QEMU "];

/// The gap and the total of the moves in the rows of a domain that contain `mover`, in milliseconds.
fn figures(output: &str, domain: &str, mover: &str) -> Vec<[f64; 2]> {
    let rows = output.lines().filter(|line| line.starts_with(domain));
    let rows = rows.filter_map(|line| line.split_once(mover));
    rows.map(|(_, columns)| {
        let mut columns = columns.split_whitespace();
        [(); 2].map(|()| {
            let column = columns.next().expect("a gap and a total");
            column.parse().expect("a number")
        })
    })
    .collect()
}

#[test]
fn the_demonstration_shows_the_moves_of_both_domains_beside_those_of_qemu() {
    let program = child::beside("show", "cargo build -p harness --bins");
    let shown = Command::new(program).args(["--once", "--small"]).output();
    let shown = shown.expect("the demonstration runs");
    let output = String::from_utf8_lossy(&shown.stdout);
    println!("{output}");
    let errors = String::from_utf8_lossy(&shown.stderr);
    assert!(shown.status.success(), "{}: {errors}", shown.status);
    for domain in ["counter", "kv"] {
        for mover in MOVES {
            let figures = figures(&output, domain, mover);
            assert!(!figures.is_empty(), "{domain}{mover}");
            // Every move takes time, and so does the time between two replies.
            let is_measured = |[gap, total]: &[f64; 2]| *gap > 0.0 && *total > 0.0;
            assert!(figures.iter().all(is_measured), "{figures:?}");
        }
    }
}
