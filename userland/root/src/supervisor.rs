//! Root's whole state, and its main transitions: the start and the end of a domain.
//!
//! ```text
//! api/*  --> Supervisor --> start, Domain, DomainTable, Switchboard, ...
//! ```
//!
//! The interfaces in `api` change the supervisor; none of its parts refers back to it.

use alloc::rc::Rc;
use alloc::vec::Vec;

use abi::Error;
use manifest::{Manifest, Role};
use runtime::Cap;
use runtime::capability::Pool;
use runtime::events::JOURNAL;
use runtime::protocol::ports::COMMANDS_FLAG;
use runtime::protocol::root::{DomainState, Refusal, done};

use crate::archive::Archive;
use crate::badge::DomainNumber;
use crate::definition::Definition;
use crate::devices::Devices;
use crate::domain::{Domain, Urgency};
use crate::layout::MIB_PAGES;
use crate::machine::Machine;
use crate::provision::services::Services;
use crate::provision::{Facilities, ports};
use crate::quiet_waiters::QuietWaiters;
use crate::remains::Remains;
use crate::spawn::DomainObjects;
use crate::start_error::StartError;
use crate::switchboard::Switchboard;
use crate::table::DomainTable;
use crate::{console, start};

/// The whole state of root.
#[derive(Debug)]
pub struct Supervisor {
    pub machine: Machine,
    /// This machine's name, and the domains of the manifest.
    pub manifest: Manifest,
    pub domains: DomainTable,
    pub switchboard: Switchboard,
    pub quiet_waiters: QuietWaiters,
    pub remains: Remains,
    pub services: Services,
    pub devices: Devices,
    /// The received part of a package that is not installed yet.
    pub package: Vec<u8>,
}

impl Supervisor {
    /// A machine without domains.
    pub fn new(machine: Machine, manifest: Manifest, devices: Devices) -> Supervisor {
        Supervisor {
            machine,
            manifest,
            domains: DomainTable::default(),
            switchboard: Switchboard::default(),
            quiet_waiters: QuietWaiters::default(),
            remains: Remains::default(),
            services: Services::default(),
            devices,
            package: Vec::new(),
        }
    }

    /// Starts the manifest's domains that are at home here. A failure is logged, and the other domains start. A domain that may
    /// be on another machine waits for the migration server's roll call.
    pub fn start_all(&mut self, archive: &Archive<'static>) {
        let server = self.manifest.at_home_with_role(Role::MigrationServer);
        let has_migration_server = server.is_some();
        let at_home: Vec<_> = self.manifest.domains_at_home().cloned().collect();
        for description in at_home {
            let name = description.name;
            let waits = has_migration_server && description.movable && description.home.is_some();
            let definition = Rc::new(Definition::from_archive(description, archive));
            let domain = self.domains.add_at_home(name, definition);
            let number = domain.number;
            if waits {
                domain.state = DomainState::Waiting;
            } else {
                // A failure is logged, and the other domains start.
                let _ = self.start(number);
            }
        }
    }

    /// Starts a domain of the manifest and logs the result.
    ///
    /// # Errors
    /// If the start fails: then the domain is stopped, and the log has the reason.
    pub fn start(&mut self, number: DomainNumber) -> Result<(), Refusal> {
        self.start_in(number, 0)
    }

    /// Starts a domain like [`Supervisor::start`], but it runs only after this delay.
    ///
    /// # Errors
    /// If the start fails: then the domain is stopped, and the log has the reason.
    pub fn start_in(&mut self, number: DomainNumber, delay_ns: u64) -> Result<(), Refusal> {
        let domain = self.domains.by_number_mut(number);
        let domain = domain.ok_or(Refusal::NoSuchDomain)?;
        let name = domain.name;
        let mut facilities = Facilities {
            machine: &self.machine,
            manifest: &self.manifest,
            devices: &self.devices,
            remains: &mut self.remains,
            services: &mut self.services,
            switchboard: &mut self.switchboard,
        };
        let started = start::start(&mut facilities, domain, delay_ns);
        let pages = started.map_err(|error: StartError| {
            log::error!("cannot start {name}: {error}");
            self.end(number);
            error.refusal()
        })?;
        self.ring_for_commands();
        let (mib, delay_ms) = (pages.0 / MIB_PAGES, delay_ns / 1_000_000);
        match delay_ms {
            0 => log::info!("started {name} with {mib} MiB"),
            _ => log::info!("started {name} with {mib} MiB; it runs in {delay_ms} ms"),
        }
        Ok(())
    }

    /// Ends a domain. It stays in the table, without memory or objects. Its memory may be destroyed later. Until then another domain that
    /// has mapped a Memory of it can still read and write that, and other domains' slots keep their capabilities to its objects. Each
    /// use of these objects fails with [`Error::Gone`].
    pub fn end(&mut self, number: DomainNumber) {
        let Some(domain) = self.domains.by_number_mut(number) else {
            return;
        };
        let pool = domain.end(&self.machine, &self.devices);
        let is_switch = domain.has_role(Role::Switch);
        if domain.has_role(Role::MigrationServer) {
            self.remains.reclaim_all();
        }
        match pool {
            Some((pool, Urgency::AtOnce)) => pool.destroy(),
            Some((pool, Urgency::Background)) => self.remains.destruction.add(pool),
            None => {}
        }
        self.switchboard.stop(number);
        self.quiet_waiters.reply(number, &done());
        if is_switch {
            self.forget_switch();
        }
        self.ring_for_commands();
    }

    /// Records that the switch is gone. Then only owners use their rings, and every port is quiet.
    fn forget_switch(&mut self) {
        for ring in self.switchboard.forget_switch() {
            ports::destroy_ring(ring);
        }
        self.quiet_waiters.reply_to_all(&done());
    }

    /// Ends and removes a domain that has left or does not arrive. If it is at home here, it is listed as absent.
    pub fn remove(&mut self, number: DomainNumber) {
        if let Some(domain) = self.take_out(number) {
            self.domains.record_departure(&domain);
        }
    }

    /// Removes a domain that has left, as [`Supervisor::remove`] does, but leaves its memory. Returns the capability that shows the
    /// migration server whether that still exists.
    ///
    /// # Errors
    /// [`Error::NotThere`] if the domain has no memory; or the kernel's refusal of that capability. Then the memory is destroyed.
    pub fn release(&mut self, number: DomainNumber) -> Result<Cap<Pool>, Error> {
        let domain = self.domains.by_number_mut(number).ok_or(Error::NotThere)?;
        let (name, copy) = (domain.name, (domain.id, domain.incarnation));
        let pool = domain.pool.take();
        self.remove(number);
        self.remains.add(name, copy, pool.ok_or(Error::NotThere)?)
    }

    /// Ends and forgets a domain that came in a package, and removes it from the manifest.
    pub fn forget(&mut self, number: DomainNumber) {
        if let Some(domain) = self.take_out(number) {
            let domains = &mut self.manifest.domains;
            domains.retain(|other| other.name != domain.name);
            self.services.retain_named(&self.manifest);
        }
    }

    /// Ends a domain and takes it out of the table, and its port from the switch.
    fn take_out(&mut self, number: DomainNumber) -> Option<Domain> {
        let state = self.domains.by_number(number).map(|domain| domain.state);
        self.end(number);
        let domain = self.domains.remove(number)?;
        let unused = match state {
            Some(DomainState::Exported) => self.switchboard.depart(number),
            _ => self.switchboard.remove(number),
        };
        if let Some(ring) = unused {
            ports::destroy_ring(ring);
        }
        self.ring_for_commands();
        Some(domain)
    }

    /// Wakes the switch if there is a command for it.
    pub fn ring_for_commands(&self) {
        if self.switchboard.has_work() {
            self.ring();
        }
    }

    /// Wakes the switch, which polls for a command and receives the time of its next poll.
    pub fn ring(&self) {
        // Cannot fail: the doorbell is root's own.
        let _ = self.machine.doorbell.signal(COMMANDS_FLAG);
    }

    /// The objects of the domain that writes the log to the serial port, if one was started.
    fn console(&self) -> Option<&DomainObjects> {
        let mut domains = self.domains.iter();
        let console = domains.find(|domain| domain.has_role(Role::Console))?;
        console.objects.as_ref()
    }

    /// Whether a domain writes the log to the serial port.
    pub fn has_console(&self) -> bool {
        self.console().is_some()
    }

    /// Wakes the console if there are new lines. It reads them when it can; root does not wait.
    pub fn notify_console(&self) {
        if console::mark_announced()
            && let Some(objects) = self.console()
        {
            // Cannot fail: the notification exists as long as the console's objects.
            let _ = objects.wake.signal(JOURNAL);
        }
    }
}

#[cfg(test)]
impl Supervisor {
    /// A machine without devices, programs or domains, whose calls go to a test's kernel.
    pub fn for_tests() -> Supervisor {
        let machine = Machine::for_tests();
        let manifest = Manifest {
            machine: "nameless".parse().expect("a name"),
            domains: Vec::new(),
        };
        Supervisor::new(machine, manifest, Devices::for_tests(&machine))
    }
}
