//! The table of calls: number, name, arguments with their meaning, results.
//!
//! The calls' types and decoder, and the second part of docs/abi.md, are generated from it.

use super::arguments::{Arguments, Received};
use super::define::{Description, calls};
use crate::page_set::PageSet;
use crate::record::{Held, List};
use crate::register::{
    Access, ObjectId, PageCount, PageIndex, REGISTER_COUNT, Register, Registers, Slot, UserAddress,
    Width,
};
use crate::{Error, MessageInfo, Rights};

calls! {
    /// Does nothing, to measure the cost of a system call itself.
    0 Null {} -> ();

    /// Sends a message and waits for its reply. The receiver gets a reply right in the slot that it gave.
    1 Call {
        /// An Endpoint with SEND; also with GRANT if the message or its reply passes capabilities.
        endpoint: Slot,
        /// The message's shape.
        info: MessageInfo,
        /// Word 0.
        w0: u64,
        /// Word 1.
        w1: u64,
        /// Word 2.
        w2: u64,
        /// Word 3.
        w3: u64
    } -> Received;
    /// Replies through `reply`, then waits for the next message. If the reply right is stale or its slot is empty, the call
    /// only waits. If the reply fails for another reason, the call fails too and does not wait.
    2 ReplyAndReceive {
        /// An Endpoint with RECEIVE.
        endpoint: Slot,
        /// The reply's shape.
        info: MessageInfo,
        /// Word 0.
        w0: u64,
        /// Word 1.
        w1: u64,
        /// Word 2.
        w2: u64,
        /// Word 3.
        w3: u64,
        /// The slot of the reply right to use, with GRANT to pass capabilities. The next caller's reply right is put into
        /// it.
        reply: Slot
    } -> Received;
    /// Sends a message to which there is no reply; returns when it has been received.
    3 Send {
        /// An Endpoint with SEND, and GRANT to pass capabilities.
        endpoint: Slot,
        /// The message's shape.
        info: MessageInfo,
        /// Word 0.
        w0: u64,
        /// Word 1.
        w1: u64,
        /// Word 2.
        w2: u64,
        /// Word 3.
        w3: u64
    } -> ();
    /// Waits for a message, or for the thread's bound notification.
    4 Receive {
        /// An Endpoint with RECEIVE.
        endpoint: Slot,
        /// Unused.
        info: MessageInfo,
        /// Unused.
        w0: u64,
        /// Unused.
        w1: u64,
        /// Unused.
        w2: u64,
        /// Unused.
        w3: u64,
        /// A free slot for the caller's reply right. Without one, callers are refused with MessageSize.
        reply: Option<Slot>
    } -> Received;
    /// Replies to a call. The reply right is consumed.
    5 Reply {
        /// A reply right, with GRANT to pass capabilities.
        reply: Slot,
        /// The reply's shape.
        info: MessageInfo,
        /// Word 0.
        w0: u64,
        /// Word 1.
        w1: u64,
        /// Word 2.
        w2: u64,
        /// Word 3.
        w3: u64
    } -> ();
    /// Raises flags and wakes a waiter.
    6 Signal {
        /// A Notification with SIGNAL.
        notification: Slot,
        /// The flags to raise: if the capability has a badge, a subset of the badge.
        flags: u64
    } -> ();
    /// Waits until a flag is raised or the deadline passes; returns the flags and clears them.
    7 Wait {
        /// A Notification with WAIT.
        notification: Slot,
        /// In nanoseconds of the domain's clock; 0 polls, `u64::MAX` waits for ever.
        deadline: u64
    } -> u64;
    /// Lets other threads of the same priority run.
    8 Yield {} -> ();
    /// Raises flags in one notification and then waits for another one, as Signal and Wait do. No other thread runs in between, so a
    /// thread that is woken finds this one waiting. If the wait is interrupted, only the Wait restarts.
    9 SignalAndWait {
        /// A Notification with WAIT, to wait for.
        notification: Slot,
        /// In nanoseconds of the domain's clock; 0 polls, `u64::MAX` waits for ever.
        deadline: u64,
        /// A Notification with SIGNAL, in which to raise flags.
        signalled: Slot,
        /// The flags to raise: if that capability has a badge, a subset of the badge.
        flags: u64
    } -> u64;

    /// Copies a capability.
    16 CapabilityCopy {
        /// The source.
        from: Slot,
        /// An empty slot.
        to: Slot
    } -> ();
    /// Copies a capability with fewer rights, and with a badge if the source has none.
    17 CapabilityMint {
        /// The source.
        from: Slot,
        /// An empty slot.
        to: Slot,
        /// The rights of the copy.
        rights: Rights,
        /// Its badge; zero keeps the source's.
        badge: u64
    } -> ();
    /// Moves a capability to another slot.
    18 CapabilityMove {
        /// The source.
        from: Slot,
        /// An empty slot.
        to: Slot
    } -> ();
    /// Empties a slot. Its children in the derivation tree become children of its parent.
    19 CapabilityDelete {
        /// The slot.
        slot: Slot
    } -> ();
    /// Removes everything derived from a capability, but not the capability itself.
    20 CapabilityRevoke {
        /// The slot.
        slot: Slot
    } -> ();
    /// Reads a slot: kind (zero if empty), rights, badge.
    21 CapabilityInspect {
        /// The slot.
        slot: Slot
    } -> (u64, u64, u64);
    /// Reads the identity ([`ObjectId`]) of the object that a slot of a domain's table refers to. A capability to the object
    /// does not reveal its identity.
    22 CapabilityIdentify {
        /// A Domain with CAPTURE.
        domain: Slot,
        /// The slot of that domain's table.
        slot: Slot
    } -> u64;

    /// Splits off a child pool; its pages are reserved in the parent. The capability to it has all rights, except that it
    /// has DMA only if `pool` has it.
    32 PoolSplit {
        /// A Pool with CREATE.
        pool: Slot,
        /// The child's pages, its own bookkeeping included.
        pages: PageCount,
        /// An empty slot.
        into: Slot
    } -> ();
    /// Reads two numbers of pages: those that the pool has, and those that are spent or reserved for children.
    33 PoolReport {
        /// A Pool with REPORT.
        pool: Slot
    } -> (u64, u64);
    /// Makes a domain with a table of 64 slots, which belongs to this pool and is charged to it. A pool has at most one domain.
    34 DomainCreate {
        /// A Pool with CREATE.
        pool: Slot,
        /// An empty slot.
        into: Slot
    } -> ();
    /// Makes a stopped thread. Its priority is 0, the lowest, until `ThreadSchedule` or `ThreadWrite` gives it another.
    35 ThreadCreate {
        /// A Domain with SPAWN, whose pool pays.
        domain: Slot,
        /// An empty slot.
        into: Slot
    } -> ();
    /// Makes a Memory without pages.
    36 MemoryCreate {
        /// A Pool with CREATE.
        pool: Slot,
        /// The number of pages that it can hold.
        pages: PageCount,
        /// An empty slot.
        into: Slot
    } -> ();
    /// Makes a physically contiguous Memory; returns its bus address. Its pages are charged, and absent until they are
    /// populated. A search of several steps advances `from`.
    37 MemoryCreateContiguous {
        /// A Pool with CREATE and DMA.
        pool: Slot,
        /// The number of pages, at most 512.
        pages: PageCount,
        /// An empty slot.
        into: Slot,
        /// The alignment of the first page's bus address, in pages: a power of two, at most 512.
        alignment: PageCount,
        /// The lowest bus address at which the Memory may begin.
        from: u64,
        /// The highest bus address at which the Memory may end: 2^32 for a device with addresses of 32 bits.
        below: u64
    } -> u64;
    /// Makes an endpoint.
    38 EndpointCreate {
        /// A Pool with CREATE.
        pool: Slot,
        /// An empty slot.
        into: Slot
    } -> ();
    /// Makes a notification.
    39 NotificationCreate {
        /// A Pool with CREATE.
        pool: Slot,
        /// An empty slot.
        into: Slot
    } -> ();
    /// Destroys an object: a Pool with everything in it, a Domain with its threads. Every capability to it is removed.
    40 Destroy {
        /// A capability with DESTROY.
        object: Slot
    } -> ();
    /// Destroys a pool that was split off from this one, as `Destroy` would, even if no capability to it is left.
    41 DestroyChild {
        /// A Pool with DESTROY.
        pool: Slot,
        /// The child pool.
        child: ObjectId
    } -> ();

    /// Maps pages of a Memory.
    48 DomainMap {
        /// A Domain with MAP.
        domain: Slot,
        /// A Memory with the rights that `access` needs.
        memory: Slot,
        /// The address, a multiple of 2 MiB.
        address: UserAddress,
        /// The first page, a multiple of 512.
        first_page: PageIndex,
        /// The number of pages.
        page_count: PageCount,
        /// The access that the mapping permits.
        access: Access
    } -> ();
    /// Removes the mapping that begins at this address.
    49 DomainUnmap {
        /// A Domain with MAP.
        domain: Slot,
        /// The mapping's first address.
        address: UserAddress
    } -> ();
    /// Copies a capability of the caller into another domain's table.
    50 DomainInstall {
        /// A Domain with INSTALL.
        domain: Slot,
        /// The caller's capability.
        from: Slot,
        /// The other domain's empty slot.
        to: Slot,
        /// The rights of the copy.
        rights: Rights,
        /// Its badge; zero keeps the source's.
        badge: u64
    } -> ();
    /// Empties a slot of another domain's table.
    51 DomainRemove {
        /// A Domain with INSTALL.
        domain: Slot,
        /// The other domain's slot.
        slot: Slot
    } -> ();
    /// Mints inside another domain's table, as `CapabilityMint` would there.
    52 DomainDerive {
        /// A Domain with INSTALL.
        domain: Slot,
        /// The other domain's slot.
        from: Slot,
        /// The other domain's empty slot.
        to: Slot,
        /// The rights of the copy.
        rights: Rights,
        /// Its badge; zero keeps the source's.
        badge: u64
    } -> ();
    /// Puts a reply right into a domain's table: the right to reply to a thread of that domain that awaits a reply.
    53 DomainInstallReply {
        /// A frozen Domain with INSTALL.
        domain: Slot,
        /// The Thread that awaits the reply, with WRITE.
        thread: Slot,
        /// The domain's empty slot.
        to: Slot,
        /// The rights of the reply right: none, or GRANT as over an Endpoint.
        rights: Rights
    } -> ();
    /// Grows a domain's table to at least this many slots. All missing slots are charged in the first step; if that fails,
    /// nothing happens.
    54 DomainGrow {
        /// A Domain with INSTALL.
        domain: Slot,
        /// The least number of slots.
        slots: u32
    } -> ();
    /// Stops a domain; returns its version, and the token with which it is thawed or retired. If the domain is already
    /// frozen, the call fails with InUse. When the deadline passes, the kernel thaws the domain, unless it is retired by
    /// then.
    55 DomainFreeze {
        /// A Domain with FREEZE.
        domain: Slot,
        /// In nanoseconds of the caller's domain's clock, `u64::MAX` for none. If it has passed, nothing is frozen: TimedOut.
        deadline: u64,
        /// Zero. The kernel keeps its progress here.
        progress: u64
    } -> (u64, u64);
    /// Lets a frozen domain run. The version rises.
    56 DomainThaw {
        /// A Domain with FREEZE.
        domain: Slot,
        /// The token that freezing it returned. The token of another freeze is refused: InUse.
        token: u64
    } -> ();
    /// Reads a list about a domain into the message buffer's data. Returns the number of records, the next cursor (`u64::MAX`
    /// at the end), and the domain's version.
    57 DomainDescribe {
        /// A Domain with CAPTURE.
        domain: Slot,
        /// The list.
        list: List,
        /// Zero, or the cursor that the last call returned.
        cursor: u64
    } -> (u64, u64, u64);
    /// Retires a frozen domain if it is still at this version. The domain never runs here again. A thread that uses an
    /// object of its pool, or waits for one, gets Gone. A domain that is already retired stays retired.
    58 DomainRetire {
        /// A Domain with RETIRE.
        domain: Slot,
        /// The version that `DomainFreeze` or `DomainDescribe` returned last.
        version: u64,
        /// The token that freezing it returned. The token of another freeze is refused: InUse.
        token: u64
    } -> ();
    /// Makes a retired domain frozen again, and returns its new version and token. The calls and waits of other domains that
    /// the retirement ended stay ended.
    59 DomainUnretire {
        /// A Domain with UNRETIRE.
        domain: Slot,
        /// As for `DomainFreeze`.
        deadline: u64
    } -> (u64, u64);
    /// Sets the domain's clock: its time is the machine's time plus this offset. Returns the machine's time, which
    /// is the time-stamp counter divided by its rate.
    60 DomainClock {
        /// A Domain with CLOCK.
        domain: Slot,
        /// The offset in nanoseconds.
        offset: i64
    } -> u64;
    /// Reads a frozen domain's thread into the message buffer's data.
    61 DomainReadThread {
        /// A frozen Domain with CAPTURE.
        domain: Slot,
        /// The thread.
        thread: ObjectId
    } -> ();
    /// Maps a frozen domain's Memory read-only into another domain.
    62 DomainMapCaptured {
        /// A Domain with CAPTURE.
        domain: Slot,
        /// A Memory of the domain's pool.
        memory: ObjectId,
        /// The Domain to map into, with MAP.
        into: Slot,
        /// The address, a multiple of 2 MiB.
        address: UserAddress
    } -> ();
    /// Reads a bitmap of a Memory's pages into the message buffer's data; returns the number of pages that it covers. Bit 0
    /// of byte 0 is for `first_page`.
    63 DomainPages {
        /// A Domain with CAPTURE.
        domain: Slot,
        /// A Memory of the domain's pool.
        memory: ObjectId,
        /// The token of the Memory's dirty log; unused for the set of present pages.
        log: u64,
        /// The first page, a multiple of 512.
        first_page: PageIndex,
        /// The largest number of pages.
        page_count: PageCount,
        /// The set of pages.
        which: PageSet
    } -> u64;
    /// Copies pages of a Memory into another one, as many as fit into one step, whether or not the domain runs. Returns
    /// three masks like `wanted`: the pages that are still to be read, the pages that were copied, and the pages that are
    /// full of zeros. The copies are packed densely from `into_page` on. A wanted page that is in none of them is absent.
    64 DomainReadPages {
        /// A Domain with CAPTURE.
        domain: Slot,
        /// A Memory of the domain's pool, or one that the domain has mapped.
        memory: ObjectId,
        /// The token of the Memory's dirty log, to mark the pages clean before they are copied. Zero leaves the log
        /// unchanged.
        log: u64,
        /// The first page of the mask, a multiple of 64.
        first_page: PageIndex,
        /// The pages to read, bit 0 for `first_page`.
        wanted: u64,
        /// A Memory with WRITE.
        into: Slot,
        /// The page for the first copy. This page and the pages for the next copies must be present.
        into_page: PageIndex
    } -> (u64, u64, u64);
    /// Takes over a Memory's dirty log; returns its new token. The former owner's token is void.
    65 DomainBeginLog {
        /// A Domain with CAPTURE.
        domain: Slot,
        /// A Memory of the domain's pool.
        memory: ObjectId
    } -> u64;
    /// Maps pages of a Memory through a capability in the domain's own table; revoking that capability unmaps them.
    66 DomainMapOwn {
        /// A Domain with MAP and INSTALL.
        domain: Slot,
        /// The domain's slot: a Memory with the rights that `access` needs.
        memory: Slot,
        /// The address, a multiple of 2 MiB.
        address: UserAddress,
        /// The first page, a multiple of 512.
        first_page: PageIndex,
        /// The number of pages.
        page_count: PageCount,
        /// The access that the mapping permits.
        access: Access
    } -> ();
    /// Puts a copy of a capability into an object: as a Memory's pager, a thread's fault endpoint, or a thread's bound
    /// notification. The source is in the domain's own table, and revoking it removes the copy.
    67 DomainHold {
        /// A Domain with INSTALL.
        domain: Slot,
        /// The domain's slot: an Endpoint with SEND, or a Notification with WAIT to be bound.
        from: Slot,
        /// The caller's slot: a Memory with MANAGE, or a Thread with WRITE. WrongState if it belongs to another domain.
        holder: Slot,
        /// The copy's role.
        held: Held,
        /// The copy's badge; zero keeps the source's.
        badge: u64
    } -> ();
    /// Moves pages of a retired domain's Memory to the same positions of another Memory, without copying them: each frame
    /// changes from one pool's account to the other's. Pages that are absent from the source stay absent, and pages that the
    /// target has already are left where they are. Returns the number of pages moved. The retirement of a domain that has lost
    /// a page in this way cannot be undone any more.
    68 DomainGrantPages {
        /// A retired Domain with RETIRE and CAPTURE.
        domain: Slot,
        /// A Memory of the domain's pool.
        memory: ObjectId,
        /// A Memory of another pool, with MANAGE.
        target: Slot,
        /// The first page.
        first_page: PageIndex,
        /// The number of pages.
        page_count: PageCount,
        /// Zero. The kernel counts here the pages that it has moved.
        progress: u64
    } -> u64;

    /// Starts a stopped thread.
    80 ThreadStart {
        /// A Thread with RUN.
        thread: Slot
    } -> ();
    /// Stops a thread. A call in which it is blocked restarts when the thread is started.
    81 ThreadStop {
        /// A Thread with RUN.
        thread: Slot
    } -> ();
    /// Reads a stopped thread, or one of a frozen domain, into the message buffer's data.
    82 ThreadRead {
        /// A Thread with READ.
        thread: Slot
    } -> ();
    /// Writes a stopped thread, or one of a frozen domain, from the message buffer's data.
    83 ThreadWrite {
        /// A Thread with WRITE.
        thread: Slot
    } -> ();
    /// Sets the priority, which must not be above the caller's own.
    84 ThreadSchedule {
        /// A Thread with SCHEDULE.
        thread: Slot,
        /// 0 to 63.
        priority: u8
    } -> ();
    /// Sets or clears the notification that also ends the thread's `Receive`.
    85 ThreadBind {
        /// A Thread with WRITE.
        thread: Slot,
        /// A Notification with WAIT.
        notification: Option<Slot>
    } -> ();
    /// Sets or clears the endpoint that receives the thread's faults.
    86 ThreadFaults {
        /// A Thread with WRITE.
        thread: Slot,
        /// An Endpoint with SEND.
        endpoint: Option<Slot>
    } -> ();
    /// Sets the first registers and the message buffer of a stopped thread.
    87 ThreadPrepare {
        /// A Thread with WRITE.
        thread: Slot,
        /// RIP.
        instruction: UserAddress,
        /// RSP.
        stack: UserAddress,
        /// RDI.
        argument: u64,
        /// The message buffer, aligned to a page, or zero.
        message_buffer: UserAddress
    } -> ();

    /// Gives a Memory zeroed pages where pages are absent.
    96 MemoryPopulate {
        /// A Memory with MANAGE.
        memory: Slot,
        /// The first page.
        first_page: PageIndex,
        /// The number of pages.
        page_count: PageCount
    } -> ();
    /// Copies pages of another Memory into a Memory; present pages are overwritten.
    97 MemorySupply {
        /// A Memory with MANAGE.
        memory: Slot,
        /// The first page.
        first_page: PageIndex,
        /// The number of pages.
        page_count: PageCount,
        /// A Memory with READ.
        source: Slot,
        /// The first page to copy.
        source_page: PageIndex
    } -> ();
    /// Removes pages.
    98 MemoryDiscard {
        /// A Memory with MANAGE.
        memory: Slot,
        /// The first page.
        first_page: PageIndex,
        /// The number of pages.
        page_count: PageCount
    } -> ();
    /// Sets or clears the endpoint that receives messages about absent pages.
    99 MemoryPager {
        /// A Memory with MANAGE.
        memory: Slot,
        /// An Endpoint with SEND.
        pager: Option<Slot>
    } -> ();

    /// Makes an interrupt from a line. Several level-triggered Interrupts can share a line. An interrupt on the line is
    /// delivered to each of them that is armed. An Interrupt is armed by its first acknowledgement. The line stays masked
    /// until every Interrupt that was delivered is acknowledged.
    112 InterruptCreateLine {
        /// A Pool with CREATE.
        pool: Slot,
        /// The Hardware with CREATE.
        hardware: Slot,
        /// Depending on `bus`, the number of an ISA interrupt, below 16, or of a global system interrupt.
        line: u32,
        /// 0 for ISA: edge-triggered, active high. 1 for PCI: level-triggered, active low. The firmware may describe a line
        /// otherwise.
        bus: u8,
        /// An empty slot.
        into: Slot
    } -> ();
    /// Makes a message-signalled interrupt; returns the address and the data to write. It is armed from the beginning.
    113 InterruptCreateMessage {
        /// A Pool with CREATE.
        pool: Slot,
        /// The Hardware with CREATE.
        hardware: Slot,
        /// An empty slot.
        into: Slot
    } -> (u64, u64);
    /// Sets or clears the notification in which an interrupt raises these flags. An interrupt that is pending is delivered at
    /// once.
    114 InterruptBind {
        /// An Interrupt with HANDLE.
        interrupt: Slot,
        /// A Notification with SIGNAL.
        notification: Option<Slot>,
        /// The flags: if the notification's capability has a badge, a subset of the badge.
        flags: u64
    } -> ();
    /// Permits the next interrupt. If one has arrived since the last one was delivered, it is delivered at once: until the
    /// acknowledgement, it raises no flags. A shared line stays masked until every Interrupt that was delivered is acknowledged.
    115 InterruptAcknowledge {
        /// An Interrupt with HANDLE.
        interrupt: Slot
    } -> ();
    /// Makes a range of ports.
    116 IoPortsCreate {
        /// A Pool with CREATE.
        pool: Slot,
        /// The Hardware with CREATE.
        hardware: Slot,
        /// The first port.
        first: u16,
        /// The number of ports.
        count: u32,
        /// An empty slot.
        into: Slot
    } -> ();
    /// Reads a port.
    117 IoIn {
        /// IoPorts with IN.
        ports: Slot,
        /// The port.
        port: u16,
        /// The width.
        width: Width
    } -> u64;
    /// Writes a port.
    118 IoOut {
        /// IoPorts with OUT.
        ports: Slot,
        /// The port.
        port: u16,
        /// The width.
        width: Width,
        /// The value.
        value: u32
    } -> ();
    /// Makes a Memory of a device's registers or of its memory. Each step adds 128 pages.
    119 DeviceMemoryCreate {
        /// A Pool with CREATE.
        pool: Slot,
        /// The Hardware with CREATE.
        hardware: Slot,
        /// The bus address, aligned to a page; ordinary memory is refused.
        bus_address: u64,
        /// The number of pages.
        pages: PageCount,
        /// An empty slot.
        into: Slot,
        /// 0 uncached, for registers; 1 write-combining, for a frame buffer: writes may be combined and delayed.
        cache: u8,
        /// Zero. The kernel keeps its progress here: the number of pages that `into` has.
        made: PageCount
    } -> ();
    /// Draws a random word from the processor.
    120 Random {
        /// The Hardware with CREATE.
        hardware: Slot
    } -> u64;
    /// Restarts the machine through its firmware; does not return. Everything in memory is lost. The caller stops the devices
    /// that write to memory first.
    121 Reboot {
        /// The Hardware with REBOOT.
        hardware: Slot
    } -> ();
}
