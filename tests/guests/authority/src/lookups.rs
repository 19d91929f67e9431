//! The capabilities that each call looks up in its caller's table: [`lookups`].

use abi::kind::{
    DomainRights, EndpointRights, HardwareRights, InterruptRights, IoPortsRights, MemoryRights,
    NotificationRights, PoolRights, ThreadRights,
};
use abi::record::Held;
use abi::register::{Access, Slot};
use abi::{DESTROY, ObjectKind, Request, Rights};

/// One thing that a call looks up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// A capability to an object of this kind, or of any, with these rights.
    Capability(Slot, Option<ObjectKind>, Rights),
    /// A Notification with SIGNAL, in which these flags may be raised.
    Raiser(Slot, u64),
    /// A capability that may have a copy with these rights: any but a right to answer.
    Copyable(Slot, Rights),
    /// An empty slot.
    Empty(Slot),
    /// A slot of the table, whatever it holds.
    Any(Slot),
}

/// Most lookups of one call.
const LOOKUPS_MAX: usize = 3;

/// All that a call looks up.
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

    /// Them, in the order in which the kernel may be expected to look.
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

/// The rights to the Memory that a mapping with this access needs.
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
    let pool = |slot| held(slot, Pool, PoolRights::CREATE);
    let hardware = |slot| held(slot, Hardware, HardwareRights::CREATE);
    let send = |slot| held(slot, Endpoint, EndpointRights::SEND);
    match *request {
        Request::Null(_) | Request::Yield(_) => Lookups::default(),
        Request::Call(call) => Lookups::of(&[send(call.endpoint)]),
        Request::Send(call) => Lookups::of(&[send(call.endpoint)]),
        Request::Receive(call) => {
            Lookups::of(&[held(call.endpoint, Endpoint, EndpointRights::RECEIVE)])
        }
        Request::ReplyAndReceive(call) => Lookups::of(&[
            held(call.endpoint, Endpoint, EndpointRights::RECEIVE),
            Any(call.reply),
        ]),
        Request::Reply(call) => Lookups::of(&[held(call.reply, ObjectKind::Reply, Rights(0))]),
        Request::Signal(call) => Lookups::of(&[Raiser(call.notification, call.flags)]),
        Request::Wait(call) => Lookups::of(&[held(
            call.notification,
            Notification,
            NotificationRights::WAIT,
        )]),

        Request::CapabilityCopy(call) => {
            Lookups::of(&[Copyable(call.from, Rights(0)), Empty(call.to)])
        }
        Request::CapabilityMint(call) => {
            Lookups::of(&[Copyable(call.from, call.rights), Empty(call.to)])
        }
        Request::CapabilityMove(call) => Lookups::of(&[any(call.from), Empty(call.to)]),
        Request::CapabilityDelete(call) => Lookups::of(&[any(call.slot)]),
        Request::CapabilityRevoke(call) => Lookups::of(&[any(call.slot)]),
        Request::CapabilityInspect(call) => Lookups::of(&[Any(call.slot)]),
        Request::CapabilityIdentify(call) => {
            Lookups::of(&[held(call.domain, Domain, DomainRights::CAPTURE)])
        }

        Request::PoolSplit(call) => Lookups::of(&[pool(call.pool), Empty(call.into)]),
        Request::PoolReport(call) => Lookups::of(&[held(call.pool, Pool, PoolRights::REPORT)]),
        Request::DomainCreate(call) => Lookups::of(&[pool(call.pool), Empty(call.into)]),
        Request::ThreadCreate(call) => Lookups::of(&[
            held(call.domain, Domain, DomainRights::SPAWN),
            Empty(call.into),
        ]),
        Request::MemoryCreate(call) => Lookups::of(&[pool(call.pool), Empty(call.into)]),
        Request::MemoryCreateContiguous(call) => Lookups::of(&[
            held(call.pool, Pool, PoolRights::CREATE | PoolRights::DMA),
            Empty(call.into),
        ]),
        Request::EndpointCreate(call) => Lookups::of(&[pool(call.pool), Empty(call.into)]),
        Request::NotificationCreate(call) => Lookups::of(&[pool(call.pool), Empty(call.into)]),
        Request::Destroy(call) => Lookups::of(&[Capability(call.object, None, DESTROY)]),
        Request::DestroyChild(call) => Lookups::of(&[held(call.pool, Pool, PoolRights::DESTROY)]),

        Request::DomainMap(call) => Lookups::of(&[
            held(call.domain, Domain, DomainRights::MAP),
            held(call.memory, Memory, rights_for(call.access)),
        ]),
        Request::DomainUnmap(call) => Lookups::of(&[held(call.domain, Domain, DomainRights::MAP)]),
        Request::DomainInstall(call) => Lookups::of(&[
            held(call.domain, Domain, DomainRights::INSTALL),
            Copyable(call.from, call.rights),
        ]),
        Request::DomainRemove(call) => {
            Lookups::of(&[held(call.domain, Domain, DomainRights::INSTALL)])
        }
        Request::DomainDerive(call) => {
            Lookups::of(&[held(call.domain, Domain, DomainRights::INSTALL)])
        }
        Request::DomainInstallReply(call) => Lookups::of(&[
            held(call.domain, Domain, DomainRights::INSTALL),
            held(call.thread, Thread, ThreadRights::WRITE),
        ]),
        Request::DomainGrow(call) => {
            Lookups::of(&[held(call.domain, Domain, DomainRights::INSTALL)])
        }
        Request::DomainFreeze(call) => {
            Lookups::of(&[held(call.domain, Domain, DomainRights::FREEZE)])
        }
        Request::DomainThaw(call) => {
            Lookups::of(&[held(call.domain, Domain, DomainRights::FREEZE)])
        }
        Request::DomainDescribe(call) => {
            Lookups::of(&[held(call.domain, Domain, DomainRights::CAPTURE)])
        }
        Request::DomainRetire(call) => {
            Lookups::of(&[held(call.domain, Domain, DomainRights::RETIRE)])
        }
        Request::DomainUnretire(call) => {
            Lookups::of(&[held(call.domain, Domain, DomainRights::UNRETIRE)])
        }
        Request::DomainClock(call) => {
            Lookups::of(&[held(call.domain, Domain, DomainRights::CLOCK)])
        }
        Request::DomainReadThread(call) => {
            Lookups::of(&[held(call.domain, Domain, DomainRights::CAPTURE)])
        }
        Request::DomainMapCaptured(call) => Lookups::of(&[
            held(call.domain, Domain, DomainRights::CAPTURE),
            held(call.into, Domain, DomainRights::MAP),
        ]),
        Request::DomainPages(call) => {
            Lookups::of(&[held(call.domain, Domain, DomainRights::CAPTURE)])
        }

        Request::DomainReadPages(call) => Lookups::of(&[
            held(call.domain, Domain, DomainRights::CAPTURE),
            held(call.into, Memory, MemoryRights::WRITE),
        ]),
        Request::DomainBeginLog(call) => {
            Lookups::of(&[held(call.domain, Domain, DomainRights::CAPTURE)])
        }
        Request::DomainMapOwn(call) => Lookups::of(&[held(
            call.domain,
            Domain,
            DomainRights::MAP | DomainRights::INSTALL,
        )]),
        Request::DomainHold(call) => Lookups::of(&[
            held(call.domain, Domain, DomainRights::INSTALL),
            match call.held {
                Held::Pager => held(call.holder, Memory, MemoryRights::MANAGE),
                Held::FaultEndpoint | Held::BoundNotification => {
                    held(call.holder, Thread, ThreadRights::WRITE)
                }
            },
        ]),

        Request::ThreadStart(call) => Lookups::of(&[held(call.thread, Thread, ThreadRights::RUN)]),
        Request::ThreadStop(call) => Lookups::of(&[held(call.thread, Thread, ThreadRights::RUN)]),
        Request::ThreadRead(call) => Lookups::of(&[held(call.thread, Thread, ThreadRights::READ)]),
        Request::ThreadWrite(call) => {
            Lookups::of(&[held(call.thread, Thread, ThreadRights::WRITE)])
        }
        Request::ThreadSchedule(call) => {
            Lookups::of(&[held(call.thread, Thread, ThreadRights::SCHEDULE)])
        }
        Request::ThreadBind(call) => with_optional(
            held(call.thread, Thread, ThreadRights::WRITE),
            call.notification,
            |slot| held(slot, Notification, NotificationRights::WAIT),
        ),
        Request::ThreadFaults(call) => with_optional(
            held(call.thread, Thread, ThreadRights::WRITE),
            call.endpoint,
            send,
        ),
        Request::ThreadPrepare(call) => {
            Lookups::of(&[held(call.thread, Thread, ThreadRights::WRITE)])
        }

        Request::MemoryPopulate(call) => {
            Lookups::of(&[held(call.memory, Memory, MemoryRights::MANAGE)])
        }
        Request::MemorySupply(call) => Lookups::of(&[
            held(call.memory, Memory, MemoryRights::MANAGE),
            held(call.giver, Memory, MemoryRights::READ),
        ]),
        Request::MemoryDiscard(call) => {
            Lookups::of(&[held(call.memory, Memory, MemoryRights::MANAGE)])
        }
        Request::MemoryPager(call) => with_optional(
            held(call.memory, Memory, MemoryRights::MANAGE),
            call.pager,
            send,
        ),

        Request::InterruptCreateLine(call) => {
            Lookups::of(&[pool(call.pool), hardware(call.hardware), Empty(call.into)])
        }
        Request::InterruptCreateMessage(call) => {
            Lookups::of(&[pool(call.pool), hardware(call.hardware), Empty(call.into)])
        }
        Request::InterruptBind(call) => with_optional(
            held(call.interrupt, Interrupt, InterruptRights::HANDLE),
            call.notification,
            |slot| Raiser(slot, call.flags),
        ),
        Request::InterruptAcknowledge(call) => {
            Lookups::of(&[held(call.interrupt, Interrupt, InterruptRights::HANDLE)])
        }
        Request::IoPortsCreate(call) => {
            Lookups::of(&[pool(call.pool), hardware(call.hardware), Empty(call.into)])
        }
        Request::IoIn(call) => Lookups::of(&[held(call.ports, IoPorts, IoPortsRights::IN)]),
        Request::IoOut(call) => Lookups::of(&[held(call.ports, IoPorts, IoPortsRights::OUT)]),
        Request::DeviceMemoryCreate(call) => Lookups::of(&[
            pool(call.pool),
            hardware(call.hardware),
            match call.made.0 {
                0 => Empty(call.into),
                _ => held(call.into, Memory, MemoryRights::MANAGE),
            },
        ]),
        Request::Random(call) => Lookups::of(&[hardware(call.hardware)]),
    }
}

fn with_optional(first: Lookup, slot: Option<Slot>, second: impl Fn(Slot) -> Lookup) -> Lookups {
    match slot {
        Some(slot) => Lookups::of(&[first, second(slot)]),
        None => Lookups::of(&[first]),
    }
}
