//! A domain with every feature of the runtime's stack, on a network with a DHCP and a DNS server. It gets an address, resolves
//! names, serves IPv4 and IPv6, knows the time, and moves.

use std::net::SocketAddr;

use harness::child;
use harness::echo::{REPLIED, Seen};
use harness::fleet::LIMIT;
use harness::lan_servers::{self, NAME, NAMED, dhcp};
use harness::third_party::Client;
use harness::{Fleet, Node};

/// The domain's TCP port.
const PORT: u16 = 7;
/// Its IPv6 address.
const IPV6: &str = "fd00::40";

#[test]
fn a_domain_with_a_lease_names_ipv6_and_the_time_moves() {
    let mut fleet = Fleet::boot_as(&["resolver-a", "machine-b"]);
    let servers = lan_servers::start(&fleet.party);
    fleet.await_up();
    let (leased, prefix) = dhcp::LEASED;
    fleet.await_log(
        Node::A,
        &format!("[resolver] has the address {leased}/{prefix}"),
    );
    let ipv4 = leased.to_string();
    let clients = [&ipv4, IPV6].map(|host| start_echo(&fleet, host));
    let check = |node| {
        await_another_renewal(&servers);
        for host in [&ipv4, IPV6] {
            assert_replies(&fleet, host, node);
        }
    };
    check(Node::A);
    for from in [Node::A, Node::B] {
        fleet.migrate("resolver", from);
        check(from.other());
    }
    for client in clients {
        let output = client.finish(LIMIT);
        let result = output.lines().last().expect("the client's result");
        let seen: Seen = serde_json::from_str(result).expect("the client's result");
        assert_eq!(seen.failure, None, "{seen}");
    }
}

/// Starts a client with one connection to the domain, which must echo its lines, and waits for the first line.
fn start_echo(fleet: &Fleet, host: &str) -> Client {
    let address = SocketAddr::new(host.parse().expect("an address"), PORT);
    let program = child::beside("echo", "cargo build -p harness --bins");
    let program = program.to_str().expect("a path that is text");
    let client = fleet.party.start(program, &[&address.to_string()]);
    client.await_output(REPLIED, LIMIT);
    client
}

/// Waits until the domain has renewed its lease once more.
fn await_another_renewal(servers: &Client) {
    let output = servers.output().text();
    let count = output
        .lines()
        .filter(|line| line.starts_with("dhcp Renewal"))
        .count();
    servers.await_output(&format!("dhcp Renewal {}\n", count + 1), LIMIT);
}

/// Checks the domain's replies to a new connection while it runs on this node.
fn assert_replies(fleet: &Fleet, host: &str, node: Node) {
    let (leased, prefix) = dhcp::LEASED;
    assert_eq!(query(fleet, host, "address"), format!("{leased}/{prefix}"));
    let (four, six) = NAMED;
    assert_eq!(
        query(fleet, host, &format!("name {NAME}")),
        format!("{four} {six}")
    );
    // A machine's clock begins at its base; a test takes less than an hour.
    let (time, base) = (query(fleet, host, "time"), node.wall_clock());
    let later = base.replace("T03:", "T04:");
    assert!(
        *base <= *time && *time < *later,
        "{time} on {}",
        node.name()
    );
}

/// The domain's reply to a line.
fn query(fleet: &Fleet, host: &str, line: &str) -> String {
    let script = format!(
        "exec 3<>/dev/tcp/{host}/{PORT}; echo '{line}' >&3; read -r reply <&3; echo \"$reply\""
    );
    let reply = fleet.party.run("bash", &["-c", &script], LIMIT);
    reply.trim_end().to_owned()
}
