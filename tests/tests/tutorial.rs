//! The tutorial, followed to the letter in a temporary directory.
//!
//! | block of `docs/tutorial.md` | meaning |
//! | --- | --- |
//! | `sh` | commands, one per line, that succeed; the last one may start a session |
//! | `text` | their output, in order; `...` is any text, machines' lines may come at any time, a line after `> ` is typed |
//! | `text second` | pairs of lines in a second terminal: one is typed, the other is the reply |
//! | `console` | commands after `$ `, and their output, beside two machines that run already: the test starts them first |
//! | `rust`, `toml` | the crate's `src/main.rs` and `caravan.toml` |
//!
//! The tree and the programs are those of this build, so the test skips the commands that fetch them: [`DONE`].

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Stdio};
use std::time::Duration;

use harness::output::{Output, Pattern};
use harness::{Fleet, child, scratch};

const TUTORIAL: &str = include_str!("../../docs/tutorial.md");

/// The commands that fetch the tree and the programs, in the order of the tutorial.
const DONE: [&str; 5] = [
    "cd caravan",
    "scripts/run --once",
    "cargo install --locked --path userland/cargo-caravan",
    "cd ..",
    "cargo install --locked --path ../caravan/userland/cli",
];
/// The command that runs until it is ended.
const SESSION: &str = "cargo caravan run";
/// The prefix of the session's line that is to be run in a second terminal.
const ENTRANCE: &str = "  nsenter ";
/// The prompt, before typed text.
const PROMPT: &str = "> ";
/// The prompt of a shell beside machines that run already.
const SHELL_PROMPT: &str = "$ ";
/// How long any step may take, builds included. Only a hang reaches this limit.
const LIMIT: Duration = Duration::from_secs(3600);

#[test]
fn the_tutorial_works_as_shown() {
    let scratch = scratch::directory();
    let mut reader = Reader::new(scratch.path());
    for block in blocks(TUTORIAL) {
        reader.follow(&block);
    }
    reader.finish();
}

/// A fenced block.
struct Block<'a> {
    info: &'a str,
    lines: Vec<&'a str>,
}

fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(info) = line.strip_prefix("```") {
            let lines = lines.by_ref().take_while(|line| *line != "```").collect();
            blocks.push(Block { info, lines });
        }
    }
    blocks
}

/// A reader of the tutorial at two terminals.
struct Reader {
    directory: PathBuf,
    done: Vec<&'static str>,
    first: Option<Terminal>,
    second: Option<Terminal>,
    console: Option<Console>,
}

/// A shell in the network of two machines.
struct Console {
    // Declared first, so that it ends before the machines.
    terminal: Terminal,
    _machines: Fleet,
}

impl Console {
    fn start(directory: &Path) -> Console {
        let machines = Fleet::start();
        let shell = machines.party.entrance().join(" ") + " bash";
        Console {
            terminal: Terminal::start(&shell, directory),
            _machines: machines,
        }
    }
}

impl Reader {
    fn new(directory: &Path) -> Reader {
        Reader {
            directory: directory.to_owned(),
            done: Vec::new(),
            first: None,
            second: None,
            console: None,
        }
    }

    fn follow(&mut self, block: &Block<'_>) {
        match block.info {
            "sh" => block.lines.iter().for_each(|line| self.run(line)),
            "text" => {
                let terminal = self.first.as_mut().expect("a command before its output");
                block.lines.iter().for_each(|line| terminal.follow(line));
            }
            "text second" => self.follow_second(&block.lines),
            "console" => self.follow_console(&block.lines),
            "rust" => self.compare("src/main.rs", &block.lines),
            "toml" => self.compare("caravan.toml", &block.lines),
            other => panic!("a block of an unknown kind, `{other}`"),
        }
    }

    fn run(&mut self, line: &str) {
        if let Some(done) = DONE.iter().find(|done| **done == line) {
            return self.done.push(done);
        }
        if let Some(directory) = line.strip_prefix("cd ") {
            self.directory.push(directory);
            return assert!(self.directory.is_dir(), "{line}");
        }
        self.end_first();
        let mut terminal = Terminal::start(line, &self.directory);
        if line != SESSION {
            terminal.end();
        }
        self.first = Some(terminal);
    }

    fn follow_second(&mut self, lines: &[&str]) {
        let first = self.first.as_ref().expect("a session");
        let second = self.second.get_or_insert_with(|| {
            let text = first.output.text();
            let command = text.lines().find(|line| line.starts_with(ENTRANCE));
            let command = command.expect("a command for a second terminal");
            Terminal::start(command, &self.directory)
        });
        for pair in lines.chunks(2) {
            let [typed, reply] = pair else {
                panic!("{pair:?} is not a pair");
            };
            second.write(typed);
            second.follow(reply);
        }
    }

    fn follow_console(&mut self, lines: &[&str]) {
        self.end_session();
        let console = &mut self.console;
        let console = console.get_or_insert_with(|| Console::start(&self.directory));
        for line in lines {
            let Some(command) = line.strip_prefix(SHELL_PROMPT) else {
                console.terminal.expect(line);
                continue;
            };
            match DONE.iter().find(|done| **done == command) {
                Some(done) => self.done.push(done),
                // The shell ends at a command that fails, and with it the wait for its output.
                None => console.terminal.write(&format!("{command} || exit")),
            }
        }
    }

    fn compare(&self, file: &str, lines: &[&str]) {
        let text = fs::read_to_string(self.directory.join(file)).expect("a file of the crate");
        assert_eq!(text.lines().collect::<Vec<_>>(), lines, "{file}");
    }

    /// Ends the session, if the last command is one.
    fn end_first(&mut self) {
        if let Some(mut terminal) = self.first.take() {
            terminal.end();
        }
    }

    /// Ends the session and the second terminal, whose connection outlives all moves, but not the machines.
    fn end_session(&mut self) {
        if let Some(mut second) = self.second.take() {
            second.keyboard = None;
            second.end();
        }
        self.end_first();
    }

    fn finish(mut self) {
        self.end_session();
        if let Some(Console { mut terminal, .. }) = self.console.take() {
            terminal.keyboard = None;
            terminal.end();
        }
        assert_eq!(self.done, DONE, "the commands that get the tree");
    }
}

/// A running command, and its output.
struct Terminal {
    command: String,
    process: child::Child,
    keyboard: Option<ChildStdin>,
    output: Output,
    /// The length of the output that has been matched.
    matched: usize,
}

impl Terminal {
    fn start(line: &str, directory: &Path) -> Terminal {
        let mut command = child::command("bash");
        command
            .args(["-c", &format!("{line} 2>&1")])
            .current_dir(directory)
            .env("PATH", path())
            .env(
                "CARAVAN_HOME",
                Path::new(env!("CARGO_MANIFEST_DIR")).join(".."),
            )
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit());
        println!("$ {line}");
        let mut process = child::spawn(command).expect("bash starts");
        Terminal {
            command: line.to_owned(),
            keyboard: process.take_stdin(),
            output: Output::follow(process.take_stdout().expect("a piped stdout")),
            process,
            matched: 0,
        }
    }

    /// Types the line, or waits until it is printed.
    fn follow(&mut self, line: &str) {
        match line.strip_prefix(PROMPT) {
            Some(typed) => self.write(typed),
            None => self.expect(line),
        }
    }

    fn write(&mut self, line: &str) {
        let keyboard = self.keyboard.as_mut().expect("an open input");
        writeln!(keyboard, "{line}").expect("a command that reads");
    }

    fn expect(&mut self, line: &str) {
        let is_a_machines = ["a | ", "b | "].iter().any(|start| line.starts_with(start));
        let mut from = if is_a_machines { 0 } else { self.matched };
        for piece in line.split("...").filter(|piece| !piece.trim().is_empty()) {
            let found = self.output.wait_for(Pattern::Text(piece), from, LIMIT);
            let found = found.unwrap_or_else(|error| {
                panic!(
                    "`{}` does not show `{line}` ({error:?}):\n{}",
                    self.command,
                    self.output.text()
                )
            });
            from = found.end;
        }
        self.matched = self.matched.max(if is_a_machines { 0 } else { from });
    }

    /// Waits for the command to end successfully.
    fn end(&mut self) {
        let status = self.process.wait(LIMIT);
        self.output.wait_for_end(LIMIT);
        let has_succeeded = status.is_some_and(|status| status.success());
        assert!(
            has_succeeded,
            "`{}`: {status:?}\n{}",
            self.command,
            self.output.text()
        );
    }
}

/// The search path, with the programs of this build first. It includes cargo's own directory, which cargo would otherwise
/// search first for subcommands.
fn path() -> std::ffi::OsString {
    let program = child::beside("cargo-caravan", "cargo build -p cargo-caravan");
    let programs = program.parent().expect("a directory").to_owned();
    let cargo = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let cargo = cargo.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let directories = [programs].into_iter().chain(std::env::split_paths(&path));
    let directories = directories.chain(cargo.map(|cargo| cargo.join("bin")));
    std::env::join_paths(directories).expect("a path that was a list before")
}
