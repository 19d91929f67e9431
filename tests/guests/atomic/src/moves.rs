//! The domain is let run for a while, frozen, read and rebuilt, again and again: [`Moves`].

use core::fmt;

use guest_support::random::Random;
use guest_workloads::board::{self, BOARDS, Told};
use guest_workloads::{WORKLOADS, answer_of};
use runtime::abi::NO_DEADLINE;
use runtime::capability::Notification;
use runtime::{Cap, Error, clock};

use crate::captured::{Captured, Object};
use crate::rebuild::rebuild;
use crate::service;
use crate::sights::Sights;
use crate::subject::{BOARD_PAGES, Lender, Subject};

/// The longest run between two freezes.
const RUN_NS_MAX: u64 = 2_000_000;
/// One run in this many may be longer: a thaw wakes the threads in the same order every time, and the last ones would never run.
const LONG_RUNS: u64 = 8;
const LONG_RUN_NS_MAX: u64 = 20_000_000;
/// When the first run begins, in time since the machine's start: without effort if instructions are counted, since idle time
/// is skipped then.
const START_NS: u64 = 10_000_000_000;
/// Within this many runs every workload makes progress.
const PATIENCE: u64 = 64;
/// One move in this many is cancelled: the domain is thawed where it is.
const CALLED_OFF: u64 = 4;

/// The reason it ended early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The kernel refused.
    Refused(&'static str, Error),
    /// A workload found something wrong.
    Complaint(&'static str, u64),
    /// A workload stands still.
    Stuck(&'static str),
    /// Something that the moves are about never happened.
    Missing(&'static str),
    /// The pool has spent another number of pages than before.
    Leak(u64, u64),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Refused(what, error) => write!(f, "{what}: {error}"),
            Failure::Complaint(who, what) => write!(f, "the thread that {who} complains: {what}"),
            Failure::Stuck(who) => write!(f, "the thread that {who} stands still"),
            Failure::Missing(what) => write!(f, "there was never {what}"),
            Failure::Leak(before, after) => write!(f, "{before} pages spent before, {after} after"),
        }
    }
}

/// Names what was done when the kernel refused.
pub trait During<T> {
    /// The failure, with the name.
    fn during(self, what: &'static str) -> Result<T, Failure>;
}

impl<T> During<T> for Result<T, Error> {
    fn during(self, what: &'static str) -> Result<T, Failure> {
        self.map_err(|error| Failure::Refused(what, error))
    }
}

/// The subject between two moves.
pub struct Moves {
    lender: Lender,
    random: Random,
    silence: Cap<Notification>,
    told: [Told; WORKLOADS.len()],
    sights: Sights,
    instants: u64,
}

impl Moves {
    /// Ready for a first subject; the service for it runs.
    pub fn new(lender: Lender, seed: u64) -> Result<Moves, Failure> {
        service::start(&lender).during("starting the service")?;
        Ok(Moves {
            silence: lender
                .pool
                .create_notification()
                .during("making a notification")?,
            lender,
            random: Random::new(seed),
            told: [Told::default(); WORKLOADS.len()],
            sights: Sights::default(),
            instants: 0,
        })
    }

    /// Waits for the time at which every run begins, so that nothing follows from when the console's line came. Returns
    /// whether that time was still to come.
    pub fn begin_on_time(&mut self) -> Result<bool, Failure> {
        let is_on_time = clock::now_ns() < START_NS;
        self.silence.wait_until_ns(START_NS).during("waiting")?;
        Ok(is_on_time)
    }

    /// Moves a subject this many times, then ends it.
    pub fn run(&mut self, count: u64) -> Result<(), Failure> {
        self.told = [Told::default(); WORKLOADS.len()];
        self.sights = Sights::default();
        self.instants = 0;
        let mut subject = Subject::new(&self.lender).during("making the subject")?;
        let mut before = self.told;
        for number in 1..=count {
            subject.domain.thaw(subject.token).during("thawing")?;
            self.pass_time()?;
            let freeze = subject.domain.freeze(NO_DEADLINE);
            subject.token = freeze.during("freezing")?.token;
            subject = self.move_once(subject)?;
            if number % PATIENCE == 0 {
                self.check_progress(&before)?;
                before = self.told;
            }
        }
        subject.end().during("ending the subject")
    }

    fn move_once(&mut self, subject: Subject) -> Result<Subject, Failure> {
        let captured = Captured::read(subject.domain, &self.lender).during("reading")?;
        self.look_at(&captured)?;
        if self.random.below(CALLED_OFF) == 0 {
            return Ok(subject);
        }
        let successor = rebuild(&self.lender, &captured).during("rebuilding")?;
        let retired = subject.domain.retire(captured.version, subject.token);
        retired.during("retiring")?;
        subject.end().during("ending")?;
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

    fn look_at(&mut self, captured: &Captured) -> Result<(), Failure> {
        self.sights.look_at(captured);
        for state in captured.threads() {
            let registers = &state.registers;
            for word in [registers.rip, registers.rsp, registers.rax] {
                self.instants = answer_of(self.instants ^ word);
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
            return Err(Failure::Missing("a board for every workload"));
        }
        for ((told, (_, page)), workload) in self.told.iter_mut().zip(pages).zip(WORKLOADS) {
            let now = board::read(page.as_deref().unwrap_or(&[]));
            if now.complaint != 0 {
                return Err(Failure::Complaint(workload.name, now.complaint));
            }
            if now.rounds < told.rounds {
                return Err(Failure::Missing("a counter that goes up only"));
            }
            *told = now;
        }
        Ok(())
    }

    fn check_progress(&self, before: &[Told]) -> Result<(), Failure> {
        let pairs = self.told.iter().zip(before).zip(WORKLOADS);
        for ((now, before), workload) in pairs {
            // A caller that is interrupted every time is not to blame.
            if (now.rounds, now.interruptions) == (before.rounds, before.interruptions) {
                return Err(Failure::Stuck(workload.name));
            }
        }
        Ok(())
    }

    /// The sights of the freezes.
    pub fn sights(&self) -> Sights {
        self.sights
    }

    /// A number that follows from where every thread stood at every freeze: the same in two runs if these were the same
    /// instants.
    pub fn instants(&self) -> u64 {
        self.instants
    }

    /// How many calls were interrupted by a move.
    pub fn interruptions(&self) -> u64 {
        self.told.iter().map(|told| told.interruptions).sum()
    }

    /// The progress of each workload.
    pub fn rounds(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let names = WORKLOADS.iter().map(|workload| workload.name);
        names.zip(self.told.iter().map(|told| told.rounds))
    }
}
