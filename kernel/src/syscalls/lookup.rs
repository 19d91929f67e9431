//! From untrusted slot numbers to typed objects: [`lookup`], and functions that also check the kind and the rights.

use abi::register::Slot;
use abi::{
    DESTROY, DomainRights, EndpointRights, Error, HardwareRights, InterruptRights, IoPortsRights,
    MemoryRights, NotificationRights, PoolRights, Rights, ThreadRights,
};
use capabilities::{Capability, Place, Storage};

use crate::memory::{Ref, SlotStorage};
use crate::objects::{
    Domain, DomainState, Endpoint, Hardware, Header, Interrupt, IoPorts, MemoryObject,
    Notification, Object, Pool, Thread,
};

/// The capability in a slot of the caller's table, and the slot's place.
///
/// # Errors
/// [`Error::NoSuchSlot`], [`Error::EmptySlot`].
#[inline(always)]
pub fn lookup(caller: Ref<Thread>, slot: Slot) -> Result<(Place, Capability<Object>), Error> {
    in_table(caller.domain, slot)
}

/// Like [`lookup`], in the table of any domain.
#[inline(always)]
fn in_table(domain: Ref<Domain>, slot: Slot) -> Result<(Place, Capability<Object>), Error> {
    let place = domain.place(slot)?;
    let capability = SlotStorage
        .slot(place)
        .capability()
        .ok_or(Error::EmptySlot)?;
    Ok((place, capability))
}

/// The place of an empty slot of the caller's table.
///
/// # Errors
/// [`Error::NoSuchSlot`], [`Error::OccupiedSlot`].
pub fn free_slot(caller: Ref<Thread>, slot: Slot) -> Result<Place, Error> {
    let place = caller.domain.place(slot)?;
    crate::objects::check_free(place)?;
    Ok(place)
}

/// An object that the caller may destroy, and the place of the slot whose capability permits it.
///
/// # Errors
/// As [`lookup`]; [`Error::MissingRight`].
pub fn destructible(caller: Ref<Thread>, slot: Slot) -> Result<(Object, Place), Error> {
    let (place, capability) = lookup(caller, slot)?;
    require(capability, DESTROY)?;
    Ok((capability.object, place))
}

/// Checks that a capability to this object can be copied. A reply right has only one holder, and an object that is being
/// destroyed gets no new capabilities.
///
/// # Errors
/// [`Error::WrongKind`], [`Error::Gone`].
pub fn check_copyable(object: Object) -> Result<(), Error> {
    if matches!(object, Object::Reply(_)) {
        return Err(Error::WrongKind);
    }
    crate::objects::check_alive(object)
}

fn require(capability: Capability<Object>, rights: Rights) -> Result<(), Error> {
    if capability.rights.contains(rights) {
        Ok(())
    } else {
        Err(Error::MissingRight)
    }
}

/// Refuses an object in the pool of a retired domain, one that was moved away. The caller is always of another domain, since a
/// retired domain does not run.
fn refuse_retired(header: &Header) -> Result<(), Error> {
    if header.is_retired() {
        Err(Error::Gone)
    } else {
        Ok(())
    }
}

macro_rules! typed {
    ($($(#[$doc:meta])* $name:ident($holder:ty, $find:ident): $variant:ident($type:ty) with $rights:ty;)*) => {$(
        $(#[$doc])*
        ///
        /// # Errors
        /// As [`lookup`]; [`Error::WrongKind`], [`Error::MissingRight`]; [`Error::Gone`] for an object of a retired domain.
        pub fn $name(table: $holder, slot: Slot, rights: $rights) -> Result<Ref<$type>, Error> {
            let (_, capability) = $find(table, slot)?;
            let Object::$variant(object) = capability.object else { return Err(Error::WrongKind) };
            require(capability, rights.into())?;
            refuse_retired(&object.header)?;
            Ok(object)
        }
    )*};
}

typed! {
    /// A Thread with these rights.
    thread(Ref<Thread>, lookup): Thread(Thread) with ThreadRights;
    /// A Memory with these rights.
    memory(Ref<Thread>, lookup): Memory(MemoryObject) with MemoryRights;
    /// An Endpoint with these rights.
    endpoint(Ref<Thread>, lookup): Endpoint(Endpoint) with EndpointRights;
    /// A Notification with these rights.
    notification(Ref<Thread>, lookup): Notification(Notification) with NotificationRights;
    /// An Interrupt with these rights.
    interrupt(Ref<Thread>, lookup): Interrupt(Interrupt) with InterruptRights;
    /// IoPorts with these rights.
    io_ports(Ref<Thread>, lookup): IoPorts(IoPorts) with IoPortsRights;
    /// The Hardware with these rights.
    hardware(Ref<Thread>, lookup): Hardware(Hardware) with HardwareRights;
    /// A Memory with these rights, in a domain's own table.
    own_memory(Ref<Domain>, in_table): Memory(MemoryObject) with MemoryRights;
    /// An Endpoint with these rights, in a domain's own table.
    own_endpoint(Ref<Domain>, in_table): Endpoint(Endpoint) with EndpointRights;
    /// A Notification with these rights, in a domain's own table.
    own_notification(Ref<Domain>, in_table): Notification(Notification) with NotificationRights;
}

/// A Notification in which the caller may raise these flags: the capability has the right SIGNAL, and its badge, if set,
/// includes the flags.
///
/// # Errors
/// As for the other kinds; also [`Error::MissingRight`] for a flag that is not in the badge.
#[inline(always)]
pub fn signal_target(
    caller: Ref<Thread>,
    slot: Slot,
    flags: u64,
) -> Result<Ref<Notification>, Error> {
    let (notification, _, capability) = notification_at(caller, slot, NotificationRights::SIGNAL)?;
    let badge = capability.badge;
    if badge.is_set() && flags & !badge.get() != 0 {
        return Err(Error::MissingRight);
    }
    Ok(notification)
}

/// A Pool with these rights. If CREATE is among them, a pool of a retired domain and a pool that is being destroyed are refused.
///
/// # Errors
/// As for the other kinds.
pub fn pool(caller: Ref<Thread>, slot: Slot, rights: PoolRights) -> Result<Ref<Pool>, Error> {
    let (_, capability) = lookup(caller, slot)?;
    let Object::Pool(pool) = capability.object else {
        return Err(Error::WrongKind);
    };
    require(capability, rights.into())?;
    refuse_retired(&pool.header)?;
    if rights.contains(PoolRights::CREATE)
        && (pool.is_retired() || pool.header.is_being_destroyed())
    {
        return Err(Error::Gone);
    }
    Ok(pool)
}

/// Rights to change a domain.
const CHANGING: DomainRights = DomainRights::MAP
    .union(DomainRights::INSTALL)
    .union(DomainRights::SPAWN)
    .union(DomainRights::CLOCK);

/// A Domain with these rights that is not being destroyed. A retired domain is refused only for the rights to change it. It can
/// be read, and its retirement can be undone.
///
/// # Errors
/// As for the other kinds; [`Error::Gone`].
pub fn domain(caller: Ref<Thread>, slot: Slot, rights: DomainRights) -> Result<Ref<Domain>, Error> {
    let (_, capability) = lookup(caller, slot)?;
    let Object::Domain(domain) = capability.object else {
        return Err(Error::WrongKind);
    };
    require(capability, rights.into())?;
    match domain.state() {
        DomainState::Destroying => Err(Error::Gone),
        DomainState::Retired if rights.intersects(CHANGING) => Err(Error::Gone),
        _ => Ok(domain),
    }
}

/// The object of a call that can block, the place of the slot that the call named, and the capability in that slot.
pub type Located<T> = (Ref<T>, Place, Capability<Object>);

/// An Endpoint with these rights, the place of the slot, and the capability.
///
/// # Errors
/// As for the other kinds.
#[inline(always)]
pub fn endpoint_at(
    caller: Ref<Thread>,
    slot: Slot,
    rights: EndpointRights,
) -> Result<Located<Endpoint>, Error> {
    let (place, capability) = lookup(caller, slot)?;
    let Object::Endpoint(endpoint) = capability.object else {
        return Err(Error::WrongKind);
    };
    require(capability, rights.into())?;
    refuse_retired(&endpoint.header)?;
    Ok((endpoint, place, capability))
}

/// A Notification with these rights, the place of the slot, and the capability.
///
/// # Errors
/// As for the other kinds.
#[inline(always)]
pub fn notification_at(
    caller: Ref<Thread>,
    slot: Slot,
    rights: NotificationRights,
) -> Result<Located<Notification>, Error> {
    let (place, capability) = lookup(caller, slot)?;
    let Object::Notification(notification) = capability.object else {
        return Err(Error::WrongKind);
    };
    require(capability, rights.into())?;
    refuse_retired(&notification.header)?;
    Ok((notification, place, capability))
}
