//! Commands that the program refuses. Each error names the offending item, the reason and the next step; an error in a file also
//! names the line.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

const TREE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

fn caravan(directory: &Path, tree: &str, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cargo-caravan"));
    command
        .arg("caravan")
        .args(words)
        .current_dir(directory)
        .env("CARAVAN_HOME", tree)
        .env_remove("CARAVAN_SECRET");
    command.output().expect("the program starts")
}

/// The error message of a command that is refused.
fn refusal(directory: &Path, words: &[&str]) -> String {
    refusal_with(directory, TREE, words)
}

fn refusal_with(directory: &Path, tree: &str, words: &[&str]) -> String {
    let output = caravan(directory, tree, words);
    let text = String::from_utf8(output.stderr).expect("text");
    assert!(!output.status.success(), "{words:?}: {text}");
    assert!(text.starts_with("cargo caravan: "), "{text}");
    assert!(text.contains("\n  next: "), "{text}");
    text
}

/// A temporary directory with a new crate in it, and the crate's directory.
fn place_with_crate() -> (TempDir, PathBuf) {
    let place = tempfile::tempdir().expect("a directory");
    let output = caravan(place.path(), TREE, &["new", "echo"]);
    assert!(output.status.success(), "{output:?}");
    let directory = place.path().join("echo");
    (place, directory)
}

#[test]
fn a_misspelt_command_is_named_with_the_known_ones() {
    let place = tempfile::tempdir().expect("a directory");
    for words in [
        &["biuld"][..],
        &[],
        &["run", "--onec"],
        &["new", "--path"],
        &["push"],
    ] {
        let text = refusal(place.path(), words);
        assert!(words.iter().all(|word| text.contains(word)), "{text}");
        assert!(text.contains("new, build, run"), "{text}");
    }
    let output = caravan(place.path(), TREE, &["biuld"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn an_existing_file_is_not_overwritten() {
    let (place, directory) = place_with_crate();
    fs::write(directory.join("src/main.rs"), "mine").expect("a file");
    for words in [&["new", "echo"][..], &["new", "other", "--path", "echo"]] {
        assert!(refusal(place.path(), words).contains("echo exists"));
    }
    let text = fs::read_to_string(directory.join("src/main.rs")).expect("a file");
    assert_eq!(text, "mine");
    assert!(refusal(place.path(), &["new", "my echo"]).contains("`my echo`"));
}

#[test]
fn a_missing_tree_is_named() {
    let (_place, directory) = place_with_crate();
    let text = refusal_with(&directory, "/gone/caravan", &["build"]);
    assert!(
        text.contains("/gone/caravan") && text.contains("CARAVAN_HOME"),
        "{text}"
    );
}

#[test]
fn a_directory_without_a_domain_is_named() {
    let place = tempfile::tempdir().expect("a directory");
    let text = refusal(place.path(), &["build"]);
    assert!(
        text.contains("caravan.toml") && text.contains("cargo caravan new"),
        "{text}"
    );
}

#[test]
fn a_domain_is_not_sent_without_a_machine_and_a_secret() {
    let (_place, directory) = place_with_crate();
    let file = directory.join("secret");
    let file = file.to_str().expect("a path that is text");
    for (words, reason) in [
        (&["push"][..], "--on <MACHINE>"),
        (&["push", "--on", "::1"], "--on `::1`: expected an IPv4"),
        (&["push", "--on", "a/b"], "next: give the address of"),
        (&["push", "--on", "10.77.0.1"], "CARAVAN_SECRET"),
        (&["push", "--on", "10.77.0.1", "--secret", file], file),
    ] {
        assert!(refusal(&directory, words).contains(reason), "{words:?}");
        let output = caravan(&directory, TREE, words);
        assert_eq!(output.status.code(), Some(2), "{words:?}");
    }
}

#[test]
fn a_mistake_in_the_entry_is_shown_with_its_line() {
    let (_place, directory) = place_with_crate();
    let file = directory.join("caravan.toml");
    let good = fs::read_to_string(&file).expect("the entry");
    let line_of = |text: &str| {
        let found = good.lines().position(|line| line.contains(text));
        found.expect("a line of the entry") + 1
    };
    for (command, from, to, reason) in [
        ("build", "pool_mib = 8", "pool_mb = 8", "`pool_mb`"),
        ("build", "heap_mib = 2", "heap_mib = 9", "heap_mib"),
        (
            "build",
            "image = \"echo\"",
            "image = \"eco\"",
            "no binary `eco`; its binaries are: echo",
        ),
        (
            "build",
            "image = \"echo\"",
            "image = \"kv\"",
            "the tree has a program of this name",
        ),
        ("run", "home = \"a\"", "home = \"c\"", "home = \"a\""),
        ("run", "10.77.0.40", "10.78.0.40", "10.78.0.40"),
        ("run", "port = \"7\"", "port = \"seven\"", "not a TCP port"),
    ] {
        let wrong = good.replace(from, to);
        assert_ne!(wrong, good, "{from}");
        fs::write(&file, wrong).expect("the entry");
        let text = refusal(&directory, &[command]);
        let place = format!("caravan.toml:{}: ", line_of(from));
        assert!(text.contains(&place) && text.contains(reason), "{text}");
    }
}
