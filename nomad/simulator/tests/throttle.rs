//! A domain that writes pages faster than they are sent is slowed down, if the operator wants that.

use std::collections::VecDeque;

use nomad_client::Command;
use nomad_protocol::planner::{Goals, NotConverging};
use nomad_protocol::{Instant, StreamHeader, TransactionId};
use nomad_shell::moves::brakes::PERIOD_US;
use nomad_simulator::machine::{DOMAIN, domain_name};
use nomad_simulator::memory::PageUse;
use nomad_simulator::outcome::check_quiet;
use nomad_simulator::world::{Crash, Effect, Setup, World};

const SOURCE: usize = 0;
const DESTINATION: usize = 1;
const PAGES: u64 = 256;
/// In a tick a page is sent.
const TICK_US: u64 = 1_000;
const TICKS_MAX: u64 = 20_000;
/// A freeze may last for as long as some twenty pages take.
const GOAL_US: u64 = 25_000;

/// Two machines, and a domain that writes two pages in each tick in which it runs.
struct Scenario {
    world: World,
    now: Instant,
    /// The datagrams on the wire: from, to and bytes.
    in_flight: VecDeque<(usize, usize, Vec<u8>)>,
    /// The transactions that have a page to send.
    sending: Vec<(usize, TransactionId)>,
    /// Pages that were sent while the domain was frozen for good.
    frozen_pages: u64,
    /// Ticks during which the domain did not run at the source.
    stopped_ticks: u64,
    ticks: u64,
}

impl Scenario {
    fn new(not_converging: NotConverging) -> Scenario {
        let mut setup = Setup::of_one_domain(PAGES as usize, vec![2 * PAGES; 2]);
        setup.goals = Goals {
            downtime_us: GOAL_US,
            ..Goals::default()
        };
        setup.options.not_converging = not_converging;
        setup.copy_pages = 1;
        let mut scenario = Scenario {
            world: World::new(&setup),
            now: Instant::from_us(0),
            in_flight: VecDeque::new(),
            sending: Vec::new(),
            frozen_pages: 0,
            stopped_ticks: 0,
            ticks: 0,
        };
        for page in 0..PAGES {
            scenario.world.run(SOURCE, DOMAIN, page, PageUse::Write);
        }
        assert!(
            scenario
                .world
                .offer(scenario.now, SOURCE, DESTINATION, DOMAIN)
        );
        scenario
    }

    /// The domain runs for a tick, and a page is sent.
    fn tick(&mut self) {
        self.now = self.now.after_us(TICK_US);
        self.ticks += 1;
        self.stopped_ticks += u64::from(!self.world.is_running(SOURCE, DOMAIN));
        for page in [2 * self.ticks, 2 * self.ticks + 1] {
            self.world.run(SOURCE, DOMAIN, page % PAGES, PageUse::Write);
        }
        for machine in [SOURCE, DESTINATION] {
            self.world.pass_deadlines(machine, Some(self.now));
            let effects = self.world.pass_timeouts(self.now, machine);
            self.apply_effects(machine, effects);
        }
        for (machine, transaction) in std::mem::take(&mut self.sending) {
            let effects = self.world.send_piece(self.now, machine, transaction, 0);
            self.apply_effects(machine, effects);
        }
        self.perform_actions();
    }

    fn perform_actions(&mut self) {
        loop {
            let mut machines = [SOURCE, DESTINATION].into_iter();
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
                Effect::Send { to, bytes } => self.in_flight.push_back((machine, to, bytes)),
                Effect::Hello(_) | Effect::Probe(..) | Effect::Frames(..) => {}
                Effect::Sending(transaction) => self.sending.push((machine, transaction)),
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
        let header = self.world.streams[&transaction].in_flight.front();
        let is_freeze =
            header.is_some_and(|(header, _)| matches!(header, StreamHeader::Freeze { .. }));
        self.frozen_pages += u64::from(is_freeze);
        while self.world.arrive(self.now, transaction) {}
    }

    fn is_moving(&self) -> bool {
        let moves = |machine: usize| {
            self.world.machines[machine]
                .shell
                .moves
                .ledger
                .entries()
                .count()
        };
        moves(SOURCE) + moves(DESTINATION) > 0
    }

    fn tick_until(&mut self, what: &str, is_so: impl Fn(&Scenario) -> bool) {
        while !is_so(self) {
            assert!(self.ticks < TICKS_MAX, "{what} never happens");
            self.tick();
        }
    }

    /// Moves the domain to the destination.
    fn complete(&mut self) {
        self.tick_until("the end of the move", |scenario| !scenario.is_moving());
        assert!(self.world.is_running(DESTINATION, DOMAIN));
        assert_eq!(self.world.history.violation, None);
        assert_eq!(check_quiet(&self.world, |_| self.now), Ok(()));
    }

    /// Runs until the domain is stopped for a moment.
    fn wait_for_a_stop(&mut self) {
        self.tick_until("a stop", |scenario| {
            !scenario.world.is_running(SOURCE, DOMAIN)
        });
        assert_eq!(self.frozen_pages, 0);
    }
}

#[test]
fn a_domain_that_writes_faster_than_its_pages_are_sent_reaches_the_goal() {
    let [mut slow, mut stop] = [NotConverging::Slow, NotConverging::Stop].map(Scenario::new);
    slow.complete();
    stop.complete();
    let (slow, stop) = (slow.frozen_pages, stop.frozen_pages);
    assert!(slow * TICK_US <= 2 * GOAL_US, "{slow}");
    assert!(stop > PAGES / 2, "{stop}");
}

#[test]
fn a_domain_whose_move_is_cancelled_runs_at_its_full_speed() {
    let mut scenario = Scenario::new(NotConverging::Slow);
    scenario.wait_for_a_stop();
    let command = Command::Cancel(domain_name(0));
    scenario.world.command(scenario.now, SOURCE, command);
    scenario.perform_actions();
    scenario.tick_until("the end of the move", |scenario| !scenario.is_moving());
    scenario.stopped_ticks = 0;
    (0..100).for_each(|_| scenario.tick());
    assert_eq!(scenario.stopped_ticks, 0);
}

#[test]
fn a_domain_that_is_stopped_when_the_migration_server_ends_runs_on() {
    let mut scenario = Scenario::new(NotConverging::Slow);
    scenario.wait_for_a_stop();
    let effects = scenario.world.crash(scenario.now, SOURCE, Crash::Nomad);
    scenario.sending.clear();
    scenario.apply_effects(SOURCE, effects);
    scenario.stopped_ticks = 0;
    (0..100).for_each(|_| scenario.tick());
    assert!(scenario.stopped_ticks * TICK_US <= 2 * PERIOD_US);
    assert!(scenario.world.is_running(SOURCE, DOMAIN));
}
