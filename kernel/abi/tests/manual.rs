//! Keeps docs/abi.md in step with the table of calls. This test renders the second part of that file from the table.
//!
//! After a change of the table, `CARAVAN_WRITE_MANUAL=1 cargo test -p abi --test manual` renders it again.

use std::fmt::Write as _;
use std::{env, fs, path::Path};

use abi::calls::{DESCRIPTIONS, Description};

const MARK: &str = "<!-- From here on: rendered from kernel/abi/src/calls/table.rs by kernel/abi/tests/manual.rs. -->\n";
const ARGUMENT_REGISTERS: [&str; 8] = ["RDI", "RSI", "RDX", "R10", "R8", "R9", "R12", "R13"];

#[test]
fn the_manual_agrees_with_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/abi.md");
    let manual = fs::read_to_string(&path).expect("docs/abi.md");
    let (by_hand, _) = manual.split_once(MARK).expect("docs/abi.md has the mark");
    let rendered = format!("{by_hand}{MARK}{}", render());
    if env::var_os("CARAVAN_WRITE_MANUAL").is_some() {
        fs::write(&path, &rendered).expect("docs/abi.md can be written");
    }
    let manual = fs::read_to_string(&path).expect("docs/abi.md");
    assert!(
        manual == rendered,
        "docs/abi.md is out of date: CARAVAN_WRITE_MANUAL=1 cargo test -p abi --test manual"
    );
}

fn render() -> String {
    DESCRIPTIONS.iter().map(render_call).collect()
}

fn render_call(call: &Description) -> String {
    let mut text = format!(
        "\n### {} {}\n\n{}\n",
        call.number,
        call.name,
        words(call.text)
    );
    if !call.arguments.is_empty() {
        text.push_str("\n| register | argument | type | meaning |\n| --- | --- | --- | --- |\n");
    }
    for (register, (name, kind, meaning)) in ARGUMENT_REGISTERS.iter().zip(call.arguments) {
        let _ = writeln!(
            text,
            "| {register} | {name} | `{kind}` | {} |",
            words(meaning)
        );
    }
    let _ = writeln!(text, "\nReturns {}.", results(call.output));
    text
}

fn words(lines: &[&str]) -> String {
    lines
        .iter()
        .map(|line| line.trim())
        .collect::<Vec<_>>()
        .join(" ")
}

fn results(output: &str) -> &'static str {
    match output {
        "()" => "nothing but the status in RAX",
        "u64" => "its result in RDI",
        "(u64, u64)" => "its results in RDI and RSI, in the order named",
        "(u64, u64, u64)" => "its results in RDI, RSI and RDX, in the order named",
        "Received" => "a message: badge in RDI, shape in RSI, words 0 to 3 in RDX, R10, R8 and R9",
        other => panic!("{other} is not explained"),
    }
}
