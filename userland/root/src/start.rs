//! Starts a domain from its definition: its pool, its resources, its objects, its clock, and its thread last.

use abi::register::PageCount;
use runtime::Cap;
use runtime::capability::{Pool, Thread};
use runtime::protocol::root::DomainState;
use runtime::protocol::{DomainId, Incarnation};

use crate::definition::Definition;
use crate::domain::Domain;
use crate::handle::Handle;
use crate::image::Image;
use crate::layout::MIB_PAGES;
use crate::provision::{self, Facilities, Resources};
use crate::spawn::DomainObjects;
use crate::start_error::StartError;
use crate::{clock, spawn};

/// Starts a domain, which runs after this delay; returns the size of its pool. Objects created before an error belong to the
/// domain and end with it.
///
/// # Errors
/// See [`StartError`].
pub fn start(
    from: &mut Facilities,
    domain: &mut Domain,
    delay_ns: u64,
) -> Result<PageCount, StartError> {
    let definition = domain.definition.clone();
    let definition = definition.ok_or(StartError::NotInManifest)?;
    let found = match &definition.description.device {
        None => None,
        Some(device) => Some(from.devices.find(device).ok_or(StartError::NoDevice)?),
    };
    let image = definition.image(found.map(|(_, driver)| driver))?;
    // Recorded before the pool is: if the start fails, the function is disabled before its driver's pool is destroyed.
    domain.device = found.map(|(function, _)| function);
    let pages = definition.pool_pages();
    let pool = from.remains.split(from.machine, pages);
    let pool = pool.map_err(|error| StartError::Pool(pages, error))?;
    domain.pool = Some(pool);
    let thread = build(from, domain, &definition, &image, pool)?;
    run(domain, *thread, delay_ns)?;
    Ok(pages)
}

/// Builds the domain in its pool; returns its thread, not yet started.
fn build(
    from: &mut Facilities,
    domain: &mut Domain,
    definition: &Definition,
    image: &Image,
    pool: Cap<Pool>,
) -> Result<Handle<Thread>, StartError> {
    let description = &definition.description;
    let random = from.machine.random::<6>();
    let [low, high, seed @ ..] = random.map_err(StartError::at("the id"))?;
    let id = DomainId::from_words([low, high]);
    let resources = provision::prepare(from, domain, description, pool)?;
    let grants = resources.grants(from);
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
    let (objects, thread) = spawn::spawn(from.machine, pool, &plan)?;
    connect(from, domain, &resources, &objects, *thread)?;
    domain.id = id;
    domain.incarnation = Incarnation(clock::FIRST_INCARNATION);
    domain.objects = Some(objects);
    domain.held = resources.held_objects(from.manifest, &grants);
    Ok(thread)
}

/// Connects a new domain to its surroundings: the receiver of its faults, its clock, its device and its port. The device does not master the
/// bus before the domain, its driver, has reset it and asks for that: see [`crate::api::device`].
fn connect(
    from: &mut Facilities,
    domain: &Domain,
    resources: &Resources,
    objects: &DomainObjects,
    thread: Cap<Thread>,
) -> Result<(), StartError> {
    resources
        .set_fault_endpoint(from.machine, thread)
        .map_err(StartError::at("the fault endpoint"))?;
    clock::start(from.machine, *objects.domain, resources.clock)
        .map_err(StartError::at("the clock"))?;
    if let (Some(function), Some(parts)) = (domain.device, &resources.parts) {
        from.devices.enable_messages(function, parts);
    }
    from.switchboard.attach(domain.number, *objects.wake);
    from.switchboard.activate(domain.number);
    Ok(())
}

/// Lets the domain run after this delay: until then it is frozen, and the kernel thaws it.
fn run(domain: &mut Domain, thread: Cap<Thread>, delay_ns: u64) -> Result<(), StartError> {
    domain.state = DomainState::Running;
    domain.started_ns = clock::now_ns().saturating_add(delay_ns);
    if let Some(objects) = domain.objects.as_ref().filter(|_| delay_ns > 0) {
        let frozen = objects.domain.freeze(domain.started_ns);
        domain.freeze_token = frozen.map_err(StartError::at("the delay"))?.token;
    }
    thread.start().map_err(StartError::at("the thread"))
}
