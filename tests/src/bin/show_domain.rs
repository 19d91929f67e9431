//! A demonstration of a domain from outside of this tree: it runs on the first of two machines, moves to the second and back,
//! and is reachable from a third party, a host beside the machines.
//!
//! `show_domain NAME [ADDRESS:PORT] [--once]`; the archives of the machines, `a` and `b`, are found through `CARAVAN_ARTEFACTS`.
//! `cargo caravan run` builds them and starts this program.
//!
//! With `--once` the domain must be a TCP echo service: one connection is kept through both moves, and the exit code is
//! the verdict. Without it the user's commands move the domain.

#![forbid(unsafe_code)]

use std::io::{self, BufRead, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use harness::echo::{REPLIED, Seen};
use harness::fleet::LIMIT;
use harness::output::{Output, Pattern};
use harness::{Fleet, Node, WaitError, child};
use service_protocol::root::DomainState;

/// The machines' boot archives.
const ARCHIVES: [&str; 2] = ["a", "b"];
/// The interval between queries of the domain's state.
const POLL_INTERVAL: Duration = Duration::from_millis(200);
/// How long the echo client runs before, between and after the moves.
const WATCHED: Duration = Duration::from_secs(1);
/// How long a machine's last lines may take to appear in its log.
const LOG_INTERVAL: Duration = Duration::from_millis(300);

const USAGE: &str = "usage: show_domain NAME [ADDRESS:PORT] [--once]";
const COMMANDS: &str = "move, log, quit";

/// The command line.
struct Arguments {
    domain: String,
    service: Option<String>,
    is_once: bool,
}

impl Arguments {
    fn parse(words: impl Iterator<Item = String>) -> Option<Arguments> {
        let (options, words): (Vec<_>, Vec<_>) = words.partition(|word| word.starts_with("--"));
        let mut words = words.into_iter();
        let is_once = match options.as_slice() {
            [] => false,
            [option] if option == "--once" => true,
            _ => return None,
        };
        Some(Arguments {
            domain: words.next()?,
            service: words.next(),
            is_once,
        })
    }
}

fn main() -> ExitCode {
    let Some(arguments) = Arguments::parse(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let screen = Arc::new(Screen::default());
    screen.line("Two machines start on one segment, and a third party beside them.\n");
    let mut fleet = Fleet::boot_as(&ARCHIVES);
    for node in fleet.nodes() {
        follow(node, fleet.output(node), screen.clone());
    }
    fleet.await_up();
    let stage = Stage {
        fleet,
        screen,
        domain: arguments.domain,
    };
    let outcome = stage.await_running().and_then(|()| {
        stage.print_how_to_reach(arguments.service.as_deref());
        match (arguments.is_once, &arguments.service) {
            (false, _) => {
                stage.converse();
                Ok(())
            }
            (true, Some(service)) => stage.move_there_and_back(service),
            (true, None) => Err("--once takes the address of an echo service".to_owned()),
        }
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            stage.screen.line(&format!("\nverdict: FAILED: {reason}"));
            ExitCode::FAILURE
        }
    }
}

/// The machines, the domain on them, and the screen.
struct Stage {
    fleet: Fleet,
    screen: Arc<Screen>,
    domain: String,
}

impl Stage {
    /// Waits until the first machine runs the domain.
    fn await_running(&self) -> Result<(), String> {
        let deadline = Instant::now() + LIMIT;
        loop {
            let list = self.fleet.list(Node::A);
            let state = list.domain(&self.domain).map(|domain| domain.state);
            match state {
                Some(DomainState::Running) => break,
                // The roll call queries the other machine first, and a message may be lost.
                Some(DomainState::Waiting) | None if Instant::now() < deadline => {
                    thread::sleep(POLL_INTERVAL);
                }
                _ => {
                    thread::sleep(LOG_INTERVAL);
                    let name = &self.domain;
                    return Err(match state {
                        Some(state) => {
                            format!("{name} is {state} on machine a, whose log is above")
                        }
                        None => format!("machine a does not know {name}, its log is above: {list}"),
                    });
                }
            }
        }
        // The lines that it logs at its start are shown first.
        thread::sleep(LOG_INTERVAL);
        Ok(())
    }

    fn print_how_to_reach(&self, service: Option<&str>) {
        let name = &self.domain;
        let Some((address, port)) = service.and_then(|service| service.split_once(':')) else {
            return self.screen.line(&format!("\n{name} runs on machine a."));
        };
        let entrance = self.fleet.party.entrance().join(" ");
        self.screen.line(&format!(
            "\n{name} runs on machine a. From another terminal, this sends it lines and shows its replies:\n\n  \
             {entrance} bash -c 'exec 3<>/dev/tcp/{address}/{port}; while read -r line; do \
             echo \"$line\" >&3; read -r line <&3 || exit; echo \"$line\"; done'\n"
        ));
    }

    /// Moves the domain to the other machine, and shows the migration server's reply.
    fn relocate(&self) -> Result<(), String> {
        let is_there = |from: &Node| self.fleet.list(*from).has(&self.domain);
        let from = [Node::A, Node::B].into_iter().find(is_there);
        let from = from.ok_or_else(|| format!("no machine has {}", self.domain))?;
        let to = from.other();
        let reply = self
            .fleet
            .command(from, &["migrate", &self.domain, to.name()]);
        for line in reply.lines() {
            self.screen.line(&format!("    {line}"));
        }
        let (name, to) = (&self.domain, to.name());
        if !reply.ends_with("done") {
            let reason = reply.lines().last().unwrap_or("no reply");
            return Err(format!("{name} does not move to {to}: {reason}"));
        }
        self.screen.line(&format!("{name} runs on machine {to}."));
        Ok(())
    }

    /// Moves the domain twice while an echo client checks it.
    fn move_there_and_back(&self, service: &str) -> Result<(), String> {
        let program = child::beside("echo", "cargo build -p harness --bins");
        let program = program.to_str().expect("a path that is text");
        let client = self.fleet.party.start(program, &[service]);
        let is_echo = client.writes(REPLIED, LIMIT);
        if is_echo {
            for _ in 0..2 {
                thread::sleep(WATCHED);
                self.relocate()?;
            }
            thread::sleep(WATCHED);
        }
        let output = client.finish(LIMIT);
        let seen = output
            .lines()
            .last()
            .and_then(|line| serde_json::from_str(line).ok());
        let seen: Seen = seen.ok_or_else(|| format!("the echo client printed {output:?}"))?;
        let name = &self.domain;
        self.screen.line(&format!("\n{name}: {seen}"));
        match seen.failure {
            Some(reason) if !is_echo => Err(format!(
                "{name} does not echo: {reason}\nnext: `run --once` checks an echo service; `run` moves any domain at your commands"
            )),
            Some(reason) => Err(format!("the connection was lost: {reason}")),
            None => {
                self.screen
                    .line("verdict: the connection survived both moves");
                Ok(())
            }
        }
    }

    /// Executes commands until the user quits.
    fn converse(&self) {
        self.screen.line(&format!("Commands: {COMMANDS}."));
        while let Some(command) = self.screen.read() {
            match command.trim() {
                "" => {}
                "quit" | "exit" => return,
                "move" => {
                    if let Err(reason) = self.relocate() {
                        self.screen.line(&reason);
                    }
                }
                "log" => self.show_logs(),
                other => self
                    .screen
                    .line(&format!("no command `{other}`; there are {COMMANDS}")),
            }
        }
    }

    fn show_logs(&self) {
        for node in self.fleet.nodes() {
            for line in self.fleet.log(node).lines() {
                self.screen.line(&log_line(node, line));
            }
        }
    }
}

/// Shows a machine's log continuously.
fn follow(node: Node, log: Output, screen: Arc<Screen>) {
    thread::spawn(move || {
        let mut from = 0;
        loop {
            match log.wait_for(Pattern::Line("\n"), from, LIMIT) {
                Ok(line) => {
                    screen.line(&log_line(node, &line.text));
                    from = line.end;
                }
                Err(WaitError::TimedOut) => {}
                Err(WaitError::Ended) => return,
            }
        }
    });
}

fn log_line(node: Node, line: &str) -> String {
    format!("{} | {}", node.name(), line.trim_end())
}

/// The standard output, to which several threads write complete lines around a prompt.
#[derive(Default)]
struct Screen {
    /// Whether the last line is a prompt.
    is_prompted: Mutex<bool>,
}

const PROMPT: &str = "> ";
/// Returns to the start of the line and clears it.
const CLEAR_LINE: &str = "\r\x1b[K";

impl Screen {
    fn line(&self, text: &str) {
        let is_prompted = self.is_prompted.lock().expect("no writer panics");
        // An error means that the output is closed.
        let mut out = io::stdout();
        let _ = if *is_prompted {
            write!(out, "{CLEAR_LINE}{text}\n{PROMPT}")
        } else {
            writeln!(out, "{text}")
        };
        let _ = out.flush();
    }

    /// The next typed line, after a prompt on a terminal.
    fn read(&self) -> Option<String> {
        if io::stdin().is_terminal() && io::stdout().is_terminal() {
            print!("{PROMPT}");
            let _ = io::stdout().flush();
            *self.is_prompted.lock().expect("no writer panics") = true;
        }
        let mut line = String::new();
        let count = io::stdin().lock().read_line(&mut line).unwrap_or(0);
        *self.is_prompted.lock().expect("no writer panics") = false;
        (count > 0).then_some(line)
    }
}
