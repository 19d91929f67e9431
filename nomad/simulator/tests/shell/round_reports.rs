//! Reports about a round that is in progress, from the sender of the pages.

use nomad_client::Event as Reported;
use nomad_protocol::planner::RoundProgress;
use nomad_protocol::{Attempt, Notice};
use nomad_shell::pages::{REPORT_US, Segment};
use nomad_shell::{Job, JobKind};
use nomad_simulator::hardware::Piece;
use nomad_simulator::memory::PageUse;
use nomad_simulator::stream::StreamItem;

use super::name;
use super::scene::{OPERATOR, Scene, admits};

/// The bytes of a datagram.
const BYTES: u64 = 9_000;
/// The pages of the domain.
const PAGES: u64 = 4;

/// A machine that begins the first round of a move, and the round.
fn first_round(command: &str) -> (Scene, Segment) {
    let mut scene = Scene::running(admits);
    let hardware = scene.machine.hardware_mut();
    // Only one page is sent at once.
    hardware.parts.copy_pages = 1;
    for domain in hardware.kernel.domains.values_mut() {
        (0..PAGES).for_each(|page| domain.step(page, PageUse::Write));
    }
    scene.command(OPERATOR, command);
    let job = scene.jobs.pop().expect("a round begins");
    assert_eq!(job.kind, JobKind::Round(0));
    let segment = begin(&mut scene, job);
    (scene, segment)
}

fn migrate() -> (Scene, Segment) {
    first_round(&format!("migrate {} --to m1", name()))
}

fn begin(scene: &mut Scene, job: Job) -> Segment {
    let shell = &mut scene.machine.shell;
    let begun = Segment::begin(shell, scene.now, job, &mut Piece::default());
    begun.expect("it can be read").expect("a segment")
}

/// Produces the next piece, and sends a datagram; returns the number of pages that were produced.
fn send(scene: &mut Scene, segment: &mut Segment) -> u64 {
    let mut piece = Piece::default();
    let more = segment.produce(&mut scene.machine.shell, &mut piece);
    more.expect("it can be read");
    segment.record_datagram(BYTES);
    let pages = piece.items.iter().map(|item| match item {
        StreamItem::Pages(_, pages) => pages.len() as u64,
        _ => 0,
    });
    pages.sum()
}

/// Lets this time pass; returns what the sender reports then.
fn reported_after(scene: &mut Scene, segment: &mut Segment, us: u64) -> Vec<Reported> {
    scene.now = scene.now.after_us(us);
    segment.report(&mut scene.machine.shell, scene.now);
    scene.events_for(OPERATOR)
}

fn round(event: &Reported) -> RoundProgress {
    let (Reported::Move(notice) | Reported::DrainMove { notice, .. }) = event else {
        panic!("{event:?}");
    };
    match notice {
        Notice::Round(progress) => *progress,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_operator_learns_how_far_a_round_has_come_once_in_a_period() {
    let (mut scene, mut segment) = migrate();
    let sent = send(&mut scene, &mut segment);
    assert!((1..PAGES).contains(&sent), "{sent}");
    let early = reported_after(&mut scene, &mut segment, REPORT_US - 1);
    assert_eq!(early, []);
    let [due] = &reported_after(&mut scene, &mut segment, 1)[..] else {
        panic!("no report");
    };
    let expected = RoundProgress {
        round: 1,
        pages_sent: sent,
        pages: PAGES,
        wire_bytes: BYTES,
        wire_bytes_per_second: BYTES,
        elapsed_us: REPORT_US,
    };
    assert_eq!(round(due), expected);
    let more = sent + send(&mut scene, &mut segment);
    assert_eq!(reported_after(&mut scene, &mut segment, REPORT_US - 1), []);
    let later = reported_after(&mut scene, &mut segment, REPORT_US + 1);
    let expected = RoundProgress {
        pages_sent: more,
        wire_bytes: 2 * BYTES,
        // Two periods have passed since the last report.
        wire_bytes_per_second: BYTES / 2,
        elapsed_us: 3 * REPORT_US,
        ..expected
    };
    assert_eq!(later.iter().map(round).collect::<Vec<_>>(), [expected]);
}

#[test]
fn nothing_is_reported_while_no_pages_move() {
    let (mut scene, mut segment) = migrate();
    assert_eq!(reported_after(&mut scene, &mut segment, REPORT_US), []);
    send(&mut scene, &mut segment);
    assert_eq!(reported_after(&mut scene, &mut segment, 0).len(), 1);
    assert_eq!(reported_after(&mut scene, &mut segment, 9 * REPORT_US), []);
}

/// The domain stands still meanwhile.
#[test]
fn a_freeze_reports_nothing() {
    let (mut scene, round) = migrate();
    let job = Job {
        transaction: round.transaction(),
        kind: JobKind::Freeze(Attempt::FIRST, 1, identity::Digest([3; 32])),
    };
    let mut freeze = begin(&mut scene, job);
    send(&mut scene, &mut freeze);
    assert_eq!(reported_after(&mut scene, &mut freeze, 9 * REPORT_US), []);
}

#[test]
fn those_who_follow_a_drain_learn_it_too() {
    let (mut scene, mut segment) = first_round("drain");
    send(&mut scene, &mut segment);
    let [event] = &reported_after(&mut scene, &mut segment, REPORT_US)[..] else {
        panic!("no report");
    };
    assert!(matches!(event, Reported::DrainMove { domain, .. } if *domain == name()));
    assert_eq!(round(event).wire_bytes, BYTES);
}

#[test]
fn a_move_that_is_over_is_not_reported() {
    let (mut scene, mut segment) = migrate();
    send(&mut scene, &mut segment);
    scene.command(OPERATOR, &format!("cancel {}", name()));
    assert_eq!(reported_after(&mut scene, &mut segment, REPORT_US), []);
}
