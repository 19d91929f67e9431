//! A fake domain: pages with contents, an age that every step increments, and a run state.
//!
//! `age` counts the steps that the domain has run, in all its instances together. An instance that begins at a lower
//! age than the domain has reached begins from an older state.

use identity::Incarnation;
use nomad_protocol::{Instant, StateVersion};

use crate::memory::{Memory, PageUse};

/// The contents that a move must carry over.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Contents {
    /// The number of steps run.
    pub age: u64,
    /// The number of signals from outside: state that changes without the domain running.
    pub signals: u64,
    /// The contents of the pages.
    pub pages: Memory,
}

/// The run state of a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RunState {
    /// It runs.
    Running,
    /// It is frozen.
    Frozen,
    /// It will not run here again.
    Retired,
}

/// A domain in a kernel.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Domain {
    /// Its contents.
    pub contents: Contents,
    /// The number of its activations.
    pub incarnation: Incarnation,
    /// Its run state.
    pub run: RunState,
    /// Incremented when an outsider changes the frozen domain, and when the domain is thawed.
    pub version: StateVersion,
    /// The token of its current or last freeze.
    pub token: u64,
    /// The time at which the kernel thaws it, while it is frozen.
    pub deadline: Option<Instant>,
    /// The offset of its clock from the machine's, in microseconds.
    pub clock_offset_us: i64,
    /// Which pages were written since they were last read, while there is a log.
    pub dirty: Option<Vec<bool>>,
    /// Which pages were written since the domain arrived, while nomad may continue that log.
    pub written: Option<Vec<bool>>,
}

impl Domain {
    /// A domain that was just created and runs.
    pub fn new(pages: usize) -> Self {
        Domain {
            contents: Contents {
                age: 0,
                signals: 0,
                pages: Memory::populated(pages),
            },
            incarnation: Incarnation(0),
            run: RunState::Running,
            version: StateVersion(0),
            token: 0,
            deadline: None,
            clock_offset_us: 0,
            dirty: None,
            written: None,
        }
    }

    /// Runs a step: the domain uses a page in this way. The page's number is `page` modulo the number of pages.
    pub fn step(&mut self, page: u64, page_use: PageUse) {
        self.contents.age += 1;
        self.apply(page, page_use);
    }

    /// Changes the domain from outside: an outsider signals it, or replies into its message buffer.
    pub fn interfere(&mut self, page: u64) {
        match self.run {
            RunState::Retired => return,
            RunState::Frozen => self.raise_version(),
            RunState::Running => {}
        }
        self.contents.signals += 1;
        self.apply(page, PageUse::Write);
    }

    /// Freezes it, until a deadline.
    pub fn freeze(&mut self, deadline: Option<Instant>) {
        self.run = RunState::Frozen;
        self.token += 1;
        self.deadline = deadline;
    }

    /// Lets it run again. State that was read before is no longer valid.
    pub fn thaw(&mut self) {
        self.raise_version();
        self.run = RunState::Running;
        self.deadline = None;
    }

    /// Retires it: it never runs here again.
    pub fn retire(&mut self) {
        self.run = RunState::Retired;
        self.deadline = None;
        (self.dirty, self.written) = (None, None);
    }

    fn raise_version(&mut self) {
        self.version = StateVersion(self.version.0 + 1);
    }

    /// The time on its clock at this time of its machine, in microseconds.
    pub fn clock_us(&self, now: Instant) -> u64 {
        now.as_us().wrapping_add_signed(self.clock_offset_us)
    }

    /// Sets its clock to `clock_us` at this time of its machine.
    pub fn set_clock(&mut self, now: Instant, clock_us: u64) {
        self.clock_offset_us = clock_us.wrapping_sub(now.as_us()).cast_signed();
    }

    /// Takes the dirty pages, which are clean from now on. Their contents are to be read *afterwards*.
    pub fn take_dirty(&mut self) -> Vec<usize> {
        let Some(dirty) = &mut self.dirty else {
            return Vec::new();
        };
        let pages = dirty
            .iter()
            .enumerate()
            .filter(|(_, dirty)| **dirty)
            .map(|(page, _)| page)
            .collect();
        dirty.fill(false);
        pages
    }

    fn apply(&mut self, page: u64, page_use: PageUse) {
        let Contents {
            age,
            signals,
            pages,
        } = &mut self.contents;
        let page = (page % pages.page_count() as u64) as usize;
        let is_dirty = pages.apply(page, page_use, (*age << 16) | *signals);
        let logs = [&mut self.dirty, &mut self.written].into_iter().flatten();
        for log in logs {
            log[page] = is_dirty.unwrap_or(log[page]);
        }
    }
}
