//! The command line against migration servers on the loopback interface.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::process::{self, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use nomad_channel::{Incoming, Keys, OperatorSession, Random, Sessions};
use nomad_client::{Command, Event, operator};

const SECRET: &str = "of this test";
const A: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 1);
const B: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// A migration server that replies and does nothing. It ends with the test's process.
struct Server {
    socket: UdpSocket,
    executed: Arc<AtomicUsize>,
}

impl Server {
    fn start(at: SocketAddrV4) -> Server {
        let socket = UdpSocket::bind(at).expect("a port");
        let executed = Arc::new(AtomicUsize::new(0));
        let server = Server {
            socket: socket.try_clone().expect("the same socket"),
            executed: executed.clone(),
        };
        std::thread::spawn(move || serve(&socket, &executed));
        server
    }

    fn address(&self) -> SocketAddr {
        self.socket.local_addr().expect("a bound socket")
    }

    fn executed(&self) -> usize {
        self.executed.load(Ordering::SeqCst)
    }
}

fn serve(socket: &UdpSocket, executed: &AtomicUsize) {
    let SocketAddr::V4(own) = socket.local_addr().expect("a bound socket") else {
        panic!("an IPv4 socket");
    };
    let keys = Keys::new(SECRET, *own.ip());
    let mut sessions = Sessions::new(Random::new([own.port().into(), 1, 2, 3]));
    let mut operators: operator::Server<(OperatorSession, SocketAddr)> =
        operator::Server::new(Random::new([4, 5, 6, 7]));
    let begun = Instant::now();
    let mut datagram = [0; 2048];
    loop {
        let (length, from) = socket.recv_from(&mut datagram).expect("a socket");
        let now_us = begun.elapsed().as_micros() as u64;
        let Ok(received) = sessions.handle_datagram(&keys, now_us, A, &datagram[..length]) else {
            continue;
        };
        for answer in received.answers {
            socket.send_to(&answer, from).expect("sent");
        }
        if let Some(Incoming::Operator(session, message)) = received.incoming
            && let Some(request) = operators.handle_message((session, from), &message)
        {
            executed.fetch_add(1, Ordering::SeqCst);
            for event in reply(&request.command) {
                operators.send_event(request.id, event);
            }
        }
        while let Some(((session, to), message)) = operators.poll_message() {
            let datagram = sessions.answer(now_us, session, &message);
            socket
                .send_to(&datagram.expect("a session"), to)
                .expect("sent");
        }
    }
}

fn reply(command: &Command) -> Vec<Event> {
    let events: &[&str] = match command {
        Command::List => &[
            r#"{"domain":{"name":"kv","id":"7","state":"running","movable":true,"incarnation":3,
                "spent_pages":512,"pool_pages":11264,"home":null}}"#,
            r#""done""#,
        ],
        Command::Machines => &[
            r#"{"machine":{"name":"a","address":"127.0.0.1"}}"#,
            r#"{"machine":{"name":"b","address":"127.0.0.2"}}"#,
            r#""done""#,
        ],
        Command::Migrate(..) => &[
            r#"{"move":{"phase":"Rounds"}}"#,
            r#"{"move":"committed"}"#,
            r#"{"move":"finished"}"#,
        ],
        _ => &[r#"{"failed":"no domain of this name is here"}"#],
    };
    let events = events.iter().map(|event| serde_json::from_str(event));
    events.map(|event| event.expect("an event")).collect()
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
fn a_client_with_the_secret_is_answered() {
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

#[test]
fn a_client_with_another_secret_gets_no_answer_and_the_likely_reason() {
    let server = Server::start(SocketAddrV4::new(A, 0));
    let at = server.address().to_string();
    let refused = caravan(Some("another"), &[&at, "migrate", "kv", "b"]);
    assert_eq!(refused.status.code(), Some(1));
    let complaint = text(&refused.stderr);
    assert!(complaint.contains(&at), "{complaint}");
    assert!(
        complaint.contains("the machine does not answer, or has another secret"),
        "{complaint}"
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
fn each_machine_is_asked_and_a_silent_one_is_named() {
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
    assert_eq!(alone.status.code(), Some(0));
    let b = Server::start(SocketAddrV4::new(B, at.port()));
    assert_eq!(objects(&machines())[1]["answers"], true);
    assert_eq!(b.executed(), 1);
}
