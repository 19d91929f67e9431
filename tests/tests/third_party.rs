//! Programs of this computer that run on the third party (a network namespace, which is one host of the segment) reach the
//! segment and nothing else.

mod domain;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use domain::HEAP;
use domain::stack::Domain;
use harness::prober::{Options, protocol};
use harness::{Faults, MacAddress, Segment, ThirdParty};

/// The time limit of a wait. Only a test that hangs reaches it.
const LIMIT: Duration = Duration::from_secs(60);

const DOMAIN: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 2);

fn third_party(segment: &mut Segment) -> ThirdParty {
    ThirdParty::join(segment, "third", "10.77.0.1/24", MacAddress::local(1))
}

/// Runs `story` while a domain serves at the segment's port "domain".
fn beside_a_domain(story: impl FnOnce(&mut Segment, &harness::Port)) {
    /// Ends the domain even if `story` panics.
    struct Stop<'a>(&'a AtomicBool);
    impl Drop for Stop<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    let mut segment = Segment::new();
    let port = segment.port("domain");
    let domain = Domain::new(&port, MacAddress::local(2), DOMAIN);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| domain.serve(&stop));
        let _stop = Stop(&stop);
        story(&mut segment, &port);
    });
}

fn options() -> Options {
    let mut options = Options::new(SocketAddr::from((DOMAIN, protocol::PORT)));
    options.heap = HEAP;
    options
}

fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + LIMIT;
    while !condition() {
        assert!(Instant::now() < deadline, "not within {LIMIT:?}: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_program_sees_the_segment_and_nothing_else() {
    let mut segment = Segment::new();
    let party = third_party(&mut segment);
    let addresses = party.run("ip", &["-brief", "address"], LIMIT);
    let names: Vec<_> = addresses
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert_eq!(names, ["lo", "lan0"], "{addresses}");
    assert!(addresses.contains("10.77.0.1/24"), "{addresses}");
}

#[test]
fn a_prober_at_the_third_party_reaches_a_correct_domain() {
    beside_a_domain(|segment, port| {
        let party = third_party(segment);
        let probe = party.probe(&options());
        wait_until("the domain has requests", || {
            port.counters().from_peer.frames > 200
        });
        let report = probe.finish();
        assert_eq!(report.summary.error_count(), 0, "{}", report.summary);
        assert!(report.summary.udp.replies > 0 && report.summary.tcp.replies > 0);
        assert_eq!(
            report.udp_replies.times().len() as u64,
            report.summary.udp.replies
        );
    });
}

#[test]
fn a_connection_outlives_a_cut_and_a_bad_wire() {
    beside_a_domain(|segment, port| {
        let party = third_party(segment);
        let probe = party.probe(&options());
        let received = || port.counters().from_peer.frames;
        wait_until("the domain replies", || received() > 200);
        port.set_faults(Some(Faults {
            loss: 0.05,
            duplication: 0.05,
            ..Faults::seeded(3)
        }));
        let before = received();
        wait_until("it replies over a bad wire", || received() > before + 200);
        port.cut();
        let cut_ns = harness::prober::now_ns();
        wait_until("the cut drops frames", || port.counters().cut.frames > 100);
        let healed_ns = harness::prober::now_ns();
        port.set_faults(None);
        port.heal();
        let before = received();
        wait_until("it replies again", || received() > before + 200);
        let report = probe.finish();
        assert_eq!(report.summary.error_count(), 0, "{}", report.summary);
        assert!(report.summary.udp.replies < report.summary.udp.requests);
        // The last replies before the cut may have been read late, so this is only a lower bound.
        assert!(report.longest_gap_ns(cut_ns, healed_ns) >= (healed_ns - cut_ns) / 2);
    });
}

#[test]
fn a_failing_program_is_shown_with_its_output() {
    let story = || {
        let mut segment = Segment::new();
        third_party(&mut segment).run("sh", &["-c", "echo so sorry >&2; exit 3"], LIMIT);
    };
    let panic = std::thread::spawn(story)
        .join()
        .expect_err("the program fails");
    let message = panic.downcast::<String>().expect("a message");
    assert!(
        message.contains("so sorry") && message.contains("exit status: 3"),
        "{message}"
    );
}

#[test]
fn everything_ends_with_the_third_party() {
    let mut segment = Segment::new();
    let party = third_party(&mut segment);
    let client = party.start("sh", &["-c", "echo $$; exec sleep 600"]);
    wait_until("the program has started", || {
        client.output().text().ends_with('\n')
    });
    let process = format!("/proc/{}", client.output().text().trim());
    assert!(Path::new(&process).exists());
    drop(client);
    assert!(!Path::new(&process).exists());
    drop(party);
    // The port is free for the next peer.
    let socket = segment.directory().join("third.peer");
    assert!(
        std::os::unix::net::UnixDatagram::unbound()
            .expect("a socket")
            .connect(socket)
            .is_err()
    );
}
