//! The configuration of a world: [`Setup`].

use std::collections::{BTreeMap, BTreeSet};

use identity::Name;
use nomad_protocol::planner::{Goals, MoveOptions};
use nomad_protocol::{Instant, Timing};

use super::domain_id;
use crate::hardware::Parts;
use crate::machine::{Common, Discovery, Machine, Mutant, hardware, machine_name};
use crate::root::Restart;

/// The configuration of a world.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Setup {
    /// Pages of each domain.
    pub pages: usize,
    /// Pages of each machine's pool. There are as many machines as entries.
    pub pool_pages: Vec<u64>,
    /// The machine that each domain starts on. There are as many domains as entries.
    pub starts: Vec<usize>,
    /// The domains that are at home on the machines that they start on, by number.
    pub homes: BTreeMap<usize, Restart>,
    /// The domains that came to the machines that they start on in packages, by number.
    pub packages: BTreeSet<usize>,
    /// The number of guests: the last ones of the machines.
    pub guests: usize,
    /// The goals of a move.
    pub goals: Goals,
    /// The operator's options of every move.
    pub options: MoveOptions,
    /// The timers of all machines.
    pub timing: Timing,
    /// The maximum time for which nomad freezes a domain.
    pub freeze_us: u64,
    /// Pages that are copied at once.
    pub copy_pages: usize,
    /// The number of slots for records, which a simulation stores as bytes. Zero selects the plain store of an exploration,
    /// whose machines draw no new random numbers: the exploration sets them.
    pub record_slots: usize,
    /// How machines learn each other's addresses.
    pub discovery: Discovery,
    /// The rule that all machines break.
    pub mutant: Mutant,
}

impl Setup {
    /// A world without homes, guests or faults. Its one domain has this many pages and starts on the first machine, and every
    /// move takes two rounds unless nothing is dirty. A test changes what differs.
    pub fn of_one_domain(pages: usize, pool_pages: Vec<u64>) -> Setup {
        Setup {
            pages,
            pool_pages,
            starts: Vec::from([0]),
            homes: BTreeMap::new(),
            packages: BTreeSet::new(),
            guests: 0,
            goals: Goals {
                // Not even one dirty page can be sent in no time.
                downtime_us: 0,
                rounds_max: 2,
                ..Goals::default()
            },
            options: MoveOptions::default(),
            timing: Timing::STANDARD,
            freeze_us: 8_000_000,
            copy_pages: usize::MAX,
            record_slots: 8,
            discovery: Discovery::Manifest,
            mutant: Mutant::None,
        }
    }

    /// The name of the home of each domain that has one.
    fn home_names(&self) -> BTreeMap<usize, Name> {
        let numbers = self.homes.keys().chain(&self.packages);
        let home = |domain: &usize| (*domain, machine_name(self.starts[*domain]));
        numbers.map(home).collect()
    }

    /// The domains that came to a machine in packages.
    fn packages_of(&self, machine: usize) -> BTreeSet<usize> {
        let packages = self.packages.iter().copied();
        let starts_there = |domain: &usize| self.starts[*domain] == machine;
        packages.filter(starts_there).collect()
    }

    /// A machine of this world, at its beginning.
    pub(super) fn machine(&self, number: usize) -> Machine {
        let homes = self.homes.iter();
        let homes = homes.filter(|(domain, _)| self.starts[**domain] == number);
        let mut hardware = hardware(Parts {
            number,
            pool_pages: self.pool_pages[number],
            homes: homes.map(|(domain, restart)| (*domain, *restart)).collect(),
            home_names: self.home_names(),
            packages: self.packages_of(number),
            freeze_us: self.freeze_us,
            copy_pages: self.copy_pages,
            record_slots: self.record_slots,
            is_guest: number >= self.pool_pages.len() - self.guests,
            mutant: self.mutant,
        });
        for (domain, start) in self.starts.iter().enumerate() {
            if *start == number {
                hardware.create(domain_id(domain), self.pages as u64);
            }
        }
        let common = Common {
            machines: self.pool_pages.len(),
            guests: self.guests,
            timing: self.timing,
            goals: self.goals,
            discovery: self.discovery,
        };
        let boot = Machine::first_boot(number);
        Machine::new(common, hardware, boot, Instant::from_us(0))
    }
}
