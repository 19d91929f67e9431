//! The capabilities that each call looks up in its caller's table: [`lookups`].

use abi::kind::{
    DomainRights, EndpointRights, HardwareRights, InterruptRights, IoPortsRights, MemoryRights,
    NotificationRights, PoolRights, ThreadRights,
};
use abi::record::Held;
use abi::register::{Access, Slot};
use abi::{DESTROY, ObjectKind, Request, Rights};

/// A slot that a call looks up, with the content that it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// A capability to an object of this kind, or of any kind, with these rights.
    Capability(Slot, Option<ObjectKind>, Rights),
    /// A capability to a Notification through which these flags may be raised.
    Raiser(Slot, u64),
    /// A capability that can be copied with these rights: any except a reply right.
    Copyable(Slot, Rights),
    /// An empty slot.
    Empty(Slot),
    /// A slot of the table with any content.
    Any(Slot),
}

/// The most lookups of one call.
const LOOKUPS_MAX: usize = 3;

/// The lookups of a call.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lookups {
    all: [Option<Lookup>; LOOKUPS_MAX],
}

impl Lookup {
    /// The slot that is looked up.
    pub fn slot(self) -> Slot {
        match self {
            Lookup::Capability(slot, ..)
            | Lookup::Raiser(slot, _)
            | Lookup::Copyable(slot, _)
            | Lookup::Empty(slot)
            | Lookup::Any(slot) => slot,
        }
    }
}

impl Lookups {
    fn of(all: &[Lookup]) -> Lookups {
        let mut lookups = Lookups::default();
        for (to, from) in lookups.all.iter_mut().zip(all) {
            *to = Some(*from);
        }
        lookups
    }

    /// The lookups, in the order in which the kernel makes them.
    pub fn iter(&self) -> impl Iterator<Item = Lookup> + '_ {
        self.all.iter().filter_map(|lookup| *lookup)
    }
}

fn held(slot: Slot, kind: ObjectKind, rights: impl Into<Rights>) -> Lookup {
    Lookup::Capability(slot, Some(kind), rights.into())
}

fn any(slot: Slot) -> Lookup {
    Lookup::Capability(slot, None, Rights(0))
}

/// The rights over the Memory that a mapping with this access needs.
fn rights_for(access: Access) -> MemoryRights {
    match access {
        Access::Read => MemoryRights::READ,
        Access::ReadWrite => MemoryRights::READ | MemoryRights::WRITE,
        Access::ReadExecute => MemoryRights::READ | MemoryRights::EXECUTE,
    }
}

/// The lookups of a call, except for slots of other domains' tables.
pub fn lookups(request: &Request) -> Lookups {
    use Lookup::{Any, Capability, Copyable, Empty, Raiser};
    use ObjectKind::{
        Domain, Endpoint, Hardware, Interrupt, IoPorts, Memory, Notification, Pool, Thread,
    };
    let of = Lookups::of;
    let domain = |slot, rights: DomainRights| held(slot, Domain, rights);
    let endpoint = |slot, rights: EndpointRights| held(slot, Endpoint, rights);
    let interrupt = |slot| held(slot, Interrupt, InterruptRights::HANDLE);
    let memory = |slot, rights: MemoryRights| held(slot, Memory, rights);
    let notification = |slot, rights: NotificationRights| held(slot, Notification, rights);
    let pool = |slot, rights: PoolRights| held(slot, Pool, rights);
    let ports = |slot, rights: IoPortsRights| held(slot, IoPorts, rights);
    let thread = |slot, rights: ThreadRights| held(slot, Thread, rights);
    let creating = |slot| pool(slot, PoolRights::CREATE);
    let hardware = |slot| held(slot, Hardware, HardwareRights::CREATE);
    let send = |slot| endpoint(slot, EndpointRights::SEND);
    match *request {
        Request::Null(_) | Request::Yield(_) => Lookups::default(),
        Request::Call(call) => of(&[send(call.endpoint)]),
        Request::Send(call) => of(&[send(call.endpoint)]),
        Request::Receive(call) => of(&[endpoint(call.endpoint, EndpointRights::RECEIVE)]),
        Request::ReplyAndReceive(call) => of(&[
            endpoint(call.endpoint, EndpointRights::RECEIVE),
            Any(call.reply),
        ]),
        Request::Reply(call) => of(&[held(call.reply, ObjectKind::Reply, Rights(0))]),
        Request::Signal(call) => of(&[Raiser(call.notification, call.flags)]),
        Request::Wait(call) => of(&[notification(call.notification, NotificationRights::WAIT)]),
        Request::SignalAndWait(call) => of(&[
            notification(call.notification, NotificationRights::WAIT),
            Raiser(call.signalled, call.flags),
        ]),

        Request::CapabilityCopy(call) => of(&[Copyable(call.from, Rights(0)), Empty(call.to)]),
        Request::CapabilityMint(call) => of(&[Copyable(call.from, call.rights), Empty(call.to)]),
        Request::CapabilityMove(call) => of(&[any(call.from), Empty(call.to)]),
        Request::CapabilityDelete(call) => of(&[any(call.slot)]),
        Request::CapabilityRevoke(call) => of(&[any(call.slot)]),
        Request::CapabilityInspect(call) => of(&[Any(call.slot)]),
        Request::CapabilityIdentify(call) => of(&[domain(call.domain, DomainRights::CAPTURE)]),

        Request::PoolSplit(call) => of(&[creating(call.pool), Empty(call.into)]),
        Request::PoolReport(call) => of(&[pool(call.pool, PoolRights::REPORT)]),
        Request::DomainCreate(call) => of(&[creating(call.pool), Empty(call.into)]),
        Request::ThreadCreate(call) => {
            of(&[domain(call.domain, DomainRights::SPAWN), Empty(call.into)])
        }
        Request::MemoryCreate(call) => of(&[creating(call.pool), Empty(call.into)]),
        Request::MemoryCreateContiguous(call) => of(&[
            pool(call.pool, PoolRights::CREATE | PoolRights::DMA),
            Empty(call.into),
        ]),
        Request::EndpointCreate(call) => of(&[creating(call.pool), Empty(call.into)]),
        Request::NotificationCreate(call) => of(&[creating(call.pool), Empty(call.into)]),
        Request::Destroy(call) => of(&[Capability(call.object, None, DESTROY)]),
        Request::DestroyChild(call) => of(&[pool(call.pool, PoolRights::DESTROY)]),

        Request::DomainMap(call) => of(&[
            domain(call.domain, DomainRights::MAP),
            memory(call.memory, rights_for(call.access)),
        ]),
        Request::DomainUnmap(call) => of(&[domain(call.domain, DomainRights::MAP)]),
        Request::DomainInstall(call) => of(&[
            domain(call.domain, DomainRights::INSTALL),
            Copyable(call.from, call.rights),
        ]),
        Request::DomainRemove(call) => of(&[domain(call.domain, DomainRights::INSTALL)]),
        Request::DomainDerive(call) => of(&[domain(call.domain, DomainRights::INSTALL)]),
        Request::DomainInstallReply(call) => of(&[
            domain(call.domain, DomainRights::INSTALL),
            thread(call.thread, ThreadRights::WRITE),
        ]),
        Request::DomainGrow(call) => of(&[domain(call.domain, DomainRights::INSTALL)]),
        Request::DomainFreeze(call) => of(&[domain(call.domain, DomainRights::FREEZE)]),
        Request::DomainThaw(call) => of(&[domain(call.domain, DomainRights::FREEZE)]),
        Request::DomainDescribe(call) => of(&[domain(call.domain, DomainRights::CAPTURE)]),
        Request::DomainRetire(call) => of(&[domain(call.domain, DomainRights::RETIRE)]),
        Request::DomainUnretire(call) => of(&[domain(call.domain, DomainRights::UNRETIRE)]),
        Request::DomainClock(call) => of(&[domain(call.domain, DomainRights::CLOCK)]),
        Request::DomainReadThread(call) => of(&[domain(call.domain, DomainRights::CAPTURE)]),
        Request::DomainMapCaptured(call) => of(&[
            domain(call.domain, DomainRights::CAPTURE),
            domain(call.into, DomainRights::MAP),
        ]),
        Request::DomainPages(call) => of(&[domain(call.domain, DomainRights::CAPTURE)]),

        Request::DomainReadPages(call) => of(&[
            domain(call.domain, DomainRights::CAPTURE),
            memory(call.into, MemoryRights::WRITE),
        ]),
        Request::DomainBeginLog(call) => of(&[domain(call.domain, DomainRights::CAPTURE)]),
        Request::DomainMapOwn(call) => of(&[domain(
            call.domain,
            DomainRights::MAP | DomainRights::INSTALL,
        )]),
        Request::DomainGrantPages(call) => of(&[
            domain(call.domain, DomainRights::RETIRE | DomainRights::CAPTURE),
            memory(call.target, MemoryRights::MANAGE),
        ]),
        Request::DomainHold(call) => of(&[
            domain(call.domain, DomainRights::INSTALL),
            match call.held {
                Held::Pager => memory(call.holder, MemoryRights::MANAGE),
                Held::FaultEndpoint | Held::BoundNotification => {
                    thread(call.holder, ThreadRights::WRITE)
                }
            },
        ]),

        Request::ThreadStart(call) => of(&[thread(call.thread, ThreadRights::RUN)]),
        Request::ThreadStop(call) => of(&[thread(call.thread, ThreadRights::RUN)]),
        Request::ThreadRead(call) => of(&[thread(call.thread, ThreadRights::READ)]),
        Request::ThreadWrite(call) => of(&[thread(call.thread, ThreadRights::WRITE)]),
        Request::ThreadSchedule(call) => of(&[thread(call.thread, ThreadRights::SCHEDULE)]),
        Request::ThreadBind(call) => with_optional(
            thread(call.thread, ThreadRights::WRITE),
            call.notification,
            |slot| notification(slot, NotificationRights::WAIT),
        ),
        Request::ThreadFaults(call) => with_optional(
            thread(call.thread, ThreadRights::WRITE),
            call.endpoint,
            send,
        ),
        Request::ThreadPrepare(call) => of(&[thread(call.thread, ThreadRights::WRITE)]),

        Request::MemoryPopulate(call) => of(&[memory(call.memory, MemoryRights::MANAGE)]),
        Request::MemorySupply(call) => of(&[
            memory(call.memory, MemoryRights::MANAGE),
            memory(call.source, MemoryRights::READ),
        ]),
        Request::MemoryDiscard(call) => of(&[memory(call.memory, MemoryRights::MANAGE)]),
        Request::MemoryPager(call) => {
            with_optional(memory(call.memory, MemoryRights::MANAGE), call.pager, send)
        }

        Request::InterruptCreateLine(call) => of(&[
            creating(call.pool),
            hardware(call.hardware),
            Empty(call.into),
        ]),
        Request::InterruptCreateMessage(call) => of(&[
            creating(call.pool),
            hardware(call.hardware),
            Empty(call.into),
        ]),
        Request::InterruptBind(call) => {
            with_optional(interrupt(call.interrupt), call.notification, |slot| {
                Raiser(slot, call.flags)
            })
        }
        Request::InterruptAcknowledge(call) => of(&[interrupt(call.interrupt)]),
        Request::IoPortsCreate(call) => of(&[
            creating(call.pool),
            hardware(call.hardware),
            Empty(call.into),
        ]),
        Request::IoIn(call) => of(&[ports(call.ports, IoPortsRights::IN)]),
        Request::IoOut(call) => of(&[ports(call.ports, IoPortsRights::OUT)]),
        Request::DeviceMemoryCreate(call) => of(&[
            creating(call.pool),
            hardware(call.hardware),
            match call.made.0 {
                0 => Empty(call.into),
                _ => memory(call.into, MemoryRights::MANAGE),
            },
        ]),
        Request::Random(call) => of(&[hardware(call.hardware)]),
        Request::Reboot(call) => of(&[held(call.hardware, Hardware, HardwareRights::REBOOT)]),
    }
}

fn with_optional(first: Lookup, slot: Option<Slot>, second: impl Fn(Slot) -> Lookup) -> Lookups {
    match slot {
        Some(slot) => Lookups::of(&[first, second(slot)]),
        None => Lookups::of(&[first]),
    }
}
