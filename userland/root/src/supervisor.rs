//! Starts and ends the machine's domains.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use abi::register::PageCount;
use manifest::Manifest;
use runtime::Cap;
use runtime::capability::{Endpoint, Pool, Reply, Thread};
use runtime::events::JOURNAL;
use runtime::protocol::root::{DomainState, Refusal, done};
use runtime::protocol::{DomainId, Incarnation, Name, Words};

use crate::archive::Archive;
use crate::badge::DomainNumber;
use crate::devices::Devices;
use crate::domain::Domain;
use crate::handle::Handle;
use crate::image::Image;
use crate::machine::Machine;
use crate::spawn::DomainObjects;
use crate::start_error::StartError;
use crate::switchboard::Switchboard;
use crate::{api, clock, console, provision, spawn};

/// Pages in a MiB.
pub const MIB_PAGES: u64 = 256;

/// The whole state of root.
#[derive(Debug)]
pub struct Supervisor {
    pub machine: Machine,
    /// The domains of the fleet, and this machine's name.
    pub manifest: Manifest,
    /// The programs and the manifest.
    pub archive: Archive<'static>,
    /// The domains of this machine, in the order of their arrival.
    pub domains: Vec<Domain>,
    pub switchboard: Switchboard,
    /// Callers that wait until a domain's port is quiet.
    pub awaiting_quiet: Vec<(DomainNumber, Cap<Reply>)>,
    /// The endpoints of domains' services. Root owns them, so that they outlive a provider.
    pub services: Vec<(String, Cap<Endpoint>)>,
    pub devices: Devices,
    pub last_number: u32,
}

impl Supervisor {
    /// Starts the manifest's domains of this machine. A failure is logged, and the others start. A domain that may be on another
    /// machine waits until the migration server has asked them all.
    pub fn start_all(&mut self) {
        let has_migration_server = self
            .manifest
            .domains
            .iter()
            .any(provision::is_migration_server);
        for manifest_index in 0..self.manifest.domains.len() {
            let domain = &self.manifest.domains[manifest_index];
            if !domain.is_at_home(&self.manifest.machine) {
                continue;
            }
            let Ok(name) = Name::try_new(&domain.name) else {
                log::error!("the manifest names a domain {:?}", domain.name);
                continue;
            };
            let waits = has_migration_server && domain.movable && domain.home.is_some();
            let index = self.add(manifest_index, name);
            match waits {
                true => self.domains[index].state = DomainState::Waiting,
                // A failure is logged, and the others are started.
                false => _ = self.start(index),
            }
        }
    }

    /// Adds a domain of the manifest that is at home here, still stopped.
    pub fn add_from_manifest(&mut self, name: Name) -> Option<usize> {
        let machine = &self.manifest.machine;
        let manifest_index = self
            .manifest
            .domains
            .iter()
            .position(|domain| domain.name == name.as_str() && domain.is_at_home(machine))?;
        Some(self.add(manifest_index, name))
    }

    /// Records that a domain is gone. If it is at home here, its id and incarnation stay for the next roll call.
    pub fn record_departure(&mut self, gone: &Domain) {
        let Some(index) = self.add_from_manifest(gone.name) else {
            return;
        };
        let manifest_index = self.domains[index].manifest_index;
        let restart = manifest_index.map(|index| self.manifest.domains[index].restart);
        let domain = &mut self.domains[index];
        domain.state = gone.state_when_gone(restart);
        (domain.id, domain.incarnation) = (gone.id, gone.incarnation);
    }

    fn add(&mut self, manifest_index: usize, name: Name) -> usize {
        let domain = &self.manifest.domains[manifest_index];
        let movable = domain.movable;
        let home = domain
            .home
            .as_deref()
            .and_then(|home| Name::try_new(home).ok());
        let number = self.allocate_number();
        self.domains.push(Domain {
            manifest_index: Some(manifest_index),
            movable,
            home,
            ..Domain::new(number, name, DomainId(0))
        });
        self.domains.len() - 1
    }

    /// Allocates a number for a new domain.
    pub fn allocate_number(&mut self) -> DomainNumber {
        self.last_number += 1;
        DomainNumber(self.last_number)
    }

    pub fn by_number(&self, number: DomainNumber) -> Option<usize> {
        self.domains
            .iter()
            .position(|domain| domain.number == number)
    }

    pub fn by_name(&self, name: Name) -> Option<usize> {
        self.domains.iter().position(|domain| domain.name == name)
    }

    /// Starts a domain of the manifest and logs the result.
    ///
    /// # Errors
    /// The domain is stopped, and the log has the reason.
    pub fn start(&mut self, index: usize) -> Result<(), Refusal> {
        self.start_in(index, 0)
    }

    /// The same, but the domain runs only after this delay.
    ///
    /// # Errors
    /// The domain is stopped, and the log has the reason.
    pub fn start_in(&mut self, index: usize, delay_ns: u64) -> Result<(), Refusal> {
        let name = self.domains[index].name;
        let pages = self.try_start(index, delay_ns).map_err(|error| {
            log::error!("cannot start {name}: {error}");
            self.end(index);
            error.refusal()
        })?;
        let (mib, delay_ms) = (pages.0 / MIB_PAGES, delay_ns / 1_000_000);
        match delay_ms {
            0 => log::info!("started {name} with {mib} MiB"),
            _ => log::info!("started {name} with {mib} MiB; it runs in {delay_ms} ms"),
        }
        Ok(())
    }

    /// Starts a domain. Objects created before an error are the domain's, and end with it.
    fn try_start(&mut self, index: usize, delay_ns: u64) -> Result<PageCount, StartError> {
        let manifest_index = self.domains[index].manifest_index;
        let description = manifest_index.map(|index| self.manifest.domains[index].clone());
        let description = description.ok_or(StartError::NotInManifest)?;
        let member = format!("{}.elf", description.image);
        let file = self.archive.find(&member);
        let file = file.ok_or_else(|| StartError::NoMember(member.clone()))?;
        let image = Image::parse(file).map_err(|error| StartError::Image(member, error))?;
        let pages = PageCount(u64::from(description.pool_mib) * MIB_PAGES);
        let pool = self.machine.pool.split(pages);
        let pool = pool.map_err(|error| StartError::Pool(pages, error))?;
        self.domains[index].pool = Some(pool);
        let thread = self.build(index, &description, &image, pool)?;
        self.run(index, *thread, delay_ns)?;
        Ok(pages)
    }

    /// Builds the domain in its pool; returns its thread, not yet started.
    fn build(
        &mut self,
        index: usize,
        description: &manifest::Domain,
        image: &Image,
        pool: Cap<Pool>,
    ) -> Result<Handle<Thread>, StartError> {
        let [low, high, seed @ ..] = self
            .machine
            .random::<6>()
            .map_err(StartError::at("the id"))?;
        let id = DomainId::from_words([low, high]);
        let resources = provision::prepare(self, index, description, pool)?;
        let grants = resources.grants(self);
        let plan = spawn::Plan {
            image,
            stack: PageCount(u64::from(description.stack_kib) / 4),
            heap: PageCount(u64::from(description.heap_mib) * MIB_PAGES),
            priority: description.priority,
            grants: &grants,
            domain_rights: provision::domain_rights(description),
            pool_rights: resources.pool_rights,
            clock: clock::RANGE,
            arguments: &resources.arguments,
            id: id.0.to_le_bytes(),
            seed,
        };
        let (objects, thread) = spawn::spawn(&self.machine, pool, &plan)?;
        let held = resources.held_objects(&self.manifest, &grants);
        resources
            .set_fault_endpoint(&self.machine, *thread)
            .map_err(StartError::at("the fault endpoint"))?;
        let page = resources.clock;
        clock::start(&self.machine, *objects.domain, page).map_err(StartError::at("the clock"))?;
        let domain = &mut self.domains[index];
        if let (Some(function), Some(_)) = (domain.device, &resources.parts) {
            self.devices.enable(function);
        }
        self.switchboard.attach(domain.number, *objects.wake);
        self.switchboard.activate(domain.number);
        domain.id = id;
        domain.incarnation = Incarnation(clock::FIRST_INCARNATION);
        domain.objects = Some(objects);
        domain.held = held;
        Ok(thread)
    }

    /// Lets the domain run after this delay: until then it is frozen, and the kernel thaws it.
    fn run(&mut self, index: usize, thread: Cap<Thread>, delay_ns: u64) -> Result<(), StartError> {
        let domain = &mut self.domains[index];
        domain.state = DomainState::Running;
        domain.started_ns = clock::now_ns().saturating_add(delay_ns);
        if let Some(objects) = domain.objects.as_ref().filter(|_| delay_ns > 0) {
            let frozen = objects.domain.freeze(domain.started_ns);
            frozen.map_err(StartError::at("the delay"))?;
        }
        thread.start().map_err(StartError::at("the thread"))?;
        self.ring_for_commands();
        Ok(())
    }

    /// The objects of the domain that writes the log to the serial port, if one was started.
    fn console(&self) -> Option<&DomainObjects> {
        let is_console =
            |domain: &&Domain| provision::is_console(&self.manifest, domain.manifest_index);
        self.domains.iter().find(is_console)?.objects.as_ref()
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
            // The notification exists as long as the console's objects.
            let _ = objects.wake.signal(JOURNAL);
        }
    }

    /// Destroys a domain's pool. Its device is cut off from that memory first.
    pub fn end(&mut self, index: usize) {
        let domain = &mut self.domains[index];
        domain.state = DomainState::Stopped;
        domain.export = None;
        if let Some(function) = domain.device {
            self.devices.disable(&self.machine, function);
        }
        let number = domain.number;
        domain.held.clear();
        domain.migration_handle = None;
        domain.objects = None;
        let objects = [
            domain.pool.take().map(Cap::erase),
            domain.clock.take().map(Cap::erase),
        ];
        for object in objects.into_iter().flatten() {
            if let Err(error) = object.destroy() {
                log::error!("cannot destroy the objects of {}: {error}", domain.name);
            }
        }
        self.switchboard.stop(number);
        self.answer_awaiting_quiet(&done(), |domain| domain == number);
        if provision::is_switch(&self.manifest, self.domains[index].manifest_index) {
            self.forget_switch();
        }
        self.ring_for_commands();
    }

    /// The switch is gone: only owners use their rings, and every port is quiet.
    fn forget_switch(&mut self) {
        for ring in self.switchboard.forget_switch() {
            self.destroy_ring(ring);
        }
        self.answer_awaiting_quiet(&done(), |_| true);
    }

    /// Answers the callers that wait until the ports of certain domains are quiet.
    pub fn answer_awaiting_quiet(&mut self, words: &Words, of: impl Fn(DomainNumber) -> bool) {
        let awaiting = self
            .awaiting_quiet
            .extract_if(.., |(domain, _)| of(*domain));
        for (_, reply) in awaiting {
            api::answer_later(reply, words);
        }
    }
}

#[cfg(test)]
impl Supervisor {
    /// A machine without devices, programs or domains, whose calls go to a test's kernel.
    pub fn for_tests() -> Supervisor {
        let machine = Machine::for_tests();
        Supervisor {
            machine,
            manifest: Manifest {
                machine: "nameless".into(),
                domains: Vec::new(),
            },
            archive: Archive::new(&[]),
            domains: Vec::new(),
            switchboard: Switchboard::default(),
            awaiting_quiet: Vec::new(),
            services: Vec::new(),
            devices: Devices::for_tests(&machine),
            last_number: 0,
        }
    }
}
