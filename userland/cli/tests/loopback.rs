//! The command line against migration servers on the loopback interface.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{self, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use caravan::connection::Connection;
use caravan::logs::{Logs, Poll};
use caravan::screen::Format;
use caravan::session::Session;
use identity::Name;
use manifest::{Domain, Package};
use nomad_channel::{Incoming, Keys, OperatorSession, Random, Sessions, Suites};
use nomad_client::event::LogLine;
use nomad_client::operator::{self, Action};
use nomad_client::{Command, End, Event};

const SECRET: &str = "of this test";
const A: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 1);
const B: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
/// The number of lines in the machine's log at first. The counter logged all of them, except those whose number ends in
/// 7.
const LOG_LINES: u64 = 150;
/// The maximum number of lines in a reply.
const LINES_MAX: usize = 64;

/// A migration server that only sends prepared replies. It ends with the test's process.
struct Server {
    socket: UdpSocket,
    executed: Arc<AtomicUsize>,
    /// The number of lines in its log.
    log_lines: Arc<AtomicU64>,
}

impl Server {
    fn start(at: SocketAddrV4) -> Server {
        let socket = UdpSocket::bind(at).expect("a port");
        let executed = Arc::new(AtomicUsize::new(0));
        let log_lines = Arc::new(AtomicU64::new(LOG_LINES));
        let server = Server {
            socket: socket.try_clone().expect("the same socket"),
            executed: executed.clone(),
            log_lines: log_lines.clone(),
        };
        std::thread::spawn(move || serve(&socket, &executed, &log_lines));
        server
    }

    fn address(&self) -> SocketAddr {
        self.socket.local_addr().expect("a bound socket")
    }

    fn set_log_lines(&self, count: u64) {
        self.log_lines.store(count, Ordering::SeqCst);
    }

    fn executed(&self) -> usize {
        self.executed.load(Ordering::SeqCst)
    }
}

fn serve(socket: &UdpSocket, executed: &AtomicUsize, log_lines: &AtomicU64) {
    let SocketAddr::V4(own) = socket.local_addr().expect("a bound socket") else {
        panic!("an IPv4 socket");
    };
    let own_name = if *own.ip() == B { "b" } else { "a" };
    let keys = Keys::new(SECRET, name(own_name));
    let mut sessions = Sessions::new(Random::new([own.port().into(), 1, 2, 3]), Suites::ALL);
    sessions.set_address(*own.ip());
    let mut operators: operator::Server<(OperatorSession, SocketAddr)> =
        operator::Server::new(Random::new([4, 5, 6, 7]));
    let begun = Instant::now();
    let mut upload = Vec::new();
    let mut datagram = [0; 2048];
    loop {
        let (length, from) = socket.recv_from(&mut datagram).expect("a socket");
        let now_us = begun.elapsed().as_micros() as u64;
        let Ok(received) = sessions.handle_datagram(&keys, now_us, &datagram[..length]) else {
            continue;
        };
        for answer in received.replies {
            socket.send_to(&answer, from).expect("sent");
        }
        if let Some(Incoming::Operator(session, message)) = received.incoming
            && let Some(request) = operators.handle_message((session, from), &message)
        {
            let events = match request.action {
                Action::Execute(command) => {
                    executed.fetch_add(1, Ordering::SeqCst);
                    upload.clear();
                    reply(&command, log_lines.load(Ordering::SeqCst))
                }
                Action::AcceptData(piece) => {
                    upload.extend(piece);
                    reply_to_package(&upload)
                }
            };
            for event in events {
                operators.send_event(request.id, event);
            }
        }
        while let Some(((session, to), message)) = operators.poll_message() {
            let datagram = sessions.reply(now_us, session, &message);
            socket
                .send_to(&datagram.expect("a session"), to)
                .expect("sent");
        }
    }
}

fn reply(command: &Command, log_lines: u64) -> Vec<Event> {
    if let Command::Logs(range) = command {
        let lines = (range.from..log_lines).map(log_line);
        let is_wanted = |line: &LogLine| range.domain.is_none_or(|domain| domain == line.domain);
        let lines = lines.filter(is_wanted).take(LINES_MAX).map(Event::Log);
        return lines.chain([Event::Done]).collect();
    }
    let events: &[&str] = match command {
        Command::List => &[
            r#"{"domain":{"name":"kv","id":"7","state":"running","movable":true,"is_part_of_machine":false,"has_package":false,"incarnation":3,
                "spent_pages":512,"pool_pages":11264,"home":null}}"#,
            r#""done""#,
        ],
        Command::Machines => &[
            r#"{"machine":{"name":"a","address":"127.0.0.1","origin":"own","double":null}}"#,
            r#"{"machine":{"name":"b","address":"127.0.0.2","origin":"hello","double":null}}"#,
            r#""done""#,
        ],
        Command::Migrate(..) => &[
            r#"{"move":{"phase":"Rounds"}}"#,
            r#"{"move":"committed"}"#,
            r#"{"move":"finished"}"#,
        ],
        Command::Memory => &[
            r#"{"memory":{"machine":{"pool_pages":25600,"spent_pages":12800,"pages_being_freed":0,"heap_growth_pages":0,"heap_free":1,"switch_heap_free":1},
                "nomad_heap_free":1,"nomad_heap_free_min":1}}"#,
            r#""done""#,
        ],
        Command::Run(..) => &[],
        _ => &[r#"{"failed":"no domain of this name is here"}"#],
    };
    let events = events.iter().map(|event| serde_json::from_str(event));
    events.map(|event| event.expect("an event")).collect()
}

/// The reply to a package, once it is complete.
fn reply_to_package(bytes: &[u8]) -> Vec<Event> {
    match Package::from_bytes(bytes) {
        Ok(package) if package.program == program() => {
            let name = package.domain.name;
            vec![Event::Received(name), Event::Started(name), Event::Done]
        }
        _ => Vec::new(),
    }
}

fn log_line(number: u64) -> LogLine {
    LogLine {
        number,
        dropped: 0,
        domain: name(if number % 10 == 7 { "kv" } else { "counter" }),
        text: format!("line {number}"),
    }
}

fn name(text: &str) -> Name {
    Name::try_new(text).expect("a name")
}

/// A program that needs more than one window of datagrams.
fn program() -> Vec<u8> {
    (0..100_000_u32).map(|index| index as u8).collect()
}

/// A file that is deleted when the test ends.
struct File(PathBuf);

impl File {
    fn new(name: &str, bytes: &[u8]) -> File {
        let file = File(std::env::temp_dir().join(format!("{}-{name}", process::id())));
        fs::write(&file.0, bytes).expect("a file");
        file
    }

    fn path(&self) -> &str {
        self.0.to_str().expect("a path that is text")
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn caravan(secret: Option<&str>, arguments: &[&str]) -> Output {
    let mut command = process::Command::new(env!("CARGO_BIN_EXE_caravan"));
    command.args(arguments).env_remove("CARAVAN_SECRET");
    command.envs(secret.map(|secret| ("CARAVAN_SECRET", secret)));
    command.output().expect("the command line runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_client_with_the_secret_gets_a_reply() {
    let server = Server::start(SocketAddrV4::new(A, 0));
    let at = server.address().to_string();
    let moved = caravan(Some(SECRET), &[&at, "migrate", "kv", "b"]);
    assert_eq!(text(&moved.stdout), "phase Rounds\ncommitted\ndone\n");
    assert_eq!(moved.status.code(), Some(0));
    let refused = caravan(Some(SECRET), &["--json", &at, "explain", "nobody"]);
    assert!(text(&refused.stdout).contains(r#""event":{"failed":"#));
    assert_eq!(refused.status.code(), Some(1));
    let domains = caravan(Some(SECRET), &[&at, "ps"]);
    assert!(text(&domains.stdout).contains("kv "), "{domains:?}");
}

/// Datagrams for one address reach a machine that has another address: by address translation, or because someone forwards them.
#[test]
fn a_machine_at_another_address_is_commanded_only_by_its_name() {
    let server = Server::start(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0));
    let at = SocketAddrV4::new(A, server.address().port());
    for (target, parts) in [
        (
            at.to_string(),
            [
                "the machine a at 0.0.0.0",
                "next: give 0.0.0.0 as",
                "a@127.0.0.1",
            ],
        ),
        (
            format!("b@{at}"),
            [
                "the machine a has replied instead of b",
                "next: give a",
                "the address of b",
            ],
        ),
    ] {
        let refused = caravan(Some(SECRET), &[&target, "ps"]);
        let error = text(&refused.stderr);
        for part in parts {
            assert!(error.contains(part), "{error}");
        }
        assert_eq!(refused.status.code(), Some(1));
    }
    assert_eq!(server.executed(), 0);
    let domains = caravan(Some(SECRET), &[&format!("a@{at}"), "ps"]);
    assert!(text(&domains.stdout).contains("kv "), "{domains:?}");
}

#[test]
fn a_client_with_another_secret_gets_no_reply_and_the_likely_reason() {
    let server = Server::start(SocketAddrV4::new(A, 0));
    let at = server.address().to_string();
    let refused = caravan(Some("another"), &[&at, "migrate", "kv", "b"]);
    assert_eq!(refused.status.code(), Some(1));
    let error = text(&refused.stderr);
    assert!(error.contains(&at), "{error}");
    assert!(
        error.contains("the machine does not reply, or has another secret or version\n  next: "),
        "{error}"
    );
    assert_eq!(server.executed(), 0);
}

#[test]
fn without_a_secret_nothing_is_sent() {
    let refused = caravan(None, &["127.0.0.1", "list"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains("--secret FILE"));
}

#[test]
fn each_machine_is_queried_and_a_silent_one_is_named() {
    let a = Server::start(SocketAddrV4::new(A, 0));
    let at = a.address();
    let machines = || caravan(Some(SECRET), &["--json", &at.to_string(), "machines"]);
    let objects = |output: &Output| -> Vec<serde_json::Value> {
        let lines = text(&output.stdout);
        lines
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect()
    };
    let alone = machines();
    let fleet = objects(&alone);
    assert_eq!(
        (&fleet[0]["answers"], &fleet[0]["domains"]),
        (&true.into(), &1.into())
    );
    assert_eq!(
        (&fleet[1]["name"], &fleet[1]["answers"]),
        (&"b".into(), &false.into())
    );
    assert_eq!(alone.status.code(), Some(1));
    let b = Server::start(SocketAddrV4::new(B, at.port()));
    let both = machines();
    assert_eq!(objects(&both)[1]["answers"], true);
    assert_eq!(both.status.code(), Some(0));
    assert_eq!(b.executed(), 1);
}

#[test]
fn a_package_is_sent_whole_and_its_domain_started() {
    let server = Server::start(SocketAddrV4::new(A, 0));
    let domain = r#"{"name":"echo","image":"echo","pool_mib":8}"#;
    let domain: Domain = serde_json::from_str(domain).expect("an entry");
    let program = program();
    let package = Package {
        domain,
        program: &program,
    };
    let file = File::new("echo.caravan", &package.to_bytes());
    let at = server.address().to_string();
    let run = caravan(Some(SECRET), &["run", file.path(), "--on", &at]);
    let shown = text(&run.stdout);
    assert_eq!(
        shown, "echo is received\necho is started\ndone\n",
        "{run:?}"
    );
    assert_eq!(run.status.code(), Some(0));
}

#[test]
fn a_file_that_is_not_a_package_is_not_sent() {
    let server = Server::start(SocketAddrV4::new(A, 0));
    let file = File::new("echo.elf", b"\x7fELF");
    for (path, reason) in [
        (file.path(), "it is not a package of version 2"),
        ("/nowhere/echo.caravan", "No such file"),
    ] {
        let refused = caravan(Some(SECRET), &[&server.address().to_string(), "run", path]);
        assert_eq!(refused.status.code(), Some(1));
        let error = text(&refused.stderr);
        for part in [path, reason, "\n  next: `cargo caravan build`"] {
            assert!(error.contains(part), "{error}");
        }
    }
    assert_eq!(server.executed(), 0);
}

#[test]
fn the_log_is_printed_to_its_end() {
    let server = Server::start(SocketAddrV4::new(A, 0));
    let at = server.address().to_string();
    let all = text(&caravan(Some(SECRET), &[&at, "logs"]).stdout);
    let expected = (0..LOG_LINES).map(|number| log_line(number).to_string());
    assert!(all.lines().eq(expected), "{all}");
    let of_kv = text(&caravan(Some(SECRET), &[&at, "logs", "kv", "--json"]).stdout);
    assert_eq!(of_kv.lines().count() as u64, LOG_LINES / 10 + 1);
    assert!(of_kv.ends_with("\"text\":\"done\"}\n"), "{of_kv}");
    let of_unknown = caravan(Some(SECRET), &[&at, "logs", "vk"]);
    assert!(text(&of_unknown.stdout).contains("no domain `vk`"));
    assert_eq!(of_unknown.status.code(), Some(1));
}

fn session_at(server: SocketAddrV4) -> Session {
    Session {
        connection: Connection {
            secret: SECRET.into(),
        },
        server: server.into(),
        format: Format::Lines,
    }
}

#[test]
fn a_followed_log_goes_on_when_its_machine_has_restarted() {
    let server = Server::start(SocketAddrV4::new(A, 0));
    let SocketAddr::V4(address) = server.address() else {
        panic!("an IPv4 socket");
    };
    let session = session_at(address);
    let mut shown = Vec::new();
    let mut logs = Logs::new(&session, None, &mut shown);
    // The third log has fewer lines, since its machine was restarted.
    for lines in [20, 100, 5, 5, 8] {
        server.set_log_lines(lines);
        assert_eq!(logs.poll().ok(), Some(End::Done));
    }
    let expected = (0..100).chain(0..8);
    let expected = expected.map(|number| log_line(number).to_string());
    let shown = text(&shown);
    assert!(shown.lines().eq(expected), "{shown}");
}

#[test]
fn a_followed_log_waits_for_a_machine_that_does_not_reply() {
    let unused = UdpSocket::bind((A, 0)).expect("a port");
    let SocketAddr::V4(address) = unused.local_addr().expect("bound") else {
        panic!("an IPv4 socket");
    };
    let session = session_at(address);
    let mut shown = Vec::new();
    let mut logs = Logs::new(&session, None, &mut shown);
    assert_eq!(logs.poll_or_wait().expect("patience"), Poll::Silent);
    drop(unused);
    Server::start(address);
    let replied = Poll::Replied(End::Done);
    assert_eq!(logs.poll_or_wait().expect("a reply"), replied);
    assert_eq!(text(&shown).lines().count() as u64, LOG_LINES);
}

/// The outputs of the program for commands of each kind, when its standard output is `stdout`.
fn outputs(stdout: &OwnedFd) -> Vec<Output> {
    let server = Server::start(SocketAddrV4::new(A, 0));
    let b = Server::start(SocketAddrV4::new(B, server.address().port()));
    let at = server.address().to_string();
    let mut outputs: Vec<Output> = ["ps", "machines", "top", "logs", "migrate kv b"]
        .map(|line| {
            let words = line.split(' ').map(String::from);
            let arguments: Vec<String> = [at.clone()].into_iter().chain(words).collect();
            run_into(stdout, &arguments)
        })
        .into();
    outputs.push(run_into(stdout, &["--completions".into(), "bash".into()]));
    assert!(
        server.executed() >= 5 && b.executed() == 1,
        "each command is executed"
    );
    outputs
}

fn run_into(stdout: &OwnedFd, arguments: &[String]) -> Output {
    let stdout = stdout.try_clone().expect("the same output");
    let mut command = process::Command::new(env!("CARGO_BIN_EXE_caravan"));
    command.args(arguments).env("CARAVAN_SECRET", SECRET);
    command.stdout(stdout).stderr(Stdio::piped());
    let child = command.spawn().expect("the command line runs");
    child.wait_with_output().expect("it ends")
}

#[test]
fn an_output_that_nobody_reads_ends_the_program_without_a_message() {
    let (reader, output) = UnixStream::pair().expect("a pair");
    drop(reader);
    for output in outputs(&output.into()) {
        assert_eq!(text(&output.stderr), "");
        assert_eq!(output.status.code(), Some(0));
    }
}

#[test]
fn an_output_that_cannot_be_written_is_an_error_of_the_output_alone() {
    let full = fs::File::options().write(true).open("/dev/full");
    for output in outputs(&full.expect("a device").into()) {
        let error = text(&output.stderr);
        let expected = "caravan: the output cannot be written: No space left";
        assert!(error.starts_with(expected), "{error}");
        assert_eq!(output.status.code(), Some(1));
    }
}

#[test]
fn without_a_terminal_top_prints_the_domains_and_the_memory_once() {
    let server = Server::start(SocketAddrV4::new(A, 0));
    let top = caravan(
        Some(SECRET),
        &["top", "--on", &server.address().to_string()],
    );
    let shown = text(&top.stdout);
    let lines: Vec<&str> = shown.lines().collect();
    assert!(lines[1].starts_with("kv "), "{shown}");
    assert_eq!(lines[2..], ["memory: 50 of 100 MiB, 50 %"]);
}
