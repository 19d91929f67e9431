//! Repeatedly lets the domain run for a while, freezes, reads and rebuilds it: [`Moves`].

use alloc::format;
use core::fmt::Display;

use guest_support::failure::Failure;
use guest_support::random::Random;
use guest_workloads::board::{self, BOARDS, State};
use guest_workloads::{WORKLOADS, scrambled};
use runtime::abi::NO_DEADLINE;
use runtime::capability::Notification;
use runtime::{Cap, Error, clock};

use crate::captured::{Captured, Object};
use crate::coverage::Coverage;
use crate::rebuild::rebuild;
use crate::service;
use crate::subject::{BOARD_PAGES, Lender, Subject};

/// The longest run between two freezes.
const RUN_NS_MAX: u64 = 2_000_000;
/// One run in this many may be longer. A thaw wakes the threads in the same order every time. If all runs were short, the last
/// threads would never run.
const LONG_RUNS: u64 = 8;
const LONG_RUN_NS_MAX: u64 = 20_000_000;
/// The time of the first run, from the machine's start. Where the clock counts instructions, idle time is skipped.
const START_NS: u64 = 10_000_000_000;
/// The number of runs within which every workload must make progress.
const PROGRESS_RUNS: u64 = 64;
/// One move in this many is cancelled: the domain is thawed where it is.
const CANCELLED: u64 = 4;

/// Names the operation that the kernel refused.
pub trait During<T> {
    /// The failure, with this name.
    fn during(self, what: &'static str) -> Result<T, Failure>;
}

impl<T> During<T> for Result<T, Error> {
    fn during(self, what: &'static str) -> Result<T, Failure> {
        self.map_err(|error| Failure::Other(format!("{what}: {error}")))
    }
}

/// The moves of a subject.
pub struct Moves {
    lender: Lender,
    random: Random,
    silence: Cap<Notification>,
    states: [State; WORKLOADS.len()],
    coverage: Coverage,
    instants: u64,
}

impl Moves {
    /// Starts the service; the first subject is not created yet.
    pub fn new(lender: Lender, seed: u64) -> Result<Moves, Failure> {
        service::start(&lender).during("starting the service")?;
        Ok(Moves {
            silence: lender
                .pool
                .create_notification()
                .during("creating a notification")?,
            lender,
            random: Random::new(seed),
            states: [State::default(); WORKLOADS.len()],
            coverage: Coverage::default(),
            instants: 0,
        })
    }

    /// Waits for the fixed time of the first run, so that the time of the console's input has no effect. Returns whether the input
    /// came before that time.
    pub fn begin_on_time(&mut self) -> Result<bool, Failure> {
        let is_on_time = clock::now_ns() < START_NS;
        self.silence.wait_until_ns(START_NS).during("waiting")?;
        Ok(is_on_time)
    }

    /// Moves a subject this many times, then destroys it.
    pub fn run(&mut self, count: u64) -> Result<(), Failure> {
        self.states = [State::default(); WORKLOADS.len()];
        self.coverage = Coverage::default();
        self.instants = 0;
        let mut subject = Subject::new(&self.lender).during("creating the subject")?;
        let mut before = self.states;
        for number in 1..=count {
            subject.domain.thaw(subject.token).during("thawing")?;
            self.pass_time()?;
            let freeze = subject.domain.freeze(NO_DEADLINE);
            subject.token = freeze.during("freezing")?.token;
            subject = self.move_once(subject)?;
            if number % PROGRESS_RUNS == 0 {
                self.check_progress(&before)?;
                before = self.states;
            }
        }
        subject.end().during("destroying the subject")
    }

    fn move_once(&mut self, subject: Subject) -> Result<Subject, Failure> {
        let captured = Captured::read(subject.domain, &self.lender).during("reading")?;
        self.inspect(&captured)?;
        if self.random.below(CANCELLED) == 0 {
            return Ok(subject);
        }
        let successor = rebuild(&self.lender, &captured).during("rebuilding")?;
        let retired = subject.domain.retire(captured.version, subject.token);
        retired.during("retiring")?;
        subject.end().during("destroying")?;
        Ok(successor)
    }

    /// Lets the subject run.
    fn pass_time(&mut self) -> Result<(), Failure> {
        let most = match self.random.below(LONG_RUNS) {
            0 => LONG_RUN_NS_MAX,
            _ => RUN_NS_MAX,
        };
        let until = clock::now_ns() + self.random.below(most);
        self.silence.wait_until_ns(until).during("sleeping")?;
        Ok(())
    }

    fn inspect(&mut self, captured: &Captured) -> Result<(), Failure> {
        self.coverage.record(captured);
        for state in captured.threads() {
            let registers = &state.registers;
            for word in [registers.rip, registers.rsp, registers.rax] {
                self.instants = scrambled(self.instants ^ word);
            }
        }
        let mapped = captured
            .mappings
            .iter()
            .find(|mapping| mapping.address == BOARDS);
        let boards = mapped.map_or(0, |mapping| mapping.memory);
        for (id, object) in &captured.objects {
            if let Object::Memory(_, pages) = object
                && id.0 == boards
            {
                self.read_boards(pages)?;
            }
        }
        Ok(())
    }

    fn read_boards(&mut self, pages: &[crate::captured::Page]) -> Result<(), Failure> {
        if pages.len() as u64 != BOARD_PAGES {
            return Err(Failure::missing("board for every workload"));
        }
        for ((state, (_, page)), workload) in self.states.iter_mut().zip(pages).zip(WORKLOADS) {
            let now = board::read(page.as_deref().unwrap_or(&[]));
            if now.failure != 0 {
                return Err(failure(workload.name, format!("failed: {}", now.failure)));
            }
            if now.rounds < state.rounds {
                return Err(failure(workload.name, "counts backwards"));
            }
            *state = now;
        }
        Ok(())
    }

    fn check_progress(&self, before: &[State]) -> Result<(), Failure> {
        let pairs = self.states.iter().zip(before).zip(WORKLOADS);
        for ((now, before), workload) in pairs {
            // A caller whose calls are all interrupted is not a failure.
            if (now.rounds, now.interruptions) == (before.rounds, before.interruptions) {
                return Err(failure(workload.name, "makes no progress"));
            }
        }
        Ok(())
    }

    /// The situations that the freezes found.
    pub fn coverage(&self) -> Coverage {
        self.coverage
    }

    /// A hash of every thread's position at every freeze: two runs with the same instants have the same hash.
    pub fn instants(&self) -> u64 {
        self.instants
    }

    /// The number of calls that a move interrupted.
    pub fn interruptions(&self) -> u64 {
        self.states.iter().map(|state| state.interruptions).sum()
    }

    /// The progress of each workload.
    pub fn rounds(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let names = WORKLOADS.iter().map(|workload| workload.name);
        names.zip(self.states.iter().map(|state| state.rounds))
    }
}

/// The failure of a workload's thread.
fn failure(name: &str, what: impl Display) -> Failure {
    Failure::Other(format!("the thread that {name} {what}"))
}
