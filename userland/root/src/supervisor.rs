//! The machine's domains: starting them, hearing of their faults, ending them and starting them again.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use abi::Error;
use abi::register::PageCount;
use manifest::{Manifest, Restart};
use runtime::Cap;
use runtime::capability::{Endpoint, Pool, Reply};
use runtime::fault::Fault;
use runtime::protocol::Name;
use runtime::protocol::root::{DomainId, DomainState};

use crate::archive::Archive;
use crate::badge::DomainNumber;
use crate::birth::Stillborn;
use crate::domain::Domain;
use crate::image::{Image, NoImage};
use crate::machine::Machine;
use crate::pci::handover::NotHandedOver;
use crate::pci::{ConfigurationPorts, Function};
use crate::switchboard::Switchboard;
use crate::{birth, clock, provision};

/// How often in a row a domain is started again before it is left alone.
const RESTARTS_MAX: u32 = 8;
/// A domain that has run for so long was well: its end is the first in a row.
const WELL_NS: u64 = 60_000_000_000;
const MIB_PAGES: u64 = 256;

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

/// Why a domain did not start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotStarted {
    /// The archive has no such member.
    NoMember(String),
    /// The member is no program.
    Image(String, NoImage),
    /// The machine has no such device.
    NoDevice,
    /// The device cannot be handed over.
    Device(NotHandedOver),
    /// The memory cannot be reserved.
    Pool(PageCount, Error),
    /// The kernel refused a part of it.
    Stillborn(Stillborn),
    /// The kernel refused something that it needs.
    Kernel(&'static str, Error),
}

impl fmt::Display for NotStarted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotStarted::NoMember(name) => write!(formatter, "the archive has no {name}"),
            NotStarted::Image(name, error) => write!(formatter, "{name}: {error}"),
            NotStarted::NoDevice => write!(formatter, "the machine has no such device"),
            NotStarted::Device(error) => write!(formatter, "the device: {error}"),
            NotStarted::Pool(pages, error) => {
                write!(formatter, "{} MiB: {error}", pages.0 / MIB_PAGES)
            }
            NotStarted::Stillborn(error) => error.fmt(formatter),
            NotStarted::Kernel(what, error) => write!(formatter, "{what}: {error}"),
        }
    }
}

impl From<Stillborn> for NotStarted {
    fn from(error: Stillborn) -> NotStarted {
        NotStarted::Stillborn(error)
    }
}

impl Domain {
    /// Whether it may be started again; if so, that is counted.
    fn may_restart(&mut self) -> bool {
        if clock::now_ns().saturating_sub(self.started_ns) > WELL_NS {
            self.restarts_left = RESTARTS_MAX;
        }
        let may = self.restarts_left > 0;
        self.restarts_left = self.restarts_left.saturating_sub(1);
        may
    }
}

impl Supervisor {
    /// Starts what the manifest names for this machine. What cannot be started is logged; the others start.
    pub fn start_all(&mut self) {
        for index in 0..self.manifest.domains.len() {
            let described = &self.manifest.domains[index];
            if described
                .home
                .as_ref()
                .is_some_and(|home| *home != self.manifest.machine)
            {
                continue;
            }
            let Some(name) = Name::try_new(&described.name) else {
                log::error!("the manifest names a domain {:?}", described.name);
                continue;
            };
            let (movable, number) = (described.movable, self.draw_number());
            self.domains.push(Domain {
                described: Some(index),
                movable,
                restarts_left: RESTARTS_MAX,
                ..Domain::new(number, name, DomainId([0; 16]))
            });
            self.start(self.domains.len() - 1);
        }
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
    fn start(&mut self, index: usize) {
        let name = self.domains[index].name;
        match self.try_start(index) {
            Ok(pages) => log::info!("started {name} with {} MiB", pages.0 / MIB_PAGES),
            Err(error) => {
                log::error!("cannot start {name}: {error}");
                self.end(index);
            }
        }
    }

    /// Starts a domain. What was made before an error is the domain's, and ends with it.
    fn try_start(&mut self, index: usize) -> Result<PageCount, NotStarted> {
        let described = self.domains[index].described;
        let Some(described) = described.map(|described| self.manifest.domains[described].clone())
        else {
            return Err(NotStarted::NoMember(format!(
                "{}.elf",
                self.domains[index].name
            )));
        };
        let member = format!("{}.elf", described.image);
        let file = self.archive.find(&member);
        let file = file.ok_or_else(|| NotStarted::NoMember(member.clone()))?;
        let image = Image::parse(file).map_err(|error| NotStarted::Image(member, error))?;
        let pages = PageCount(u64::from(described.pool_mib) * MIB_PAGES);
        let pool = self.machine.pool.split(pages);
        let pool = pool.map_err(|error| NotStarted::Pool(pages, error))?;
        self.domains[index].pool = Some(pool);
        self.make(index, &described, &image, pool)?;
        Ok(pages)
    }

    /// Makes the domain in its pool, and lets it run.
    fn make(
        &mut self,
        index: usize,
        described: &manifest::Domain,
        image: &Image,
        pool: Cap<Pool>,
    ) -> Result<(), NotStarted> {
        let kernel = |what| move |error| NotStarted::Kernel(what, error);
        let [low, high, seed @ ..] = self.machine.random::<6>().map_err(kernel("the id"))?;
        let id = DomainId::from_words([low, high]);
        let provided = provision::provide(self, index, described, pool)?;
        let grants = provided.grants(self);
        let plan = birth::Plan {
            image,
            stack: PageCount(u64::from(described.stack_kib) / 4),
            heap: PageCount(u64::from(described.heap_mib) * MIB_PAGES),
            priority: described.priority,
            grants: &grants,
            pool_rights: provided.pool_rights,
            clock: clock::RANGE,
            arguments: &provided.arguments,
            id: id.0,
            seed,
        };
        let (body, thread) = birth::bear(&self.machine, pool, &plan)?;
        let held = provided.held(&grants);
        provided
            .watch(&self.machine, thread)
            .map_err(kernel("the fault endpoint"))?;
        let page = provided.clock;
        clock::start(&self.machine, body.domain, page).map_err(kernel("the clock"))?;
        let domain = &mut self.domains[index];
        domain.id = id;
        domain.incarnation = clock::FIRST_INCARNATION;
        domain.body = Some(body);
        domain.held = held;
        domain.state = DomainState::Running;
        domain.started_ns = clock::now_ns();
        if let (Some(function), Some(_)) = (domain.device, &provided.parts) {
            function.enable(&self.configuration);
        }
        self.switchboard.activate(domain.number, body.wake);
        if let Some(parts) = provided.parts {
            parts.forget().map_err(kernel("the device"))?;
        }
        thread
            .start()
            .and_then(|()| thread.delete())
            .map_err(kernel("the thread"))?;
        self.ring_for_commands();
        Ok(())
    }

    /// A domain faulted and stands still. It is ended if it is to be started again, and else left to be looked at.
    pub fn fault(&mut self, number: DomainNumber, fault: Fault) {
        let Some(index) = self.by_number(number) else {
            log::error!("a domain that is not here has {}", Described(fault));
            return;
        };
        let domain = &mut self.domains[index];
        log::error!("{} has {}", domain.name, Described(fault));
        let described = domain.described.map(|index| &self.manifest.domains[index]);
        if described.is_some_and(|described| described.restart == Restart::Always) {
            if domain.may_restart() {
                self.end(index);
                self.start(index);
                return;
            }
            log::error!(
                "{} was started {RESTARTS_MAX} times again; it stays",
                domain.name
            );
        }
        self.domains[index].state = DomainState::Stopped;
        self.switchboard.quiesce(number);
        self.ring_for_commands();
    }

    /// Takes a domain's memory back. Its device is cut off from it before.
    pub fn end(&mut self, index: usize) {
        let domain = &mut self.domains[index];
        domain.state = DomainState::Stopped;
        if let Some(function) = domain.device {
            function.disable(&self.configuration);
        }
        let (number, body) = (domain.number, domain.body.take());
        domain.drop_held();
        let inside = [
            domain.handed.take().map(Cap::erase),
            body.map(|body| body.domain.erase()),
            body.map(|body| body.wake.erase()),
        ];
        let objects = [
            domain.pool.take().map(Cap::erase),
            domain.clock.take().map(Cap::erase),
        ];
        for object in objects.into_iter().flatten() {
            if let Err(error) = object.destroy() {
                log::error!("cannot take back what {} had: {error}", domain.name);
            }
        }
        // What was in the pool is gone with it; only the slots are left.
        inside.into_iter().flatten().for_each(Cap::forget);
        self.switchboard.quiesce(number);
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
        for (_, reply) in core::mem::take(&mut self.awaiting_quiet) {
            crate::services::answer_later(reply, &runtime::protocol::root::done());
        }
    }
}

/// A fault in words.
struct Described(Fault);

impl fmt::Display for Described {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        const WRITE: u64 = 1 << 1;
        const EXECUTE: u64 = 1 << 4;
        match self.0 {
            Fault::Page {
                address,
                code,
                instruction,
            } => {
                let how = match (code & EXECUTE != 0, code & WRITE != 0) {
                    (true, _) => "executing",
                    (_, true) => "writing",
                    _ => "reading",
                };
                write!(
                    formatter,
                    "a page fault {how} {address:#x} at {instruction:#x}"
                )
            }
            Fault::Exception {
                vector,
                code,
                instruction,
            } => {
                let what = exception(vector);
                write!(
                    formatter,
                    "exception {vector}, {what} (code {code:#x}), at {instruction:#x}"
                )
            }
            Fault::AbsentPage {
                page, instruction, ..
            } => write!(
                formatter,
                "page {page} of a Memory absent at {instruction:#x}"
            ),
        }
    }
}

/// What programs do to get an exception.
fn exception(vector: u64) -> &'static str {
    match vector {
        0 => "a division",
        6 => "an instruction that no processor has, as after a panic",
        13 => "an instruction or an address that is not for it",
        16 | 19 => "floating-point arithmetic",
        17 => "an address that is not aligned",
        _ => "of another kind",
    }
}
