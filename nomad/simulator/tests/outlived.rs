//! An operator forces the source's copy of a domain to run while the destination's copy is running too. When the source learns
//! that a newer copy runs, it stops its own copy permanently, lists it as outlived, and keeps it until the operator
//! drops it.

use identity::{DomainId, Incarnation};
use nomad_client::{Command, Event};
use std::collections::VecDeque;

use nomad_protocol::Instant;
use nomad_simulator::domain::{Contents, RunState};
use nomad_simulator::machine::DOMAIN;
use nomad_simulator::memory::PageUse;
use nomad_simulator::outcome::check_quiet;
use nomad_simulator::world::{Crash, Effect, Setup, World};

const SOURCE: usize = 0;
const DESTINATION: usize = 1;
const TICK_US: u64 = 100_000;
/// The number of ticks after which waiting for a condition fails the test.
const TICKS_MAX: usize = 1_000;
/// The time after which the kernel thaws a domain that nomad froze.
const FREEZE_US: u64 = 8_000_000;

/// Two machines, and a wire that can be cut.
struct Scenario {
    world: World,
    now: Instant,
    is_cut: bool,
    /// The datagrams on the wire: from, to and bytes.
    in_flight: VecDeque<(usize, usize, Vec<u8>)>,
}

impl Scenario {
    fn new() -> Scenario {
        let setup = Setup {
            freeze_us: FREEZE_US,
            ..Setup::of_one_domain(2, vec![4; 2])
        };
        Scenario {
            world: World::new(&setup),
            now: Instant::from_us(0),
            is_cut: false,
            in_flight: VecDeque::new(),
        }
    }

    /// Advances the time by one tick, and performs all actions that follow.
    fn tick(&mut self) {
        self.now = self.now.after_us(TICK_US);
        for machine in [SOURCE, DESTINATION] {
            self.world.pass_deadlines(machine, Some(self.now));
            let effects = self.world.pass_timeouts(self.now, machine);
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
                // The wire is cut when the destination runs the domain and the source has not yet learned of it.
                self.is_cut |=
                    self.world.is_running(DESTINATION, DOMAIN) && self.source_is_retired();
                self.apply_effects(machine, effects);
            } else if let Some((from, to, bytes)) = self.in_flight.pop_front() {
                let effects = self.world.deliver(self.now, to, from, &bytes);
                self.apply_effects(to, effects);
            } else {
                return;
            }
        }
    }

    /// Whether the source has retired its domain, but not yet destroyed it.
    fn source_is_retired(&self) -> bool {
        let domains = &self.world.machines[SOURCE].hardware().kernel.domains;
        domains
            .get(&DOMAIN)
            .is_some_and(|domain| domain.run == RunState::Retired)
    }

    fn apply_effects(&mut self, machine: usize, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Send { to, bytes } if !self.is_cut => {
                    self.in_flight.push_back((machine, to, bytes));
                }
                Effect::Send { .. } | Effect::Hello(_) | Effect::Probe(..) | Effect::Frames(..) => {
                }
                Effect::Sending(transaction) => {
                    let more = self.world.send_piece(self.now, machine, transaction, 0);
                    self.apply_effects(machine, more);
                }
                Effect::Streamed(transaction, _) => {
                    while self.world.arrive(self.now, transaction) {}
                }
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

    /// Advances the time until a condition holds.
    fn run_until(&mut self, what: &str, holds: impl Fn(&World) -> bool) {
        for _ in 0..TICKS_MAX {
            if holds(&self.world) {
                return;
            }
            self.tick();
        }
        panic!("never: {what}");
    }

    /// Repeats an operator's command to the source until it succeeds.
    fn command_until_done(&mut self, command: &str) {
        let command: Command = command.parse().expect("a command");
        let mut reply = Vec::new();
        for _ in 0..TICKS_MAX {
            reply = self.world.command(self.now, SOURCE, command.clone());
            self.perform_actions();
            if reply.last() == Some(&Event::Done) {
                return;
            }
            self.tick();
        }
        panic!("{command:?}: {reply:?}");
    }

    /// The source's reply to `list`.
    fn list(&mut self) -> String {
        let events = self.world.command(self.now, SOURCE, Command::List);
        let lines: Vec<String> = events.iter().map(Event::to_string).collect();
        lines.join("\n")
    }

    /// The source's copy of the domain: its state, the deadline of its freeze, and its contents.
    fn source_copy(&self) -> Option<(RunState, Option<Instant>, Contents)> {
        let domains = &self.world.machines[SOURCE].hardware().kernel.domains;
        let copy = domains.get(&DOMAIN)?;
        Some((copy.run, copy.deadline, copy.contents.clone()))
    }
}

const OUTLIVED: &str = "domain domain-1 outlived";

/// A scenario in which the source has just stopped its copy as outlived.
fn outlived() -> Scenario {
    let mut scenario = Scenario::new();
    assert!(
        scenario
            .world
            .offer(scenario.now, SOURCE, DESTINATION, DOMAIN)
    );
    scenario.perform_actions();
    let runs = |world: &World, machine| world.is_running(machine, DOMAIN);
    scenario.run_until("the destination runs it", |world| runs(world, DESTINATION));
    assert!(scenario.is_cut && !runs(&scenario.world, SOURCE));
    // Two copies may run from here on: the operator forced this, so the checker must not report it.
    let history = scenario.world.history.domains.get_mut(&DOMAIN);
    history.expect("every domain has one").is_forced = true;
    scenario.command_until_done("force domain-1 run");
    assert!(runs(&scenario.world, SOURCE) && runs(&scenario.world, DESTINATION));
    scenario.is_cut = false;
    scenario.run_until("the copy is stopped", |world| !runs(world, SOURCE));
    scenario
}

#[test]
fn an_outlived_copy_stays_stopped_and_listed() {
    let mut scenario = outlived();
    let copy = scenario.source_copy().expect("the copy is kept");
    assert_eq!((copy.0, copy.1), (RunState::Frozen, None));
    assert!(scenario.list().contains(OUTLIVED), "{}", scenario.list());
    let acts: [fn(&mut Scenario); 5] = [
        // Time passes, far beyond the deadline of any freeze.
        |scenario| {
            scenario.now = scenario.now.after_us(10 * FREEZE_US);
            scenario.tick();
        },
        |scenario| {
            scenario.world.crash(scenario.now, SOURCE, Crash::Nomad);
        },
        |scenario| scenario.world.pass_deadlines(SOURCE, None),
        |scenario| scenario.world.run(SOURCE, DOMAIN, 0, PageUse::Write),
        // A move to the destination begins and fails: the newer copy is there.
        |scenario| {
            assert!(
                scenario
                    .world
                    .offer(scenario.now, SOURCE, DESTINATION, DOMAIN)
            )
        },
    ];
    for act in acts {
        act(&mut scenario);
        scenario.tick();
        assert_eq!(scenario.source_copy().as_ref(), Some(&copy));
        assert!(scenario.list().contains(OUTLIVED), "{}", scenario.list());
        assert_eq!(scenario.world.history.violation, None);
    }
    assert!(scenario.world.is_running(DESTINATION, DOMAIN));
}

#[test]
fn an_outlived_copy_is_dropped_and_leaves_nothing() {
    let mut scenario = outlived();
    for _ in 0..10 {
        scenario.tick();
    }
    assert_eq!(check_quiet(&scenario.world, |_| scenario.now), Ok(()));
    scenario.command_until_done("force domain-1 drop");
    assert_eq!(scenario.source_copy(), None);
    assert!(!scenario.list().contains(OUTLIVED), "{}", scenario.list());
    assert_eq!(check_quiet(&scenario.world, |_| scenario.now), Ok(()));
    assert!(scenario.world.is_running(DESTINATION, DOMAIN));
}

#[test]
fn the_checkers_detect_an_outlived_copy_that_runs() {
    let mut scenario = outlived();
    let hardware = scenario.world.machines[SOURCE].hardware_mut();
    hardware.kernel.activate(DOMAIN, Incarnation(0));
    assert!(check_quiet(&scenario.world, |_| scenario.now).is_err());
    scenario.world.pass_deadlines(SOURCE, Some(scenario.now));
    let violation = scenario.world.history.violation.clone();
    assert!(violation.is_some_and(|(id, _): (DomainId, _)| id == DOMAIN));
}
