//! The calls to root that the shell makes, about domains by name.

use identity::{DomainId, Incarnation, Name};
use nomad_shell::{Root, RootError};
use service_protocol::journal::Line;
use service_protocol::root::{DomainRecord, DomainState, Installation, MemoryRecord, Refusal};

use super::Hardware;
use super::mishaps::REPLY_LOST;
use crate::faults::{LocalStep, Point, RootCall, root_error};
use crate::machine::{Mutant, domain_name, machine_name, number_of};
use crate::root::Entry;

/// Pages of a domain that is started.
const STARTED_PAGES: u64 = 64;

impl Hardware {
    fn record(&self, number: usize, entry: &Entry) -> DomainRecord {
        let pages = entry.pool.unwrap_or(0);
        DomainRecord {
            name: domain_name(number),
            id: entry.id,
            incarnation: entry.incarnation,
            state: entry.state,
            movable: entry.is_movable,
            is_part_of_machine: entry.is_part_of_machine,
            home: self.home_of(number),
            has_package: self.root.has_package(number),
            guest: entry.guest,
            pool_pages: pages,
            spent_pages: pages,
        }
    }

    /// The name of a domain's home.
    pub(super) fn home_of(&self, number: usize) -> Option<Name> {
        if self.claims_all() {
            return Some(machine_name(self.parts.number));
        }
        self.parts.home_names.get(&number).copied()
    }

    /// Whether this machine keeps the package of a domain.
    pub(super) fn has_package(&self, number: usize) -> bool {
        self.claims_all() || self.root.has_package(number)
    }

    /// Whether a mutant claims every domain.
    fn claims_all(&self) -> bool {
        self.parts.mutant == Mutant::AllClaimHome && !self.parts.is_guest
    }

    /// The guest that root remembers.
    pub(super) fn remembered(&self, guest: Option<Name>) -> Option<Name> {
        guest.filter(|_| self.parts.mutant != Mutant::HomeForgetsGuest)
    }

    fn give_up(
        &mut self,
        number: usize,
        id: DomainId,
        is_allowed: impl Fn(&Entry) -> bool,
    ) -> Result<(), RootError> {
        self.call_root(RootCall::Discard)?;
        match self.root.entries.get(&number) {
            Some(entry) if entry.id == id => {
                if !is_allowed(entry) {
                    return Err(RootError::Refused(Refusal::WrongState));
                }
                self.record_discarded(id);
                self.kernel.destroy(id);
                self.kernel.free_pages += self.root.leave(number);
                if self.strikes(Point::Discard) {
                    return Err(REPLY_LOST);
                }
                Ok(())
            }
            // Root has another domain of this name, or none.
            _ => Ok(()),
        }
    }
}

impl Root for Hardware {
    fn all(&mut self) -> Result<Vec<DomainRecord>, RootError> {
        self.call_root(RootCall::List)?;
        let entries = self.root.entries.iter();
        Ok(entries
            .map(|(number, entry)| self.record(*number, entry))
            .collect())
    }

    fn find(&mut self, name: Name) -> Result<DomainRecord, RootError> {
        self.call_root(RootCall::Find)?;
        let number = number_of(name);
        let entry = self.root.entries.get(&number);
        let found = entry.map(|entry| self.record(number, entry));
        found.ok_or(RootError::Refused(Refusal::NoSuchDomain))
    }

    fn adopt(
        &mut self,
        name: Name,
        id: DomainId,
        incarnation: Incarnation,
    ) -> Result<(), RootError> {
        if let Some(failure) = self.fails(LocalStep::Activate) {
            return Err(root_error(failure));
        }
        let entry = self.root.entries.get(&number_of(name));
        let entry = entry.ok_or(RootError::Refused(Refusal::NoSuchDomain))?;
        match entry.state {
            _ if entry.id != id => return Err(RootError::Refused(Refusal::AlreadyHere)),
            _ if entry.incarnation == incarnation => return Ok(()),
            DomainState::Prepared => {}
            _ => return Err(RootError::Refused(Refusal::WrongState)),
        }
        let incarnation = match self.parts.mutant {
            Mutant::IncarnationStays => Incarnation(incarnation.0 - 1),
            _ => incarnation,
        };
        self.root.adopt(number_of(name), incarnation);
        self.kernel.activate(id, incarnation);
        self.adopted.push(id);
        if self.strikes(Point::Adopt) {
            return Err(REPLY_LOST);
        }
        Ok(())
    }

    fn revert(&mut self, name: Name) -> Result<(), RootError> {
        self.call_root(RootCall::Revert)?;
        let reverted = self.root.revert(number_of(name));
        reverted.map_err(RootError::Refused)?;
        if self.strikes(Point::Revert) {
            return Err(REPLY_LOST);
        }
        Ok(())
    }

    fn outlive(
        &mut self,
        name: Name,
        id: DomainId,
        incarnation: Incarnation,
        guest: Option<Name>,
    ) -> Result<(), RootError> {
        self.call_root(RootCall::Outlive)?;
        let guest = self.remembered(guest);
        let entry = self.root.entries.get_mut(&number_of(name));
        let entry = entry.ok_or(RootError::Refused(Refusal::NoSuchDomain))?;
        match entry.state {
            _ if entry.id != id => return Err(RootError::Refused(Refusal::NoSuchDomain)),
            // A repeated call has no effect.
            DomainState::Outlived => return Ok(()),
            DomainState::Running if entry.incarnation.is_outlived_by(incarnation) => {}
            _ => return Err(RootError::Refused(Refusal::WrongState)),
        }
        entry.state = DomainState::Outlived;
        entry.guest = guest.or(entry.guest);
        self.kernel.outlive(id, incarnation);
        Ok(())
    }

    fn remember_guest(&mut self, name: Name, guest: Name) -> Result<(), RootError> {
        let guest = self.remembered(Some(guest));
        let states = [DomainState::Waiting, DomainState::Away];
        let entry = self.root.in_state(number_of(name), &states);
        let entry = entry.map_err(RootError::Refused)?;
        entry.guest = entry.guest.or(guest);
        Ok(())
    }

    fn discard(&mut self, name: Name, id: DomainId) -> Result<(), RootError> {
        let another = |entry: &&Entry| entry.comes() && entry.id != id;
        let another = self.root.entries.values().find(another);
        let (number, id) = match (self.parts.mutant, another) {
            (Mutant::DiscardsAnother, Some(another)) => {
                (super::domain_number(another.id), another.id)
            }
            _ => (number_of(name), id),
        };
        self.give_up(number, id, Entry::comes)
    }

    fn drop_outlived(&mut self, name: Name, id: DomainId) -> Result<(), RootError> {
        let is_outlived = |entry: &Entry| entry.state == DomainState::Outlived;
        self.give_up(number_of(name), id, is_outlived)
    }

    fn start(&mut self, name: Name) -> Result<(), RootError> {
        self.call_root(RootCall::Start)?;
        let number = number_of(name);
        let states = [DomainState::Waiting, DomainState::Away];
        match self.root.in_state(number, &states) {
            Ok(_) => {}
            Err(Refusal::WrongState) => return Err(RootError::Refused(Refusal::AlreadyHere)),
            Err(refusal) => return Err(RootError::Refused(refusal)),
        }
        // The last byte is the same for all domains that were ever started under one name.
        let id = DomainId((nomad_shell::Host::draw(self) << 16) | (number as u128 + 1));
        if !self.create(id, STARTED_PAGES) {
            return Err(RootError::Refused(Refusal::NoMemory));
        }
        self.started.push(id);
        if self.strikes(Point::Start) {
            return Err(REPLY_LOST);
        }
        Ok(())
    }

    fn memory(&mut self) -> Result<MemoryRecord, RootError> {
        let pages = self.parts.pool_pages;
        Ok(MemoryRecord {
            pool_pages: pages,
            spent_pages: pages - self.kernel.free_pages - self.remains.pool_pages(),
            pages_being_freed: 0,
            heap_growth_pages: 0,
            heap_free: 0,
            switch_heap_free: 0,
        })
    }

    fn stop(&mut self, name: Name, restart: bool) -> Result<(), RootError> {
        let number = number_of(name);
        let states = [
            DomainState::Running,
            DomainState::Waiting,
            DomainState::Away,
        ];
        let stopped = self.root.in_state(number, &states);
        let (id, state, guest) = stopped
            .map(|entry| (entry.id, entry.state, entry.guest))
            .map_err(RootError::Refused)?;
        if restart && !self.root.homes().contains_key(&number) {
            return Err(RootError::Refused(Refusal::NotHome));
        }
        if state == DomainState::Running {
            self.record_discarded(id);
            self.kernel.destroy(id);
        }
        self.kernel.free_pages += self.root.stop(number, restart);
        if restart && state == DomainState::Running {
            self.start(name)?;
            // No roll call preceded this start, so root still remembers the guest.
            if let Some(entry) = self.root.entries.get_mut(&number) {
                entry.guest = guest;
            }
        }
        Ok(())
    }

    fn remove(&mut self, _: Name) -> Result<(), RootError> {
        Err(RootError::Refused(Refusal::OfArchive))
    }

    fn log_line(&mut self, _: u64) -> Result<Option<Line>, RootError> {
        Ok(None)
    }

    // The content of a package is not simulated: every package stands for the domain whose package a restart has lost, or else
    // for the waiting domain at home here.

    fn begin_package(&mut self, bytes: u32) -> Result<(), RootError> {
        self.root.package_bytes = bytes;
        Ok(())
    }

    fn forget_package(&mut self) {
        self.root.package_bytes = 0;
    }

    fn append_package(&mut self, _: u32, _: &[u8]) -> Result<(), RootError> {
        self.call_root(RootCall::AppendPackage)
    }

    fn install_package(&mut self) -> Result<Installation, RootError> {
        self.call_root(RootCall::InstallPackage)?;
        self.root.package_bytes = 0;
        let root = &mut self.root;
        let mut packages = self.parts.packages.iter();
        if let Some(forgotten) = packages.find(|number| !root.has_package(**number)) {
            root.install(*forgotten, self.parts.homes[forgotten]);
        }
        let mut entries = self.root.entries.iter();
        let waits = entries.find(|(_, entry)| entry.state == DomainState::Waiting);
        let waits = waits.ok_or(RootError::Refused(Refusal::WrongState));
        waits.map(|(number, entry)| Installation::Installed(self.record(*number, entry)))
    }

    fn reboot(&mut self) -> Result<(), RootError> {
        self.call_root(RootCall::Reboot)?;
        self.reboots += 1;
        Ok(())
    }
}
