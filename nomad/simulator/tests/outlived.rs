//! A copy that an operator forced to run although the domain ran on elsewhere: as soon as its machine learns of that, it stands still
//! for good, is listed, and waits for its operator to drop it.

use identity::{DomainId, Incarnation};
use nomad_client::{Command, Event};
use std::collections::{BTreeMap, VecDeque};

use nomad_protocol::planner::Goals;
use nomad_protocol::{Instant, Timing};
use nomad_simulator::domain::{Contents, Run};
use nomad_simulator::machine::{DOMAIN, Mutant};
use nomad_simulator::outcome::check_quiet;
use nomad_simulator::world::{Crash, Effect, Setup, World};

const SOURCE: usize = 0;
const TARGET: usize = 1;
/// What passes between two looks at the clock.
const TICK_US: u64 = 100_000;
/// Nothing that is waited for takes as many ticks.
const TICKS_MAX: usize = 1_000;
/// How long nomad freezes a domain for at most.
const FREEZE_US: u64 = 8_000_000;

/// Two machines, and a wire that can be cut.
struct Scene {
    world: World,
    now: Instant,
    is_cut: bool,
    sent: VecDeque<(usize, usize, Vec<u8>)>,
}

impl Scene {
    fn new() -> Scene {
        let setup = Setup {
            pages: 2,
            pool_pages: vec![4; 2],
            starts: vec![SOURCE],
            goals: Goals {
                downtime_us: 0,
                overhead_us: 1,
                rounds_max: 2,
            },
            timing: Timing::STANDARD,
            freeze_us: FREEZE_US,
            homes: BTreeMap::new(),
            copy_pages: usize::MAX,
            record_slots: 8,
            mutant: Mutant::None,
        };
        Scene {
            world: World::new(&setup),
            now: Instant::from_us(0),
            is_cut: false,
            sent: VecDeque::new(),
        }
    }

    /// Lets a moment pass, and everything happen that follows.
    fn tick(&mut self) {
        self.now = self.now.after_us(TICK_US);
        for machine in [SOURCE, TARGET] {
            self.world.pass_deadlines(machine, Some(self.now));
            let effects = self.world.pass_timeouts(self.now, machine);
            self.pass_on(machine, effects);
        }
        self.act();
    }

    fn act(&mut self) {
        loop {
            let mut machines = [SOURCE, TARGET].into_iter();
            let action = machines.find_map(|it| Some((it, self.world.poll(it)?)));
            if let Some((machine, (transaction, action))) = action {
                let effects = self.world.perform(self.now, machine, transaction, action);
                // From the moment on at which the target runs it, nobody hears of that.
                self.is_cut |= self.world.is_running(TARGET, DOMAIN) && self.is_early();
                self.pass_on(machine, effects);
            } else if let Some((from, to, bytes)) = self.sent.pop_front() {
                let effects = self.world.deliver(self.now, to, from, &bytes);
                self.pass_on(to, effects);
            } else {
                return;
            }
        }
    }

    /// The source has not learnt yet that its domain runs elsewhere.
    fn is_early(&self) -> bool {
        let domains = &self.world.machines[SOURCE].hardware().kernel.domains;
        domains
            .get(&DOMAIN)
            .is_some_and(|domain| domain.run == Run::Retired)
    }

    fn pass_on(&mut self, machine: usize, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Send { to, bytes } if !self.is_cut => {
                    self.sent.push_back((machine, to, bytes));
                }
                Effect::Send { .. } => {}
                Effect::Sending(transaction) => {
                    let more = self.world.send_some(self.now, machine, transaction);
                    self.pass_on(machine, more);
                }
                Effect::Streamed(transaction, _) => {
                    while self.world.arrive(self.now, transaction) {}
                }
                Effect::Answer(transaction, event) => {
                    self.world.answer(self.now, machine, transaction, event);
                }
                Effect::GiveBack(transaction) => {
                    self.world.give_back(self.now, machine, transaction);
                }
            }
        }
    }

    /// Lets time pass until something is so.
    fn tick_until(&mut self, what: &str, is_so: impl Fn(&World) -> bool) {
        for _ in 0..TICKS_MAX {
            if is_so(&self.world) {
                return;
            }
            self.tick();
        }
        panic!("never: {what}");
    }

    /// Has the source's operator give a command until it is done.
    fn insist(&mut self, command: &str) {
        let command: Command = command.parse().expect("a command");
        let mut answer = Vec::new();
        for _ in 0..TICKS_MAX {
            answer = self.world.command(self.now, SOURCE, command.clone());
            self.act();
            if answer.last() == Some(&Event::Done) {
                return;
            }
            self.tick();
        }
        panic!("{command:?}: {answer:?}");
    }

    fn listed(&mut self) -> String {
        let events = self.world.command(self.now, SOURCE, Command::List);
        let lines: Vec<String> = events.iter().map(Event::to_string).collect();
        lines.join("\n")
    }

    fn copy(&self) -> Option<(Run, Option<Instant>, Contents)> {
        let domains = &self.world.machines[SOURCE].hardware().kernel.domains;
        let copy = domains.get(&DOMAIN)?;
        Some((copy.run, copy.deadline, copy.contents.clone()))
    }
}

const OUTLIVED: &str = "domain domain-1 outlived";

/// A scene in which a copy was outlived a moment ago.
fn outlived() -> Scene {
    let mut scene = Scene::new();
    assert!(scene.world.offer(scene.now, SOURCE, TARGET, DOMAIN));
    scene.act();
    let runs = |world: &World, machine| world.is_running(machine, DOMAIN);
    scene.tick_until("the target runs it", |world| runs(world, TARGET));
    assert!(scene.is_cut && !runs(&scene.world, SOURCE));
    // The operator answers for two that run.
    let history = scene.world.history.domains.get_mut(&DOMAIN);
    history.expect("it has one").is_forced = true;
    scene.insist("force domain-1 run");
    assert!(runs(&scene.world, SOURCE) && runs(&scene.world, TARGET));
    scene.is_cut = false;
    scene.tick_until("the copy is stopped", |world| !runs(world, SOURCE));
    scene
}

#[test]
fn a_copy_that_was_outlived_stands_still_for_good_and_is_listed() {
    let mut scene = outlived();
    let copy = scene.copy().expect("it is there");
    assert_eq!((copy.0, copy.1), (Run::Frozen, None));
    assert!(scene.listed().contains(OUTLIVED), "{}", scene.listed());
    let happens: [fn(&mut Scene); 5] = [
        // Far more time than any freeze lasts.
        |scene| {
            scene.now = scene.now.after_us(10 * FREEZE_US);
            scene.tick();
        },
        |scene| scene.world.crash(scene.now, SOURCE, Crash::Nomad),
        |scene| scene.world.pass_deadlines(SOURCE, None),
        |scene| scene.world.run(SOURCE, DOMAIN, 0),
        // It cannot be moved: the target has the younger one.
        |scene| assert!(scene.world.offer(scene.now, SOURCE, TARGET, DOMAIN)),
    ];
    for happens in happens {
        happens(&mut scene);
        scene.tick();
        assert_eq!(scene.copy().as_ref(), Some(&copy));
        assert!(scene.listed().contains(OUTLIVED), "{}", scene.listed());
        assert_eq!(scene.world.history.violation, None);
    }
    assert!(scene.world.is_running(TARGET, DOMAIN));
}

#[test]
fn a_copy_that_was_outlived_is_dropped_and_leaves_nothing() {
    let mut scene = outlived();
    for _ in 0..10 {
        scene.tick();
    }
    assert_eq!(check_quiet(&scene.world, |_| scene.now), Ok(()));
    scene.insist("force domain-1 drop");
    assert_eq!(scene.copy(), None);
    assert!(!scene.listed().contains(OUTLIVED), "{}", scene.listed());
    assert_eq!(check_quiet(&scene.world, |_| scene.now), Ok(()));
    assert!(scene.world.is_running(TARGET, DOMAIN));
}

#[test]
fn a_copy_that_runs_though_it_was_outlived_is_caught() {
    let mut scene = outlived();
    let hardware = scene.world.machines[SOURCE].hardware_mut();
    hardware.kernel.activate(DOMAIN, Incarnation(0));
    assert!(check_quiet(&scene.world, |_| scene.now).is_err());
    scene.world.pass_deadlines(SOURCE, Some(scene.now));
    let violation = scene.world.history.violation.clone();
    assert!(violation.is_some_and(|(id, _): (DomainId, _)| id == DOMAIN));
}
