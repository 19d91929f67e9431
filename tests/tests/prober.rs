//! The prober finds no error in a correct domain, and detects every fault of an incorrect one.

mod domain;

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use domain::loopback::{Domain, SILENCE};
use domain::{Fault, HEAP};
use harness::prober::{self, Errors, Options, Report};

/// The number of requests over each transport after which the prober is stopped.
const ENOUGH: u64 = 40;

/// Probes a domain until it has seen enough requests.
fn probe(fault: Fault) -> Report {
    let stop = AtomicBool::new(false);
    let domain = Domain::bind(fault);
    let mut options = Options::new(domain.address());
    options.heap = HEAP;
    std::thread::scope(|scope| {
        let prober = scope.spawn(|| prober::run(&options, &stop, || ()).expect("a socket"));
        domain.serve(
            ENOUGH,
            || stop.store(true, Ordering::Relaxed),
            || prober.is_finished(),
        );
        prober.join().expect("the prober reports")
    })
}

/// The errors that the prober finds with this fault, over UDP and over TCP.
fn errors(fault: Fault) -> (Errors, Errors) {
    let Report { summary, .. } = probe(fault);
    assert!(summary.tcp_survived, "{summary}");
    (summary.udp.errors, summary.tcp.errors)
}

#[test]
fn finds_no_error_in_a_correct_domain() {
    let report = probe(Fault::None);
    let summary = &report.summary;
    assert_eq!(summary.error_count(), 0, "{summary}");
    assert!(
        summary.udp.replies >= ENOUGH && summary.tcp.replies >= ENOUGH,
        "{summary}"
    );
    assert_eq!(summary.tcp.requests, summary.tcp.replies);
    assert_eq!(report.udp_replies.times().len() as u64, summary.udp.replies);
}

#[test]
fn detects_a_heap_that_changed() {
    let (udp, tcp) = errors(Fault::Checksum);
    assert!(udp.checksum > 0 && tcp.checksum > 0);
}

#[test]
fn detects_a_torn_page() {
    let (udp, tcp) = errors(Fault::TornPage);
    assert!(udp.torn_page > 0 && tcp.torn_page > 0);
}

#[test]
fn detects_a_counter_that_goes_back() {
    let (udp, tcp) = errors(Fault::CounterBack);
    assert!(udp.counter_back > 0 && tcp.counter_back > 0);
}

#[test]
fn detects_a_number_of_dirtied_pages_that_goes_back() {
    let (udp, tcp) = errors(Fault::DirtiedBack);
    assert!(udp.dirtied_back > 0 && tcp.dirtied_back > 0);
}

#[test]
fn detects_a_garbled_echo() {
    let (udp, tcp) = errors(Fault::Echo);
    assert!(udp.echo > 0 && tcp.echo > 0);
}

#[test]
fn detects_a_stream_out_of_order() {
    let (udp, tcp) = errors(Fault::StreamOrder);
    assert_eq!(udp, Errors::default());
    assert!(tcp.order > 0);
}

#[test]
fn detects_a_lost_connection() {
    let summary = probe(Fault::StreamEnd).summary;
    assert!(
        !summary.tcp_survived && summary.tcp_error.is_some(),
        "{summary}"
    );
    assert_eq!(summary.udp.errors, Errors::default());
}

#[test]
fn measures_a_silence() {
    let report = probe(Fault::Silence);
    assert_eq!(report.summary.error_count(), 0, "{}", report.summary);
    // The reply before the silence may have been read late, so this is only a lower bound.
    let silence = SILENCE.as_nanos() as u64 / 2;
    assert!(
        report.summary.longest_gap_ns >= silence,
        "{}",
        report.summary
    );
    let (start, end) = (report.summary.start_ns, report.summary.end_ns);
    assert!(report.longest_gap_ns(start, end) >= silence);
}

#[test]
fn reports_an_absent_domain() {
    // The port is bound for UDP and never read, so that no process serves it.
    let unread = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let address: SocketAddr = unread.local_addr().expect("its address");
    let mut options = Options::new(address);
    options.duration = Some(Duration::from_millis(20));
    let summary = prober::run(&options, &AtomicBool::new(false), || ())
        .expect("a socket")
        .summary;
    assert!(
        !summary.tcp_survived && summary.error_count() == 1,
        "{summary}"
    );
    assert!(summary.udp.requests > 0 && summary.udp.replies == 0);
}
