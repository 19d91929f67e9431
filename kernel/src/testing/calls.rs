//! Constructors of calls for tests, with the arguments that differ between tests. New objects are in the caller's own pool, and
//! [`map`] and [`unmap`] change its own domain.

use abi::Rights;
use abi::calls::{
    CapabilityCopy, CapabilityDelete, CapabilityIdentify, CapabilityMint, CapabilityMove,
    CapabilityRevoke, Destroy, DestroyChild, DomainBeginLog, DomainClock, DomainCreate,
    DomainDerive, DomainDescribe, DomainFreeze, DomainGrow, DomainHold, DomainInstall,
    DomainInstallReply, DomainMap, DomainMapCaptured, DomainMapOwn, DomainRemove, DomainRetire,
    DomainThaw, DomainUnmap, DomainUnretire, EndpointCreate, InterruptBind, MemoryCreate,
    MemoryDiscard, MemoryPager, MemoryPopulate, MemorySupply, NotificationCreate, PoolSplit,
    Signal, ThreadBind, ThreadCreate, ThreadFaults, ThreadSchedule, ThreadStart, ThreadStop, Wait,
};
use abi::record::{Held, List};
use abi::register::{Access, ObjectId, PageCount, PageIndex, Slot, UserAddress};

use super::slots;

macro_rules! constructors {
    ($($name:ident($($argument:ident: $type:ty),*) -> $call:ident { $($fields:tt)* })*) => {$(
        pub fn $name($($argument: $type),*) -> $call {
            $call { $($fields)* }
        }
    )*};
}

constructors! {
    endpoint(into: Slot) -> EndpointCreate { pool: slots::POOL, into }
    notification(into: Slot) -> NotificationCreate { pool: slots::POOL, into }
    memory(pages: u64, into: Slot) -> MemoryCreate {
        pool: slots::POOL, pages: PageCount(pages), into
    }
    split(pages: u64, into: Slot) -> PoolSplit { pool: slots::POOL, pages: PageCount(pages), into }
    domain(pool: Slot, into: Slot) -> DomainCreate { pool, into }
    thread(domain: Slot, into: Slot) -> ThreadCreate { domain, into }
    destroy(object: Slot) -> Destroy { object }
    map(memory: Slot, address: u64, first_page: u64, page_count: u64, access: Access) -> DomainMap {
        domain: slots::DOMAIN, memory, address: UserAddress(address),
        first_page: PageIndex(first_page), page_count: PageCount(page_count), access
    }
    map_own(
        domain: Slot, memory: Slot, address: u64, first_page: u64, page_count: u64, access: Access
    ) -> DomainMapOwn {
        domain, memory, address: UserAddress(address), first_page: PageIndex(first_page),
        page_count: PageCount(page_count), access
    }
    unmap(address: u64) -> DomainUnmap { domain: slots::DOMAIN, address: UserAddress(address) }
    populate(memory: Slot, first_page: u64, page_count: u64) -> MemoryPopulate {
        memory, first_page: PageIndex(first_page), page_count: PageCount(page_count)
    }
    discard(memory: Slot, first_page: u64, page_count: u64) -> MemoryDiscard {
        memory, first_page: PageIndex(first_page), page_count: PageCount(page_count)
    }
    supply(
        memory: Slot, first_page: u64, page_count: u64, source: Slot, source_page: u64
    ) -> MemorySupply {
        memory, first_page: PageIndex(first_page), page_count: PageCount(page_count), source,
        source_page: PageIndex(source_page)
    }
    pager(memory: Slot, pager: impl Into<Option<Slot>>) -> MemoryPager {
        memory, pager: pager.into()
    }
    faults(thread: Slot, endpoint: impl Into<Option<Slot>>) -> ThreadFaults {
        thread, endpoint: endpoint.into()
    }
    bind(thread: Slot, notification: impl Into<Option<Slot>>) -> ThreadBind {
        thread, notification: notification.into()
    }
    start(thread: Slot) -> ThreadStart { thread }
    stop(thread: Slot) -> ThreadStop { thread }
    schedule(thread: Slot, priority: u8) -> ThreadSchedule { thread, priority }
    bind_interrupt(
        interrupt: Slot, notification: impl Into<Option<Slot>>, flags: u64
    ) -> InterruptBind {
        interrupt, notification: notification.into(), flags
    }
    wait(notification: Slot, deadline: u64) -> Wait { notification, deadline }
    signal(notification: Slot, flags: u64) -> Signal { notification, flags }
    copy(from: Slot, to: Slot) -> CapabilityCopy { from, to }
    mint(from: Slot, to: Slot, rights: impl Into<Rights>, badge: u64) -> CapabilityMint {
        from, to, rights: rights.into(), badge
    }
    delete(slot: Slot) -> CapabilityDelete { slot }
    revoke(slot: Slot) -> CapabilityRevoke { slot }
    move_to(from: Slot, to: Slot) -> CapabilityMove { from, to }
    install(
        domain: Slot, from: Slot, to: Slot, rights: impl Into<Rights>, badge: u64
    ) -> DomainInstall {
        domain, from, to, rights: rights.into(), badge
    }
    derive(
        domain: Slot, from: Slot, to: Slot, rights: impl Into<Rights>, badge: u64
    ) -> DomainDerive {
        domain, from, to, rights: rights.into(), badge
    }
    install_reply(
        domain: Slot, thread: Slot, to: Slot, rights: impl Into<Rights>
    ) -> DomainInstallReply {
        domain, thread, to, rights: rights.into()
    }
    hold(domain: Slot, from: Slot, holder: Slot, held: Held, badge: u64) -> DomainHold {
        domain, from, holder, held, badge
    }
    grow(domain: Slot, slots: u32) -> DomainGrow { domain, slots }
    remove(domain: Slot, slot: Slot) -> DomainRemove { domain, slot }
    freeze(domain: Slot, deadline: u64) -> DomainFreeze { domain, deadline, progress: 0 }
    thaw(domain: Slot, token: u64) -> DomainThaw { domain, token }
    retire(domain: Slot, version: u64, token: u64) -> DomainRetire { domain, version, token }
    unretire(domain: Slot, deadline: u64) -> DomainUnretire { domain, deadline }
    describe(domain: Slot, list: List, cursor: u64) -> DomainDescribe { domain, list, cursor }
    begin_log(domain: Slot, memory: ObjectId) -> DomainBeginLog { domain, memory }
    clock(domain: Slot, offset: i64) -> DomainClock { domain, offset }
    map_captured(domain: Slot, memory: ObjectId, into: Slot, address: u64) -> DomainMapCaptured {
        domain, memory, into, address: UserAddress(address)
    }
    identify(domain: Slot, slot: Slot) -> CapabilityIdentify { domain, slot }
    destroy_child(pool: Slot, child: ObjectId) -> DestroyChild { pool, child }
}
