//! What every call needs and does, as a table: [`rows`].
//!
//! A call without a row does not compile. A call whose rights depend on its arguments has a row for each case.

use abi::calls::{
    Call, CapabilityCopy, CapabilityDelete, CapabilityIdentify, CapabilityInspect, CapabilityMint,
    CapabilityMove, CapabilityRevoke, Destroy, DestroyChild, DeviceMemoryCreate, DomainBeginLog,
    DomainClock, DomainCreate, DomainDerive, DomainDescribe, DomainGrow, DomainHold, DomainInstall,
    DomainInstallReply, DomainMap, DomainMapCaptured, DomainMapOwn, DomainPages, DomainReadPages,
    DomainReadThread, DomainRemove, DomainThaw, DomainUnmap, DomainUnretire, EndpointCreate,
    InterruptAcknowledge, InterruptBind, InterruptCreateLine, InterruptCreateMessage, IoIn, IoOut,
    IoPortsCreate, MemoryCreate, MemoryCreateContiguous, MemoryDiscard, MemoryPager,
    MemoryPopulate, MemorySupply, NotificationCreate, Null, PageSet, PoolReport, PoolSplit, Random,
    Receive, Reply, ReplyAndReceive, Send, Signal, ThreadBind, ThreadCreate, ThreadFaults,
    ThreadPrepare, ThreadRead, ThreadSchedule, ThreadStart, ThreadStop, ThreadWrite, Wait, Yield,
};
use abi::record::{Held, List};
use abi::register::{Access, ObjectId, PageCount, Slot, UserAddress, Width};
use abi::{
    Arguments, DESTROY, DomainRights, EndpointRights, Error, HardwareRights, InterruptRights,
    IoPortsRights, MemoryRights, MessageInfo, NO_DEADLINE, NotificationRights, Number, PoolRights,
    Registers, Rights, ThreadRights,
};

use super::stage::{
    ADDRESS, CHILD, ENDPOINT, FREE, GIVER, HARDWARE, HELPER, INTERRUPT, MEMORY, NOTIFICATION, POOL,
    PORT, PORTS, REPLY, SERVICE, SUBJECT, SUBJECTS, SUBJECTS_FREE, Stage, THREAD,
};
use crate::testing::{CALL_SITE, slots};

/// A call in registers.
#[derive(Clone, Copy, Debug)]
pub struct Made {
    pub number: Number,
    pub registers: Registers,
}

/// What a call does to the subject, or what refuses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// It succeeds and changes the subject, whose version rises if it is frozen.
    Changes,
    /// It succeeds, or waits, and changes nothing of the subject.
    Keeps,
    /// It succeeds and makes the subject run, freeze or retire.
    Turns,
    /// It fails and changes nothing at all.
    Fails(Error),
    /// It fails with [`Error::Gone`], and the stale right that it was made through is taken away.
    FindsStale,
}

/// A slot of the caller's that a call looks up.
#[derive(Clone, Copy, Debug)]
pub struct Need {
    pub slot: Slot,
    /// The rights that it must have.
    pub rights: Rights,
    /// Whether the call is for one kind of object.
    pub of_kind: bool,
}

/// A call, what it needs and what it does.
pub struct Row {
    /// What comes before, while the subject runs.
    pub prepare: fn(&Stage),
    /// The call, in the state that the subject is in then.
    pub call: fn(&Stage) -> Made,
    /// What it looks up.
    pub needs: Vec<Need>,
    /// Whether it then waits, in place of being complete.
    pub waits: bool,
    /// What it does when the subject is frozen.
    pub frozen: Then,
    /// What it does when the subject is retired.
    pub retired: Then,
}

fn row(call: fn(&Stage) -> Made) -> Row {
    Row {
        prepare: |_| (),
        call,
        needs: Vec::new(),
        waits: false,
        frozen: Then::Keeps,
        retired: Then::Keeps,
    }
}

impl Row {
    fn after(self, prepare: fn(&Stage)) -> Row {
        Row { prepare, ..self }
    }

    fn needs(mut self, slot: Slot, rights: impl Into<Rights>) -> Row {
        self.needs.push(Need {
            slot,
            rights: rights.into(),
            of_kind: true,
        });
        self
    }

    /// As `needs`, of a call that takes any kind of object.
    fn needs_any(mut self, slot: Slot, rights: impl Into<Rights>) -> Row {
        self.needs.push(Need {
            slot,
            rights: rights.into(),
            of_kind: false,
        });
        self
    }

    fn waits(self) -> Row {
        Row {
            waits: true,
            ..self
        }
    }

    /// What it comes to when nothing is missing; none if it waits.
    pub fn success(&self) -> Option<Result<(), Error>> {
        (!self.waits).then_some(Ok(()))
    }

    fn frozen(self, frozen: Then) -> Row {
        Row { frozen, ..self }
    }

    fn retired(self, retired: Then) -> Row {
        Row { retired, ..self }
    }

    /// It changes the subject; of a retired one nothing is left to change.
    fn changes(self) -> Row {
        self.frozen(Then::Changes).gone()
    }

    /// What it uses is gone when the subject is retired.
    fn gone(self) -> Row {
        self.retired(Then::Fails(Error::Gone))
    }
}

/// A call in registers.
pub fn made<A: Arguments>(call: A) -> Made {
    Made {
        number: A::NUMBER,
        registers: call.encode(),
    }
}

/// No right at all: the call is made through any capability.
const NONE: Rights = Rights(0);
/// The pages of [`MEMORY`].
const PAGES: PageCount = PageCount(8);
const ZERO: PageCount = PageCount(0);
const ONE: PageCount = PageCount(1);
/// Behind the fake machine's RAM.
const BUS_ADDRESS: u64 = 1 << 32;

/// The identity of what a slot of the caller's holds.
pub fn id(stage: &Stage, slot: Slot) -> ObjectId {
    let domain = slots::DOMAIN;
    ObjectId(stage.does(CapabilityIdentify { domain, slot }))
}

fn map(access: Access) -> Made {
    made(DomainMap {
        domain: SUBJECT,
        memory: MEMORY,
        address: ADDRESS,
        first_page: ZERO,
        page_count: PAGES,
        access,
    })
}

fn bind_thread(notification: Slot) -> Made {
    made(ThreadBind {
        thread: HELPER,
        notification,
    })
}

fn faults(endpoint: Slot) -> Made {
    made(ThreadFaults {
        thread: HELPER,
        endpoint,
    })
}

fn pager(pager: Slot) -> Made {
    made(MemoryPager {
        memory: MEMORY,
        pager,
    })
}

/// From the slot of the subject's table that [`Stage::install_copy_of`] fills.
fn hold(holder: Slot, held: Held) -> Made {
    made(DomainHold {
        domain: SUBJECT,
        from: SUBJECTS,
        holder,
        held,
        badge: 0,
    })
}

fn bind_interrupt(notification: Slot) -> Made {
    made(InterruptBind {
        interrupt: INTERRUPT,
        notification,
        flags: 1,
    })
}

/// A message of one word.
fn info() -> MessageInfo {
    MessageInfo::words_only(1).expect("short")
}

/// The rows of a call: at least one.
pub fn rows(number: Number) -> Vec<Row> {
    let pool = POOL;
    let domain = SUBJECT;
    match number {
        Number::Null => vec![row(|_| made(Null {}))],
        Number::Yield => vec![row(|_| made(Yield {}))],
        Number::Call => vec![
            row(|_| {
                made(Call {
                    endpoint: ENDPOINT,
                    info: info(),
                    w0: 1,
                    w1: 0,
                    w2: 0,
                    w3: 0,
                })
            })
            .needs(ENDPOINT, EndpointRights::SEND)
            .waits()
            .gone(),
        ],
        Number::Send => vec![
            row(|_| {
                made(Send {
                    endpoint: ENDPOINT,
                    info: info(),
                    w0: 1,
                    w1: 0,
                    w2: 0,
                    w3: 0,
                })
            })
            .needs(ENDPOINT, EndpointRights::SEND)
            .waits()
            .gone(),
        ],
        Number::Receive => vec![
            row(|_| {
                made(Receive {
                    endpoint: ENDPOINT,
                    info: MessageInfo::EMPTY,
                    w0: 0,
                    w1: 0,
                    w2: 0,
                    w3: 0,
                    reply: REPLY,
                })
            })
            .needs(ENDPOINT, EndpointRights::RECEIVE)
            .waits()
            .gone(),
        ],
        Number::ReplyAndReceive => vec![
            row(|_| {
                made(ReplyAndReceive {
                    endpoint: ENDPOINT,
                    info: info(),
                    w0: 1,
                    w1: 0,
                    w2: 0,
                    w3: 0,
                    reply: REPLY,
                })
            })
            .after(Stage::subject_calls)
            .needs(ENDPOINT, EndpointRights::RECEIVE)
            .waits()
            .changes(),
        ],
        Number::Reply => vec![
            row(|_| {
                made(Reply {
                    reply: REPLY,
                    info: info(),
                    w0: 1,
                    w1: 0,
                    w2: 0,
                    w3: 0,
                })
            })
            .after(Stage::subject_calls)
            .frozen(Then::Changes)
            .retired(Then::FindsStale),
        ],
        Number::Signal => vec![
            row(|_| {
                made(Signal {
                    notification: NOTIFICATION,
                    flags: 1,
                })
            })
            .needs(NOTIFICATION, NotificationRights::SIGNAL)
            .changes(),
        ],
        Number::Wait => vec![
            row(|_| {
                made(Wait {
                    notification: NOTIFICATION,
                    deadline: 0,
                })
            })
            .after(|stage| {
                stage.does(Signal {
                    notification: NOTIFICATION,
                    flags: 1,
                });
            })
            .needs(NOTIFICATION, NotificationRights::WAIT)
            .changes(),
        ],

        Number::CapabilityCopy => vec![
            row(|_| {
                made(CapabilityCopy {
                    from: MEMORY,
                    to: FREE,
                })
            })
            .needs_any(MEMORY, NONE)
            .frozen(Then::Changes),
            row(|_| {
                made(CapabilityCopy {
                    from: ENDPOINT,
                    to: FREE,
                })
            })
            .needs_any(ENDPOINT, NONE),
        ],
        Number::CapabilityMint => vec![
            row(|_| {
                made(CapabilityMint {
                    from: ENDPOINT,
                    to: FREE,
                    rights: EndpointRights::SEND.into(),
                    badge: 5,
                })
            })
            .needs_any(ENDPOINT, EndpointRights::SEND),
        ],
        Number::CapabilityMove => vec![
            row(|_| {
                made(CapabilityMove {
                    from: MEMORY,
                    to: FREE,
                })
            })
            .needs_any(MEMORY, NONE),
        ],
        Number::CapabilityDelete => vec![
            row(|_| made(CapabilityDelete { slot: MEMORY }))
                .needs_any(MEMORY, NONE)
                .frozen(Then::Changes),
            row(|_| made(CapabilityDelete { slot: ENDPOINT })).needs_any(ENDPOINT, NONE),
            row(|_| made(CapabilityDelete { slot: REPLY }))
                .after(Stage::subject_calls)
                .frozen(Then::Changes),
        ],
        Number::CapabilityRevoke => vec![
            row(|_| made(CapabilityRevoke { slot: SERVICE }))
                .after(Stage::install)
                .frozen(Then::Changes),
            row(|_| made(CapabilityRevoke { slot: MEMORY }))
                .after(Stage::map)
                .frozen(Then::Changes),
            row(|_| made(CapabilityRevoke { slot: SERVICE }))
                .after(|stage| stage.succeeds(pager(SERVICE)))
                .frozen(Then::Changes),
            row(|_| made(CapabilityRevoke { slot: SERVICE }))
                .after(|stage| stage.succeeds(faults(SERVICE)))
                .frozen(Then::Changes),
            row(|_| made(CapabilityRevoke { slot: NOTIFICATION }))
                .after(|stage| stage.succeeds(bind_thread(NOTIFICATION)))
                .frozen(Then::Changes),
            row(|_| made(CapabilityRevoke { slot: NOTIFICATION }))
                .after(|stage| stage.succeeds(bind_interrupt(NOTIFICATION)))
                .frozen(Then::Changes),
            row(|_| made(CapabilityRevoke { slot: MEMORY })).needs_any(MEMORY, NONE),
        ],
        Number::CapabilityInspect => vec![row(|_| made(CapabilityInspect { slot: MEMORY }))],
        Number::CapabilityIdentify => {
            vec![
                row(|_| {
                    made(CapabilityIdentify {
                        domain: SUBJECT,
                        slot: slots::POOL,
                    })
                })
                .needs(domain, DomainRights::CAPTURE),
            ]
        }

        Number::PoolSplit => vec![
            row(|_| {
                made(PoolSplit {
                    pool: POOL,
                    pages: ONE,
                    into: FREE,
                })
            })
            .needs(pool, PoolRights::CREATE)
            .changes(),
        ],
        Number::PoolReport => {
            vec![row(|_| made(PoolReport { pool: POOL })).needs(pool, PoolRights::REPORT)]
        }
        Number::DomainCreate => vec![
            row(|_| {
                made(DomainCreate {
                    pool: CHILD,
                    into: FREE,
                })
            })
            .needs(CHILD, PoolRights::CREATE),
        ],
        Number::ThreadCreate => vec![
            row(|_| {
                made(ThreadCreate {
                    domain: SUBJECT,
                    into: FREE,
                })
            })
            .needs(domain, DomainRights::SPAWN)
            .changes(),
        ],
        Number::MemoryCreate => vec![
            row(|_| {
                made(MemoryCreate {
                    pool: POOL,
                    pages: ONE,
                    into: FREE,
                })
            })
            .needs(pool, PoolRights::CREATE)
            .changes(),
        ],
        Number::MemoryCreateContiguous => vec![
            row(|_| {
                made(MemoryCreateContiguous {
                    pool: POOL,
                    pages: ONE,
                    into: FREE,
                    alignment: PageCount(1),
                    from: 0,
                    below: u64::MAX,
                })
            })
            .needs(pool, PoolRights::CREATE | PoolRights::DMA)
            .changes(),
        ],
        Number::EndpointCreate => vec![
            row(|_| {
                made(EndpointCreate {
                    pool: POOL,
                    into: FREE,
                })
            })
            .needs(pool, PoolRights::CREATE)
            .changes(),
        ],
        Number::NotificationCreate => vec![
            row(|_| {
                made(NotificationCreate {
                    pool: POOL,
                    into: FREE,
                })
            })
            .needs(pool, PoolRights::CREATE)
            .changes(),
        ],
        Number::Destroy => [NOTIFICATION, MEMORY, ENDPOINT, HELPER, INTERRUPT, PORTS]
            .into_iter()
            .zip([
                (|_| {
                    made(Destroy {
                        object: NOTIFICATION,
                    })
                }) as fn(&Stage) -> Made,
                |_| made(Destroy { object: MEMORY }),
                |_| made(Destroy { object: ENDPOINT }),
                |_| made(Destroy { object: HELPER }),
                |_| made(Destroy { object: INTERRUPT }),
                |_| made(Destroy { object: PORTS }),
            ])
            .map(|(slot, call)| row(call).needs_any(slot, DESTROY).frozen(Then::Changes))
            .collect(),

        Number::DestroyChild => vec![
            row(|stage| {
                made(DestroyChild {
                    pool: slots::POOL,
                    child: id(stage, CHILD),
                })
            })
            .needs(slots::POOL, DESTROY),
        ],

        Number::DomainMap => vec![
            row(|_| map(Access::Read))
                .needs(domain, DomainRights::MAP)
                .needs(MEMORY, MemoryRights::READ)
                .changes(),
            row(|_| map(Access::ReadWrite))
                .needs(domain, DomainRights::MAP)
                .needs(MEMORY, MemoryRights::READ | MemoryRights::WRITE)
                .changes(),
            row(|_| map(Access::ReadExecute))
                .needs(domain, DomainRights::MAP)
                .needs(MEMORY, MemoryRights::READ | MemoryRights::EXECUTE)
                .changes(),
        ],
        Number::DomainUnmap => vec![
            row(|_| {
                made(DomainUnmap {
                    domain: SUBJECT,
                    address: ADDRESS,
                })
            })
            .after(Stage::map)
            .needs(domain, DomainRights::MAP)
            .changes(),
        ],
        Number::DomainInstall => vec![
            row(|_| {
                made(DomainInstall {
                    domain: SUBJECT,
                    from: SERVICE,
                    to: SUBJECTS,
                    rights: EndpointRights::SEND.into(),
                    badge: 0,
                })
            })
            .needs(domain, DomainRights::INSTALL)
            .needs_any(SERVICE, EndpointRights::SEND)
            .changes(),
        ],
        Number::DomainRemove => vec![
            row(|_| {
                made(DomainRemove {
                    domain: SUBJECT,
                    slot: SUBJECTS,
                })
            })
            .after(Stage::install)
            .needs(domain, DomainRights::INSTALL)
            .changes(),
        ],
        Number::DomainDerive => vec![
            row(|_| {
                made(DomainDerive {
                    domain: SUBJECT,
                    from: SUBJECTS,
                    to: SUBJECTS_FREE,
                    rights: EndpointRights::SEND.into(),
                    badge: 0,
                })
            })
            .after(Stage::install)
            .needs(domain, DomainRights::INSTALL)
            .changes(),
        ],
        Number::DomainInstallReply => vec![
            row(|stage| {
                stage.freeze();
                made(DomainInstallReply {
                    domain: SUBJECT,
                    thread: THREAD,
                    to: SUBJECTS_FREE,
                    rights: EndpointRights::GRANT.into(),
                })
            })
            .after(Stage::subject_calls)
            .needs(domain, DomainRights::INSTALL)
            .needs(THREAD, ThreadRights::WRITE)
            .changes(),
        ],
        Number::DomainGrow => vec![
            row(|_| {
                made(DomainGrow {
                    domain: SUBJECT,
                    slots: 65,
                })
            })
            .needs(domain, DomainRights::INSTALL)
            .changes(),
        ],
        Number::DomainFreeze => vec![
            row(|_| made(Stage::freezing()))
                .needs(domain, DomainRights::FREEZE)
                .frozen(Then::Fails(Error::InUse))
                .retired(Then::Fails(Error::WrongState)),
        ],
        Number::DomainThaw => vec![
            row(|stage| {
                stage.freeze();
                made(DomainThaw {
                    domain: SUBJECT,
                    token: stage.subject.domain.token(),
                })
            })
            .needs(domain, DomainRights::FREEZE)
            .frozen(Then::Turns)
            .retired(Then::Fails(Error::WrongState)),
        ],
        Number::DomainDescribe => vec![
            row(|_| {
                made(DomainDescribe {
                    domain: SUBJECT,
                    list: List::Objects,
                    cursor: 0,
                })
            })
            .needs(domain, DomainRights::CAPTURE),
        ],
        Number::DomainRetire => vec![
            row(|stage| {
                stage.freeze();
                made(stage.retirement())
            })
            .needs(domain, DomainRights::RETIRE)
            .frozen(Then::Turns),
        ],
        Number::DomainUnretire => vec![
            row(|stage| {
                stage.retire();
                made(DomainUnretire {
                    domain: SUBJECT,
                    deadline: NO_DEADLINE,
                })
            })
            .needs(domain, DomainRights::UNRETIRE)
            .frozen(Then::Turns)
            .retired(Then::Turns),
        ],
        Number::DomainClock => vec![
            row(|_| {
                made(DomainClock {
                    domain: SUBJECT,
                    offset: 9,
                })
            })
            .needs(domain, DomainRights::CLOCK)
            .changes(),
        ],
        Number::DomainReadThread => vec![
            row(|stage| {
                stage.freeze();
                made(DomainReadThread {
                    domain: SUBJECT,
                    thread: id(stage, THREAD),
                })
            })
            .needs(domain, DomainRights::CAPTURE),
        ],
        Number::DomainMapCaptured => vec![
            row(|stage| {
                stage.freeze();
                made(DomainMapCaptured {
                    domain: SUBJECT,
                    memory: id(stage, MEMORY),
                    into: slots::DOMAIN,
                    address: ADDRESS,
                })
            })
            .needs(domain, DomainRights::CAPTURE)
            .needs(slots::DOMAIN, DomainRights::MAP),
        ],
        Number::DomainPages => vec![
            row(|stage| {
                made(DomainPages {
                    domain: SUBJECT,
                    memory: id(stage, MEMORY),
                    log: 0,
                    first_page: ZERO,
                    page_count: ONE,
                    which: PageSet::Present,
                })
            })
            .needs(domain, DomainRights::CAPTURE),
            row(|stage| {
                let (domain, memory) = (SUBJECT, id(stage, MEMORY));
                made(DomainPages {
                    domain,
                    memory,
                    log: stage.does(DomainBeginLog { domain, memory }),
                    first_page: ZERO,
                    page_count: ONE,
                    which: PageSet::Dirty,
                })
            })
            .needs(domain, DomainRights::CAPTURE),
        ],
        Number::DomainReadPages => vec![
            row(|stage| {
                made(DomainReadPages {
                    domain: SUBJECT,
                    memory: id(stage, MEMORY),
                    log: 0,
                    first_page: ZERO,
                    wanted: 1,
                    into: GIVER,
                    into_page: ZERO,
                })
            })
            .needs(domain, DomainRights::CAPTURE)
            .needs(GIVER, MemoryRights::WRITE),
        ],
        Number::DomainBeginLog => vec![
            row(|stage| {
                made(DomainBeginLog {
                    domain: SUBJECT,
                    memory: id(stage, MEMORY),
                })
            })
            .needs(domain, DomainRights::CAPTURE),
        ],
        Number::DomainMapOwn => vec![
            row(|_| {
                made(DomainMapOwn {
                    domain: SUBJECT,
                    memory: SUBJECTS,
                    address: ADDRESS,
                    first_page: ZERO,
                    page_count: PAGES,
                    access: Access::ReadWrite,
                })
            })
            .after(|stage| stage.install_copy_of(MEMORY))
            .needs(domain, DomainRights::MAP | DomainRights::INSTALL)
            .changes(),
        ],
        Number::DomainHold => vec![
            row(|_| hold(MEMORY, Held::Pager))
                .after(Stage::install)
                .needs(domain, DomainRights::INSTALL)
                .needs(MEMORY, MemoryRights::MANAGE)
                .changes(),
            row(|_| hold(HELPER, Held::FaultEndpoint))
                .after(Stage::install)
                .needs(domain, DomainRights::INSTALL)
                .needs(HELPER, ThreadRights::WRITE)
                .changes(),
            row(|_| hold(HELPER, Held::BoundNotification))
                .after(|stage| stage.install_copy_of(NOTIFICATION))
                .needs(domain, DomainRights::INSTALL)
                .needs(HELPER, ThreadRights::WRITE)
                .changes(),
        ],

        Number::ThreadStart => vec![
            row(|_| made(ThreadStart { thread: HELPER }))
                .needs(HELPER, ThreadRights::RUN)
                .changes(),
        ],
        Number::ThreadStop => vec![
            row(|_| made(ThreadStop { thread: THREAD }))
                .needs(THREAD, ThreadRights::RUN)
                .changes(),
        ],
        Number::ThreadRead => vec![
            row(|_| made(ThreadRead { thread: HELPER }))
                .needs(HELPER, ThreadRights::READ)
                .gone(),
        ],
        Number::ThreadWrite => vec![
            row(|_| made(ThreadWrite { thread: HELPER }))
                .after(Stage::say_other_state)
                .needs(HELPER, ThreadRights::WRITE)
                .changes(),
        ],
        Number::ThreadSchedule => vec![
            row(|_| {
                made(ThreadSchedule {
                    thread: THREAD,
                    priority: 3,
                })
            })
            .needs(THREAD, ThreadRights::SCHEDULE)
            .changes(),
        ],
        Number::ThreadBind => vec![
            row(|_| bind_thread(NOTIFICATION))
                .needs(HELPER, ThreadRights::WRITE)
                .needs(NOTIFICATION, NotificationRights::WAIT)
                .changes(),
            row(|_| bind_thread(Slot::NONE))
                .after(|stage| stage.succeeds(bind_thread(NOTIFICATION)))
                .needs(HELPER, ThreadRights::WRITE)
                .changes(),
        ],
        Number::ThreadFaults => vec![
            row(|_| faults(SERVICE))
                .needs(HELPER, ThreadRights::WRITE)
                .needs(SERVICE, EndpointRights::SEND)
                .changes(),
            row(|_| faults(Slot::NONE))
                .after(|stage| stage.succeeds(faults(SERVICE)))
                .needs(HELPER, ThreadRights::WRITE)
                .changes(),
        ],
        Number::ThreadPrepare => vec![
            row(|_| {
                made(ThreadPrepare {
                    thread: HELPER,
                    instruction: UserAddress(CALL_SITE),
                    stack: UserAddress(4096),
                    argument: 2,
                    message_buffer: UserAddress(0),
                })
            })
            .needs(HELPER, ThreadRights::WRITE)
            .changes(),
        ],

        Number::MemoryPopulate => vec![
            row(|_| {
                made(MemoryPopulate {
                    memory: MEMORY,
                    first_page: ONE,
                    page_count: ONE,
                })
            })
            .needs(MEMORY, MemoryRights::MANAGE)
            .changes(),
        ],
        Number::MemorySupply => vec![
            row(|_| {
                made(MemorySupply {
                    memory: MEMORY,
                    first_page: ZERO,
                    page_count: ONE,
                    giver: GIVER,
                    giver_page: ZERO,
                })
            })
            .needs(MEMORY, MemoryRights::MANAGE)
            .needs(GIVER, MemoryRights::READ)
            .changes(),
        ],
        Number::MemoryDiscard => vec![
            row(|_| {
                made(MemoryDiscard {
                    memory: MEMORY,
                    first_page: ZERO,
                    page_count: ONE,
                })
            })
            .needs(MEMORY, MemoryRights::MANAGE)
            .changes(),
        ],
        Number::MemoryPager => vec![
            row(|_| pager(SERVICE))
                .needs(MEMORY, MemoryRights::MANAGE)
                .needs(SERVICE, EndpointRights::SEND)
                .changes(),
            row(|_| pager(Slot::NONE))
                .after(|stage| stage.succeeds(pager(SERVICE)))
                .needs(MEMORY, MemoryRights::MANAGE)
                .changes(),
        ],

        Number::InterruptCreateLine => vec![
            row(|_| {
                made(InterruptCreateLine {
                    pool: POOL,
                    hardware: HARDWARE,
                    line: 5,
                    bus: 1,
                    into: FREE,
                })
            })
            .needs(pool, PoolRights::CREATE)
            .needs(HARDWARE, HardwareRights::CREATE)
            .changes(),
        ],
        Number::InterruptCreateMessage => vec![
            row(|_| {
                made(InterruptCreateMessage {
                    pool: POOL,
                    hardware: HARDWARE,
                    into: FREE,
                })
            })
            .needs(pool, PoolRights::CREATE)
            .needs(HARDWARE, HardwareRights::CREATE)
            .changes(),
        ],
        Number::InterruptBind => vec![
            row(|_| bind_interrupt(NOTIFICATION))
                .needs(INTERRUPT, InterruptRights::HANDLE)
                .needs(NOTIFICATION, NotificationRights::SIGNAL)
                .changes(),
            row(|_| bind_interrupt(Slot::NONE))
                .after(|stage| stage.succeeds(bind_interrupt(NOTIFICATION)))
                .needs(INTERRUPT, InterruptRights::HANDLE)
                .changes(),
        ],
        Number::InterruptAcknowledge => vec![
            row(|_| {
                made(InterruptAcknowledge {
                    interrupt: INTERRUPT,
                })
            })
            .needs(INTERRUPT, InterruptRights::HANDLE)
            .gone(),
        ],
        Number::IoPortsCreate => vec![
            row(|_| {
                made(IoPortsCreate {
                    pool: POOL,
                    hardware: HARDWARE,
                    first: PORT,
                    count: 1,
                    into: FREE,
                })
            })
            .needs(pool, PoolRights::CREATE)
            .needs(HARDWARE, HardwareRights::CREATE)
            .changes(),
        ],
        Number::IoIn => vec![
            row(|_| {
                made(IoIn {
                    ports: PORTS,
                    port: PORT,
                    width: Width::Byte,
                })
            })
            .needs(PORTS, IoPortsRights::IN)
            .gone(),
        ],
        Number::IoOut => vec![
            row(|_| {
                made(IoOut {
                    ports: PORTS,
                    port: PORT,
                    width: Width::Byte,
                    value: 1,
                })
            })
            .needs(PORTS, IoPortsRights::OUT)
            .gone(),
        ],
        Number::DeviceMemoryCreate => vec![
            row(|_| {
                made(DeviceMemoryCreate {
                    pool: POOL,
                    hardware: HARDWARE,
                    bus_address: BUS_ADDRESS,
                    pages: ONE,
                    into: FREE,
                    cache: 0,
                    made: PageCount(0),
                })
            })
            .needs(pool, PoolRights::CREATE)
            .needs(HARDWARE, HardwareRights::CREATE)
            .changes(),
        ],
        Number::Random => vec![
            row(|_| made(Random { hardware: HARDWARE })).needs(HARDWARE, HardwareRights::CREATE),
        ],
    }
}
