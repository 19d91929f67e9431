//! The standard tools `redis-cli` and `redis-benchmark`, over loopback.

mod server;

use std::io::Write;
use std::net::SocketAddr;
use std::process::{Command, Output, Stdio};

fn tool(name: &str, address: SocketAddr, arguments: &[&str]) -> Command {
    let port = address.port().to_string();
    let mut command = Command::new(name);
    command
        .args(["-h", "127.0.0.1", "-p", &port])
        .args(arguments);
    command
}

/// The output of a tool; its error output must be empty.
fn output_of(output: Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && errors.is_empty(), "{errors}");
    String::from_utf8(output.stdout).expect("text")
}

fn run(name: &str, address: SocketAddr, arguments: &[&str]) -> String {
    let output = tool(name, address, arguments).output();
    output_of(output.unwrap_or_else(|error| panic!("{name} (package redis-tools): {error}")))
}

/// The output of `redis-cli` for these lines of input.
fn dialogue(address: SocketAddr, lines: &str) -> String {
    let mut child = tool("redis-cli", address, &[])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("redis-cli (package redis-tools)");
    let mut input = child.stdin.take().expect("a pipe");
    input.write_all(lines.as_bytes()).expect("written");
    drop(input);
    output_of(child.wait_with_output().expect("an end"))
}

#[test]
fn redis_cli_works() {
    let address = server::start();
    assert_eq!(run("redis-cli", address, &["ping"]), "PONG\n");
    let lines = "set greeting \"hello world\"\nget greeting\nincrby n 41\nincr n\nmset a 1 b 2\n\
        mget a b c\ndel a b c\nexists greeting\ndbsize\nselect 0\nclient setname me\n\
        client getname\nconfig get save\ncommand count\nflushall\ndbsize\nquit\n";
    let expected = "OK\nhello world\n41\n42\nOK\n1\n2\n\n2\n1\n2\nOK\nOK\nme\nsave\n\n25\nOK\n0\n";
    assert_eq!(dialogue(address, lines), expected);
    let info = run("redis-cli", address, &["info"]);
    assert!(info.contains("server_name:caravan-kv"), "{info}");
    let help = run("redis-cli", address, &["command", "docs", "get"]);
    assert!(help.contains("Reads a value."), "{help}");
}

/// Runs `redis-benchmark` and checks that its table has exactly one line per test.
fn benchmark(address: SocketAddr, arguments: &[&str]) {
    let common = ["-t", "ping,set,get,incr,mset", "-n", "2000", "--csv"];
    let table = run(
        "redis-benchmark",
        address,
        &[&common[..], arguments].concat(),
    );
    let names: Vec<&str> = table
        .lines()
        .filter_map(|line| line.split('"').nth(1))
        .collect();
    let expected = [
        "test",
        "PING_INLINE",
        "PING_MBULK",
        "SET",
        "GET",
        "INCR",
        "MSET (10 keys)",
    ];
    assert_eq!(names, expected, "{table}");
}

#[test]
fn redis_benchmark_runs_without_errors() {
    let address = server::start();
    benchmark(address, &[]);
    benchmark(address, &["-P", "16", "-r", "1000"]);
    benchmark(address, &["-c", "120", "-d", "5000"]);
    assert_ne!(run("redis-cli", address, &["dbsize"]), "0\n");
}
