//! The machine's domains: starting and ending them.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use abi::register::PageCount;
use manifest::Manifest;
use runtime::Cap;
use runtime::capability::{Endpoint, Pool, Reply, Thread};
use runtime::events::JOURNAL;
use runtime::protocol::root::{DomainId, DomainState, Refusal, done};
use runtime::protocol::{Name, Words};

use crate::archive::Archive;
use crate::badge::DomainNumber;
use crate::birth::Body;
use crate::domain::Domain;
use crate::handle::Handle;
use crate::image::Image;
use crate::machine::Machine;
use crate::not_started::NotStarted;
use crate::pci::function::RESET_NS;
use crate::pci::{ConfigurationPorts, Function};
use crate::switchboard::Switchboard;
use crate::{birth, clock, console, provision, services};

/// Pages in a MiB.
pub const MIB_PAGES: u64 = 256;

/// Root's whole state.
#[derive(Debug)]
pub struct Supervisor {
    /// The authority.
    pub machine: Machine,
    /// What the machine runs.
    pub manifest: Manifest,
    /// The programs.
    pub archive: Archive<'static>,
    /// The domains that are here, in the order in which they came.
    pub domains: Vec<Domain>,
    /// The ports.
    pub switchboard: Switchboard,
    /// Who gets its answer when a domain's port is quiet.
    pub awaiting_quiet: Vec<(DomainNumber, Cap<Reply>)>,
    /// The endpoints of services that domains provide. They are root's, so that they outlive a provider.
    pub services: Vec<(String, Cap<Endpoint>)>,
    /// The bus.
    pub configuration: ConfigurationPorts,
    /// What is on it.
    pub functions: Vec<Function>,
    /// The last domain's number.
    pub numbers_made: u32,
}

impl Supervisor {
    /// Starts what the manifest names for this machine. What cannot be started is logged; the others start. A domain
    /// that may be on another machine waits until the migration server has asked them all.
    pub fn start_all(&mut self) {
        let asks = self.manifest.domains.iter().any(provision::can_ask_fleet);
        for described in 0..self.manifest.domains.len() {
            let domain = &self.manifest.domains[described];
            if !domain.is_at_home(&self.manifest.machine) {
                continue;
            }
            let Some(name) = Name::try_new(&domain.name) else {
                log::error!("the manifest names a domain {:?}", domain.name);
                continue;
            };
            let waits = asks && domain.movable && domain.home.is_some();
            let index = self.add(described, name);
            match waits {
                true => self.domains[index].state = DomainState::Waiting,
                // What cannot be started is logged, and the others are started.
                false => _ = self.start(index),
            }
        }
    }

    /// Adds a domain of the manifest that is at home here. It is nothing yet.
    pub fn add_described(&mut self, name: Name) -> Option<usize> {
        let machine = &self.manifest.machine;
        let described = self
            .manifest
            .domains
            .iter()
            .position(|domain| domain.name == name.as_str() && domain.is_at_home(machine))?;
        Some(self.add(described, name))
    }

    /// A domain has gone from here. If it is at home here, others are asked where it is from now on.
    pub fn note_gone(&mut self, gone: &Domain) {
        let Some(index) = self.add_described(gone.name) else {
            return;
        };
        let described = self.domains[index].described;
        let restart = described.map(|described| self.manifest.domains[described].restart);
        let domain = &mut self.domains[index];
        domain.state = gone.state_when_gone(restart);
        (domain.id, domain.incarnation) = (gone.id, gone.incarnation);
    }

    fn add(&mut self, described: usize, name: Name) -> usize {
        let domain = &self.manifest.domains[described];
        let movable = domain.movable;
        let home = domain.home.as_deref().and_then(Name::try_new);
        let number = self.draw_number();
        self.domains.push(Domain {
            described: Some(described),
            movable,
            home,
            ..Domain::new(number, name, DomainId([0; 16]))
        });
        self.domains.len() - 1
    }

    /// A number for a new domain.
    pub fn draw_number(&mut self) -> DomainNumber {
        self.numbers_made += 1;
        DomainNumber(self.numbers_made)
    }

    /// The index of the domain with this number.
    pub fn by_number(&self, number: DomainNumber) -> Option<usize> {
        self.domains
            .iter()
            .position(|domain| domain.number == number)
    }

    /// The index of the domain of this name.
    pub fn by_name(&self, name: Name) -> Option<usize> {
        self.domains.iter().position(|domain| domain.name == name)
    }

    /// Starts a domain of the manifest and logs how that went.
    ///
    /// # Errors
    /// It is stopped, and the log has the reason.
    pub fn start(&mut self, index: usize) -> Result<(), Refusal> {
        self.start_in(index, 0)
    }

    /// The same, but the domain runs only when so many nanoseconds have passed.
    ///
    /// # Errors
    /// It is stopped, and the log has the reason.
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

    /// Starts a domain. What was made before an error is the domain's, and ends with it.
    fn try_start(&mut self, index: usize, delay_ns: u64) -> Result<PageCount, NotStarted> {
        let described = self.domains[index].described;
        let described = described.map(|described| self.manifest.domains[described].clone());
        let described = described.ok_or(NotStarted::NotDescribed)?;
        let member = format!("{}.elf", described.image);
        let file = self.archive.find(&member);
        let file = file.ok_or_else(|| NotStarted::NoMember(member.clone()))?;
        let image = Image::parse(file).map_err(|error| NotStarted::Image(member, error))?;
        let pages = PageCount(u64::from(described.pool_mib) * MIB_PAGES);
        let pool = self.machine.pool.split(pages);
        let pool = pool.map_err(|error| NotStarted::Pool(pages, error))?;
        self.domains[index].pool = Some(pool);
        let thread = self.make(index, &described, &image, pool)?;
        self.run(index, *thread, delay_ns)?;
        Ok(pages)
    }

    /// Makes the domain in its pool; returns its thread, which is still to be started.
    fn make(
        &mut self,
        index: usize,
        described: &manifest::Domain,
        image: &Image,
        pool: Cap<Pool>,
    ) -> Result<Handle<Thread>, NotStarted> {
        let [low, high, seed @ ..] = self
            .machine
            .random::<6>()
            .map_err(NotStarted::at("the id"))?;
        let id = DomainId::from_words([low, high]);
        let provided = provision::provide(self, index, described, pool)?;
        let grants = provided.grants(self);
        let plan = birth::Plan {
            image,
            stack: PageCount(u64::from(described.stack_kib) / 4),
            heap: PageCount(u64::from(described.heap_mib) * MIB_PAGES),
            priority: described.priority,
            grants: &grants,
            domain_rights: provision::domain_rights(described),
            pool_rights: provided.pool_rights,
            clock: clock::RANGE,
            arguments: &provided.arguments,
            id: id.0,
            seed,
        };
        let (body, thread) = birth::bear(&self.machine, pool, &plan)?;
        let held = provided.held(&self.manifest, &grants);
        provided
            .watch(&self.machine, *thread)
            .map_err(NotStarted::at("the fault endpoint"))?;
        let page = provided.clock;
        clock::start(&self.machine, *body.domain, page).map_err(NotStarted::at("the clock"))?;
        let domain = &mut self.domains[index];
        if let (Some(function), Some(_)) = (domain.device, &provided.parts) {
            function.enable(&self.configuration);
        }
        self.switchboard.attach(domain.number, *body.wake);
        self.switchboard.activate(domain.number);
        domain.id = id;
        domain.incarnation = clock::FIRST_INCARNATION;
        domain.body = Some(body);
        domain.held = held;
        Ok(thread)
    }

    /// Lets the domain run, when so many nanoseconds have passed: until then it is frozen, and the kernel thaws it.
    fn run(&mut self, index: usize, thread: Cap<Thread>, delay_ns: u64) -> Result<(), NotStarted> {
        let domain = &mut self.domains[index];
        domain.state = DomainState::Running;
        domain.started_ns = clock::now_ns().saturating_add(delay_ns);
        if let Some(body) = domain.body.as_ref().filter(|_| delay_ns > 0) {
            let frozen = body.domain.freeze(domain.started_ns);
            frozen.map_err(NotStarted::at("the delay"))?;
        }
        thread.start().map_err(NotStarted::at("the thread"))?;
        self.ring_for_commands();
        Ok(())
    }

    /// The domain that writes to the serial port what was said, if one was started.
    fn console(&self) -> Option<&Body> {
        let is_console = |domain: &&Domain| provision::is_console(&self.manifest, domain.described);
        self.domains.iter().find(is_console)?.body.as_ref()
    }

    /// Whether a domain writes to the serial port what was said.
    pub fn has_console(&self) -> bool {
        self.console().is_some()
    }

    /// Wakes the console if something was said. It asks when it can, and nobody waits for it.
    pub fn announce_lines(&self) {
        if console::take_news()
            && let Some(body) = self.console()
        {
            // The notification is the console's: it is there as long as its body.
            let _ = body.wake.signal(JOURNAL);
        }
    }

    /// Takes a domain's memory back. Its device is cut off from it before.
    pub fn end(&mut self, index: usize) {
        let domain = &mut self.domains[index];
        domain.state = DomainState::Stopped;
        domain.export = None;
        if let Some(function) = domain.device {
            function.disable(&self.configuration, || {
                // The notification is root's own; if waiting failed, the function would not be found ready at worst.
                let _ = self.machine.sleep_ns(RESET_NS);
            });
        }
        let number = domain.number;
        domain.held.clear();
        domain.handed = None;
        domain.body = None;
        let objects = [
            domain.pool.take().map(Cap::erase),
            domain.clock.take().map(Cap::erase),
        ];
        for object in objects.into_iter().flatten() {
            if let Err(error) = object.destroy() {
                log::error!("cannot take back what {} had: {error}", domain.name);
            }
        }
        self.switchboard.stop(number);
        self.answer_awaiting_quiet(&done(), |domain| domain == number);
        if provision::is_switch(&self.manifest, self.domains[index].described) {
            self.forget_switch();
        }
        self.ring_for_commands();
    }

    /// The switch is gone: nobody uses a ring but its owner, and every port is quiet.
    fn forget_switch(&mut self) {
        for ring in self.switchboard.forget_switch() {
            self.destroy_ring(ring);
        }
        self.answer_awaiting_quiet(&done(), |_| true);
    }

    /// Answers those who wait until the ports of certain domains are quiet.
    pub fn answer_awaiting_quiet(&mut self, words: &Words, of: impl Fn(DomainNumber) -> bool) {
        let awaiting = self
            .awaiting_quiet
            .extract_if(.., |(domain, _)| of(*domain));
        for (_, reply) in awaiting {
            services::answer_later(reply, words);
        }
    }
}

#[cfg(test)]
impl Supervisor {
    /// A machine without devices, programs or domains, of which a test's kernel answers all that is asked.
    pub fn of_tests() -> Supervisor {
        let machine = Machine::of_tests();
        let configuration = ConfigurationPorts::new(machine.hardware, machine.pool);
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
            configuration: configuration.expect("a kernel that makes them"),
            functions: Vec::new(),
            numbers_made: 0,
        }
    }
}
