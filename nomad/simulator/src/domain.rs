//! A fake domain: pages with contents, an age that every step of its raises, and a run state.
//!
//! `age` counts the steps that the domain has run, over all its instances: an instance that starts with an age lower
//! than one that has run is an older state. Every page holds the age at which it was last written.

use identity::Incarnation;
use nomad_protocol::{Instant, StateVersion};

/// All that a move must carry over.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Contents {
    /// Steps run.
    pub age: u64,
    /// What outsiders have signalled: state that changes without the domain running.
    pub signals: u64,
    /// The pages.
    pub pages: Vec<u64>,
}

/// What the kernel lets a domain do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Run {
    /// It runs.
    Running,
    /// It stands still.
    Frozen,
    /// It will not run here again.
    Retired,
}

/// A domain in a kernel.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Domain {
    /// What it consists of.
    pub contents: Contents,
    /// How often it was activated.
    pub incarnation: Incarnation,
    /// May it run?
    pub run: Run,
    /// Rises when outsiders change it while it is frozen, and when it is thawed.
    pub version: StateVersion,
    /// The token of the freeze that it is in, or was in last.
    pub token: u64,
    /// When the kernel thaws it, while it is frozen.
    pub deadline: Option<Instant>,
    /// Which pages were written since they were last read, while there is a log.
    pub dirty: Option<Vec<bool>>,
}

impl Domain {
    /// A domain that was just created and runs.
    pub fn new(pages: usize) -> Self {
        Domain {
            contents: Contents {
                age: 0,
                signals: 0,
                pages: vec![0; pages],
            },
            incarnation: Incarnation(0),
            run: Run::Running,
            version: StateVersion(0),
            token: 0,
            deadline: None,
            dirty: None,
        }
    }

    /// The domain runs a step: it writes the page of this number (modulo their count).
    pub fn step(&mut self, page: u64) {
        self.contents.age += 1;
        self.write(page);
    }

    /// An outsider signals the domain, or answers into its message buffer.
    pub fn interfere(&mut self, page: u64) {
        match self.run {
            Run::Retired => return,
            Run::Frozen => self.raise_version(),
            Run::Running => {}
        }
        self.contents.signals += 1;
        self.write(page);
    }

    /// It is frozen until then.
    pub fn freeze(&mut self, deadline: Option<Instant>) {
        self.run = Run::Frozen;
        self.token += 1;
        self.deadline = deadline;
    }

    /// It runs again. What was read of it before is void.
    pub fn thaw(&mut self) {
        self.raise_version();
        self.run = Run::Running;
        self.deadline = None;
    }

    /// It does not run here again.
    pub fn retire(&mut self) {
        self.run = Run::Retired;
        self.deadline = None;
        self.dirty = None;
    }

    fn raise_version(&mut self) {
        self.version = StateVersion(self.version.0 + 1);
    }

    /// Takes the pages that are dirty, which makes them clean. Their contents are to be read *afterwards*.
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

    /// How many pages are dirty.
    pub fn dirty_count(&self) -> u64 {
        self.dirty.iter().flatten().filter(|dirty| **dirty).count() as u64
    }

    fn write(&mut self, page: u64) {
        let page = (page % self.contents.pages.len() as u64) as usize;
        self.contents.pages[page] = (self.contents.age << 16) | self.contents.signals;
        if let Some(dirty) = &mut self.dirty {
            dirty[page] = true;
        }
    }
}
