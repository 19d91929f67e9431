//! A domain moves back to the machine that it came from, which has kept the pages that were not written meanwhile.

use std::collections::VecDeque;

use nomad_client::Command;
use nomad_protocol::{Envelope, Instant, Message, Step, TransactionId};
use nomad_shell::Output;
use nomad_simulator::history::Violation;
use nomad_simulator::machine::{DOMAIN, Mutant};
use nomad_simulator::memory::PageUse::{self, Clear, Discard, Populate, Write};
use nomad_simulator::outcome::check_quiet;
use nomad_simulator::stream::StreamItem;
use nomad_simulator::world::{Crash, Effect, Setup, World};

const A: usize = 0;
const B: usize = 1;
const C: usize = 2;
const MACHINES: [usize; 3] = [A, B, C];
/// The pages of the domain.
const PAGES: u64 = 8;
/// The pages of a machine with room for the domain and one copy of it.
const ROOM: u64 = 2 * PAGES;
const TICK_US: u64 = 100_000;
/// The number of ticks after which waiting for a condition fails the test.
const TICKS_MAX: usize = 1_000;

/// Three machines, and a domain that starts on A.
struct Scenario {
    world: World,
    now: Instant,
    /// The datagrams on the wire: from, to and bytes.
    in_flight: VecDeque<(usize, usize, Vec<u8>)>,
    /// The pages whose changes were announced.
    announced: u64,
    /// Whether the next page stream breaks after its first item.
    breaks: bool,
    /// Whether every Commit is lost.
    loses_commits: bool,
}

impl Scenario {
    /// Machines with pools of this size. All pages of the domain are written.
    fn new(pool_pages: u64, mutant: Mutant) -> Scenario {
        let setup = Setup {
            mutant,
            ..Setup::of_one_domain(PAGES as usize, vec![pool_pages; MACHINES.len()])
        };
        let mut scenario = Scenario {
            world: World::new(&setup),
            now: Instant::from_us(0),
            in_flight: VecDeque::new(),
            announced: 0,
            breaks: false,
            loses_commits: false,
        };
        (0..PAGES).for_each(|page| scenario.run(A, page, Write));
        scenario
    }

    /// Has the domain use a page.
    fn run(&mut self, machine: usize, page: u64, page_use: PageUse) {
        assert!(self.world.is_running(machine, DOMAIN));
        self.world.run(machine, DOMAIN, page, page_use);
    }

    /// Attempts to move the domain, until no machine takes part in a move any more. Returns the number of pages announced.
    fn attempt(&mut self, from: usize, to: usize) -> u64 {
        self.announced = 0;
        assert!(self.world.offer(self.now, from, to, DOMAIN));
        for _ in 0..TICKS_MAX {
            self.tick();
            let is_moving = |it: &usize| {
                self.world.machines[*it]
                    .shell
                    .moves
                    .ledger
                    .entries()
                    .count()
                    > 0
            };
            if !MACHINES.iter().any(is_moving) {
                return self.announced;
            }
        }
        panic!("the move does not end");
    }

    /// Moves the domain; returns the number of pages announced.
    fn migrate(&mut self, from: usize, to: usize) -> u64 {
        let announced = self.attempt(from, to);
        assert!(self.world.is_running(to, DOMAIN));
        announced
    }

    fn tick(&mut self) {
        self.now = self.now.after_us(TICK_US);
        for machine in MACHINES {
            self.world.pass_deadlines(machine, Some(self.now));
            let effects = self.world.pass_timeouts(self.now, machine);
            self.apply_effects(machine, effects);
        }
        loop {
            let mut machines = MACHINES.into_iter();
            let action = machines.find_map(|it| Some((it, self.world.poll(it)?)));
            if let Some((machine, (transaction, action))) = action {
                let effects = self.world.perform(self.now, machine, transaction, action);
                self.apply_effects(machine, effects);
            } else if let Some((from, to, bytes)) = self.in_flight.pop_front() {
                let effects = self.world.deliver(self.now, to, from, &bytes);
                self.apply_effects(to, effects);
            } else {
                return;
            }
        }
    }

    fn apply_effects(&mut self, machine: usize, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Send { bytes, .. } if self.loses_commits && is_commit(&bytes) => {}
                Effect::Send { to, bytes } => self.in_flight.push_back((machine, to, bytes)),
                Effect::Hello(_) | Effect::Probe(..) | Effect::Frames(..) => {}
                Effect::Sending(transaction) => {
                    let more = self.world.send_piece(self.now, machine, transaction, 0);
                    self.apply_effects(machine, more);
                }
                Effect::Streamed(transaction, _) => self.arrive(transaction),
                Effect::Event(transaction, event) => {
                    self.world
                        .report_event(self.now, machine, transaction, event);
                }
                Effect::GiveBack(transaction) => {
                    self.world.give_back(self.now, machine, transaction);
                }
            }
        }
    }

    fn arrive(&mut self, transaction: TransactionId) {
        let stream = &self.world.streams[&transaction];
        let items = stream.in_flight.iter().map(|(_, item)| item);
        self.announced += items.map(StreamItem::announced).sum::<u64>();
        if !std::mem::take(&mut self.breaks) {
            while self.world.arrive(self.now, transaction) {}
            return;
        }
        self.world.arrive(self.now, transaction);
        let stream = self.world.streams.get_mut(&transaction);
        stream.expect("it is open").break_off();
        for machine in MACHINES {
            self.world.notify_broken(self.now, machine, transaction);
        }
    }

    /// Asserts that the domain had the right contents after every move, and that nothing is left over on any machine.
    fn assert_right(&self) {
        assert_eq!(self.world.history.violation, None);
        assert_eq!(check_quiet(&self.world, |_| self.now), Ok(()));
    }
}

#[test]
fn a_domain_that_returns_sends_only_the_pages_that_it_has_changed() {
    let mut scenario = Scenario::new(ROOM, Mutant::None);
    assert_eq!(scenario.migrate(A, B), PAGES);
    for (page, page_use) in [(1, Write), (5, Discard), (6, Clear), (7, Populate)] {
        scenario.run(B, page, page_use);
    }
    assert_eq!(scenario.migrate(B, A), 3, "page 7 was there already");
    for page_use in [Populate, Write] {
        scenario.run(A, 5, page_use);
    }
    assert_eq!(scenario.migrate(A, B), 1);
    scenario.run(B, 5, Discard);
    assert_eq!(scenario.migrate(B, A), 1);
    assert_eq!(scenario.migrate(A, B), 0);
    scenario.assert_right();
}

/// Each machine keeps a copy that went to another machine than the one from which the domain comes.
#[test]
fn a_domain_that_goes_round_sends_all_pages() {
    let mut scenario = Scenario::new(ROOM, Mutant::None);
    for (from, to) in [(A, B), (B, C), (C, A), (A, C), (C, B), (B, A)] {
        scenario.run(from, 1, Write);
        let expected = match (from, to) {
            (A, C) => 1,
            _ => PAGES,
        };
        assert_eq!(scenario.migrate(from, to), expected, "{from} to {to}");
    }
    scenario.assert_right();
}

#[test]
fn a_copy_gives_way_if_its_memory_is_needed() {
    let mut scenario = Scenario::new(ROOM - 1, Mutant::None);
    assert_eq!(scenario.migrate(A, B), PAGES);
    let hardware = scenario.world.machines[A].hardware();
    assert_eq!(hardware.remains.pool_pages(), PAGES);
    assert_eq!(scenario.migrate(B, A), PAGES);
    scenario.assert_right();
}

#[test]
fn a_domain_sends_all_pages_if_either_migration_server_was_restarted() {
    for restarted in [A, B] {
        let mut scenario = Scenario::new(ROOM, Mutant::None);
        scenario.migrate(A, B);
        scenario.world.crash(scenario.now, restarted, Crash::Nomad);
        assert_eq!(scenario.migrate(B, A), PAGES, "{restarted}");
        scenario.assert_right();
    }
}

/// The migration server destroys it, which takes long, when the shell's other work is done.
#[test]
fn a_copy_that_was_kept_for_long_enough_is_destroyed_when_there_is_time() {
    let mut scenario = Scenario::new(ROOM, Mutant::None);
    scenario.migrate(A, B);
    let machine = &mut scenario.world.machines[A];
    let kept = machine.shell.returns.kept.poll_timeout();
    let later = kept.expect("the copy is kept for some time");
    machine.shell.handle_timeout(later);
    let outputs = std::iter::from_fn(|| machine.shell.poll(later));
    let destroys = outputs.filter(|output| matches!(output, Output::DestroyCopy));
    assert_eq!(destroys.count(), 1);
    for left in [PAGES, 0, 0] {
        assert_eq!(machine.hardware().remains.pool_pages(), left);
        machine.shell.destroy_copy();
    }
}

/// The copy and the visit are used up.
#[test]
fn a_domain_sends_all_pages_after_a_return_that_failed() {
    let mut scenario = Scenario::new(ROOM, Mutant::None);
    scenario.migrate(A, B);
    scenario.run(B, 1, Write);
    scenario.breaks = true;
    scenario.attempt(B, A);
    assert!(scenario.world.is_running(B, DOMAIN));
    scenario.run(B, 2, Write);
    assert_eq!(scenario.migrate(B, A), PAGES);
    scenario.assert_right();
}

fn is_commit(bytes: &[u8]) -> bool {
    let envelope = Envelope::decode(bytes).expect("a machine wrote it");
    matches!(
        envelope.message,
        Message::Transaction(_, Step::Commit { .. })
    )
}

/// The copy that A keeps need not be the one that runs: A may have frozen the domain again.
#[test]
fn a_domain_that_an_operator_has_forced_to_run_sends_all_pages() {
    let mut scenario = Scenario::new(ROOM, Mutant::None);
    scenario.loses_commits = true;
    let history = scenario.world.history.domains.get_mut(&DOMAIN);
    history.expect("every domain has one").is_forced = true;
    assert!(scenario.world.offer(scenario.now, A, B, DOMAIN));
    let force: Command = "force domain-1 run".parse().expect("a command");
    for _ in 0..TICKS_MAX {
        scenario.tick();
        scenario.world.command(scenario.now, B, force.clone());
        if scenario.world.is_running(B, DOMAIN) {
            break;
        }
    }
    scenario.loses_commits = false;
    for _ in 0..TICKS_MAX {
        scenario.tick();
    }
    let hardware = scenario.world.machines[A].hardware();
    assert_eq!(hardware.remains.pool_pages(), PAGES, "A keeps a copy");
    assert_eq!(scenario.migrate(B, A), PAGES);
    scenario.assert_right();
}

/// Moves the domain along this way, and has it write another page before each move. Whether a mutant is caught because the
/// contents of the domain differ.
fn is_caught(mutant: Mutant, way: &[usize]) -> bool {
    let mut scenario = Scenario::new(ROOM, mutant);
    for (page, ends) in (1..).zip(way.windows(2)) {
        assert_eq!(scenario.world.history.violation, None, "too early");
        scenario.run(ends[0], page, Write);
        scenario.migrate(ends[0], ends[1]);
    }
    let violation = scenario.world.history.violation;
    matches!(violation, Some((_, Violation::ContentsDiffer { .. })))
}

#[test]
fn a_source_that_forgets_what_was_written_since_the_arrival_is_caught() {
    let way = [A, B, A];
    assert!(is_caught(Mutant::VisitForgetsPages, &way));
    assert!(!is_caught(Mutant::None, &way));
}

#[test]
fn a_destination_that_continues_the_copy_of_another_incarnation_is_caught() {
    let way = [A, B, A, B, A];
    assert!(is_caught(Mutant::ReturnsToFirstCopy, &way));
    assert!(!is_caught(Mutant::None, &way));
}

#[test]
fn machines_that_continue_a_copy_that_went_elsewhere_are_caught() {
    let way = [A, B, C, A];
    assert!(is_caught(Mutant::ReturnsFromAnywhere, &way));
    assert!(!is_caught(Mutant::None, &way));
}
