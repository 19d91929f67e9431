//! Every call that needs a right, through a capability with all rights but that one.

use guest_support::worker::Worker;
use runtime::abi::calls::{
    Call, Destroy, DeviceMemoryCreate, DomainClock, DomainCreate, DomainDerive, DomainDescribe,
    DomainFreeze, DomainGrow, DomainInstall, DomainRemove, DomainUnmap, EndpointCreate,
    InterruptAcknowledge, InterruptBind, InterruptCreateMessage, IoIn, IoOut, IoPortsCreate,
    MemoryCreate, MemoryCreateContiguous, MemoryDiscard, MemoryPager, MemoryPopulate, MemorySupply,
    NotificationCreate, PoolReport, PoolSplit, Random, Reboot, Receive, Send, Signal, ThreadBind,
    ThreadCreate, ThreadFaults, ThreadPrepare, ThreadRead, ThreadSchedule, ThreadStart, ThreadStop,
    ThreadWrite, Wait,
};
use runtime::abi::kind::{
    DomainRights, EndpointRights, HardwareRights, InterruptRights, IoPortsRights, MemoryRights,
    NotificationRights, PoolRights, ThreadRights,
};
use runtime::abi::record::List;
use runtime::abi::register::{Access, PageCount, PageIndex, UserAddress, Width};
use runtime::abi::{Arguments, DESTROY, MessageInfo, Rights};
use runtime::capability::Any;
use runtime::system_call::invoke;
use runtime::{Cap, Error, Slot, slots};

use crate::fixture::{Failure, Fixture, expect, expect_refusal};

/// Objects of every kind, with all rights, and an empty slot for new capabilities.
struct Props {
    pool: Slot,
    domain: Slot,
    thread: Slot,
    memory: Slot,
    endpoint: Slot,
    notification: Slot,
    interrupt: Slot,
    ports: Slot,
    hardware: Slot,
    free: Slot,
}

/// A call through a slot. Only its error matters.
type Tried = fn(&Props, Slot) -> Result<(), Error>;

/// A call's name, the slot that it is made through, the rights that it needs there, and the call.
type Row = (&'static str, fn(&Props) -> Slot, Rights, Tried);

fn done<A: Arguments>(call: A) -> Result<(), Error> {
    invoke(call).map(|_| ())
}

fn map(props: &Props, memory: Slot, access: Access) -> Result<(), Error> {
    done(runtime::abi::calls::DomainMap {
        domain: props.domain,
        memory,
        address: UserAddress(24 << 30),
        first_page: ZERO,
        page_count: ONE,
        access,
    })
}

const ZERO: PageIndex = PageIndex(0);
const ONE: PageCount = PageCount(1);
const NO: UserAddress = UserAddress(0);

macro_rules! rows {
    ($($call:ident through $slot:ident with $rights:expr => |$props:pat_param, $tried:ident| $made:expr;)*) => {
        &[$((stringify!($call), |props| props.$slot, Rights(($rights).bits()), |$props, $tried| $made)),*]
    };
}

const ROWS: &[Row] = rows! {
    Call through endpoint with EndpointRights::SEND => |_, endpoint|
        done(Call::new(endpoint, MessageInfo::EMPTY, [0; 4]));
    Send through endpoint with EndpointRights::SEND => |_, endpoint|
        done(Send::new(endpoint, MessageInfo::EMPTY, [0; 4]));
    Receive through endpoint with EndpointRights::RECEIVE => |_, endpoint|
        done(Receive::new(endpoint, None));
    Signal through notification with NotificationRights::SIGNAL => |_, notification|
        done(Signal { notification, flags: 1 });
    Wait through notification with NotificationRights::WAIT => |_, notification|
        done(Wait { notification, deadline: 0 });
    PoolSplit through pool with PoolRights::CREATE => |props, pool|
        done(PoolSplit { pool, pages: ONE, into: props.free });
    PoolReport through pool with PoolRights::REPORT => |_, pool| done(PoolReport { pool });
    DomainCreate through pool with PoolRights::CREATE => |props, pool|
        done(DomainCreate { pool, into: props.free });
    MemoryCreate through pool with PoolRights::CREATE => |props, pool|
        done(MemoryCreate { pool, pages: ONE, into: props.free });
    MemoryCreateContiguous through pool with PoolRights::CREATE.union(PoolRights::DMA) => |props, pool|
        done(MemoryCreateContiguous { pool, pages: ONE, into: props.free, alignment: ONE, from: 0, below: u64::MAX });
    EndpointCreate through pool with PoolRights::CREATE => |props, pool|
        done(EndpointCreate { pool, into: props.free });
    NotificationCreate through pool with PoolRights::CREATE => |props, pool|
        done(NotificationCreate { pool, into: props.free });
    ThreadCreate through domain with DomainRights::SPAWN => |props, domain|
        done(ThreadCreate { domain, into: props.free });
    DomainMap through domain with DomainRights::MAP => |props, domain|
        map(&Props { domain, ..*props }, props.memory, Access::Read);
    MapToRead through memory with MemoryRights::READ => |props, memory| map(props, memory, Access::Read);
    MapToWrite through memory with MemoryRights::READ.union(MemoryRights::WRITE) => |props, memory|
        map(props, memory, Access::ReadWrite);
    MapToExecute through memory with MemoryRights::READ.union(MemoryRights::EXECUTE) => |props, memory|
        map(props, memory, Access::ReadExecute);
    DomainUnmap through domain with DomainRights::MAP => |_, domain|
        done(DomainUnmap { domain, address: UserAddress(24 << 30) });
    DomainInstall through domain with DomainRights::INSTALL => |props, domain|
        done(DomainInstall { domain, from: props.endpoint, to: Slot(40), rights: Rights(1), badge: 0 });
    DomainRemove through domain with DomainRights::INSTALL => |_, domain|
        done(DomainRemove { domain, slot: Slot(40) });
    DomainDerive through domain with DomainRights::INSTALL => |_, domain|
        done(DomainDerive { domain, from: Slot(1), to: Slot(40), rights: Rights(1), badge: 0 });
    DomainGrow through domain with DomainRights::INSTALL => |_, domain|
        done(DomainGrow { domain, slots: 65 });
    DomainFreeze through domain with DomainRights::FREEZE => |_, domain| done(DomainFreeze { domain, deadline: u64::MAX, progress: 0 });
    DomainDescribe through domain with DomainRights::CAPTURE => |_, domain|
        done(DomainDescribe { domain, list: List::Objects, cursor: 0 });
    DomainClock through domain with DomainRights::CLOCK => |_, domain|
        done(DomainClock { domain, offset: 0 });
    ThreadStart through thread with ThreadRights::RUN => |_, thread| done(ThreadStart { thread });
    ThreadStop through thread with ThreadRights::RUN => |_, thread| done(ThreadStop { thread });
    ThreadRead through thread with ThreadRights::READ => |_, thread| done(ThreadRead { thread });
    ThreadWrite through thread with ThreadRights::WRITE => |_, thread| done(ThreadWrite { thread });
    ThreadSchedule through thread with ThreadRights::SCHEDULE => |_, thread|
        done(ThreadSchedule { thread, priority: 1 });
    ThreadBind through thread with ThreadRights::WRITE => |props, thread|
        done(ThreadBind { thread, notification: Some(props.notification) });
    BindNotification through notification with NotificationRights::WAIT => |props, notification|
        done(ThreadBind { thread: props.thread, notification: Some(notification) });
    ThreadFaults through thread with ThreadRights::WRITE => |props, thread|
        done(ThreadFaults { thread, endpoint: Some(props.endpoint) });
    FaultsEndpoint through endpoint with EndpointRights::SEND => |props, endpoint|
        done(ThreadFaults { thread: props.thread, endpoint: Some(endpoint) });
    ThreadPrepare through thread with ThreadRights::WRITE => |_, thread|
        done(ThreadPrepare { thread, instruction: NO, stack: NO, argument: 0, message_buffer: NO });
    MemoryPopulate through memory with MemoryRights::MANAGE => |_, memory|
        done(MemoryPopulate { memory, first_page: ZERO, page_count: ONE });
    MemorySupply through memory with MemoryRights::MANAGE => |props, memory|
        done(MemorySupply { memory, first_page: ZERO, page_count: ONE, source: props.memory, source_page: ZERO });
    SupplyFrom through memory with MemoryRights::READ => |props, source|
        done(MemorySupply { memory: props.memory, first_page: ZERO, page_count: ONE, source, source_page: ZERO });
    MemoryDiscard through memory with MemoryRights::MANAGE => |_, memory|
        done(MemoryDiscard { memory, first_page: ZERO, page_count: ONE });
    MemoryPager through memory with MemoryRights::MANAGE => |props, memory|
        done(MemoryPager { memory, pager: Some(props.endpoint) });
    PagerEndpoint through endpoint with EndpointRights::SEND => |props, pager|
        done(MemoryPager { memory: props.memory, pager: Some(pager) });
    InterruptCreateMessage through hardware with HardwareRights::CREATE => |props, hardware|
        done(InterruptCreateMessage { pool: props.pool, hardware, into: props.free });
    InterruptBind through interrupt with InterruptRights::HANDLE => |props, interrupt|
        done(InterruptBind { interrupt, notification: Some(props.notification), flags: 1 });
    InterruptRaises through notification with NotificationRights::SIGNAL => |props, notification|
        done(InterruptBind { interrupt: props.interrupt, notification: Some(notification), flags: 1 });
    InterruptAcknowledge through interrupt with InterruptRights::HANDLE => |_, interrupt|
        done(InterruptAcknowledge { interrupt });
    IoPortsCreate through hardware with HardwareRights::CREATE => |props, hardware|
        done(IoPortsCreate { pool: props.pool, hardware, first: 0x80, count: 1, into: props.free });
    IoIn through ports with IoPortsRights::IN => |_, ports|
        done(IoIn { ports, port: 0x80, width: Width::Byte });
    IoOut through ports with IoPortsRights::OUT => |_, ports|
        done(IoOut { ports, port: 0x80, width: Width::Byte, value: 0 });
    DeviceMemoryCreate through hardware with HardwareRights::CREATE => |props, hardware|
        done(DeviceMemoryCreate { pool: props.pool, hardware, bus_address: 0xfeb0_0000, pages: ONE, into: props.free, cache: 0, made: PageCount(0) });
    Random through hardware with HardwareRights::CREATE => |_, hardware| done(Random { hardware });
    Reboot through hardware with HardwareRights::REBOOT => |_, hardware| done(Reboot { hardware });
};

fn props(fixture: &Fixture, subject: &Worker) -> Result<Props, Error> {
    let pool = subject.pool;
    Ok(Props {
        pool: pool.slot(),
        domain: subject.domain.slot(),
        thread: subject.thread.slot(),
        memory: pool.create_populated_memory(ONE)?.slot(),
        endpoint: pool.create_endpoint()?.slot(),
        notification: pool.create_notification()?.slot(),
        interrupt: fixture.hardware.create_message_interrupt(pool)?.0.slot(),
        ports: fixture.hardware.create_ports(pool, 0x80, 1)?.slot(),
        hardware: fixture.hardware.slot(),
        free: slots::take()?,
    })
}

pub fn matrix(fixture: &Fixture) -> Result<(), Failure> {
    let subject = fixture.worker()?;
    let props = props(fixture, &subject)?;
    for (name, through, needed, tried) in ROWS {
        let whole = Cap::<Any>::from_slot(through(&props));
        for right in (0..16).map(|bit| Rights(1 << bit)) {
            if needed.contains(right) {
                refused(&props, name, whole, right, *tried)?;
            }
        }
    }
    destroy(&props)?;
    for slot in [
        props.memory,
        props.endpoint,
        props.notification,
        props.interrupt,
        props.ports,
    ] {
        Cap::<Any>::from_slot(slot).delete()?;
    }
    slots::give_back(props.free);
    Ok(subject.end()?)
}

/// Expects that the call is refused without this right and creates nothing.
fn refused(
    props: &Props,
    name: &'static str,
    whole: Cap<Any>,
    without: Rights,
    tried: Tried,
) -> Result<(), Failure> {
    let all = whole.inspect()?.rights;
    let less = whole.mint(Rights(all.0 & !without.0), 0)?;
    let outcome = tried(props, less.slot());
    less.delete()?;
    expect_refusal(name, outcome, Error::MissingRight)?;
    let made = Cap::<Any>::from_slot(props.free).inspect()?.kind;
    expect(name, u64::from(made.is_some()), 0)
}

/// Objects of every kind are destroyed only with the right to destroy.
fn destroy(props: &Props) -> Result<(), Failure> {
    let tried: Tried = |_, object| done(Destroy { object });
    for slot in [
        props.pool,
        props.domain,
        props.thread,
        props.memory,
        props.endpoint,
        props.notification,
        props.interrupt,
        props.ports,
        props.hardware,
    ] {
        refused(props, "Destroy", Cap::from_slot(slot), DESTROY, tried)?;
    }
    Ok(())
}
