//! A domain whose threads run scripts: [`Worker`].
//!
//! A worker shares only the guest's code and constants and one page of numbers. It has no data segment, so a script keeps its state in
//! registers, on its stack and on that page.

use core::sync::atomic::Ordering;

use runtime::abi::PAGE_BYTES;
use runtime::abi::calls::{Signal, Wait};
use runtime::abi::kind::NotificationRights;
use runtime::abi::register::{Access, PageCount, PageIndex, UserAddress};
use runtime::abi::start_page::root_slots;
use runtime::capability::{Domain, Kind, Memory, Notification, Pool, Thread};
use runtime::mapping::Mapping;
use runtime::system_call::invoke;
use runtime::{Cap, Error, Slot, slots};

/// The entry function of a worker's thread.
pub type Script = extern "C" fn(Page) -> !;

/// The address of a worker's page.
const PAGE: u64 = 4 << 30;
/// The addresses of a worker's stacks, 2 MiB apart, and of its message buffers.
const STACKS: u64 = 8 << 30;
const BUFFERS: u64 = 12 << 30;
const STEP: u64 = 2 << 20;
const STACK_PAGES: u64 = 4;
/// The address range for a script's mappings.
pub const PLAYGROUND: u64 = 16 << 30;

/// The number of pages of a worker's pool, tables included, besides those that a guest requests.
const PAGES: u64 = 96;
/// The priority of workers, below the guest's first thread's, so that they are preempted as soon as that thread's wait ends.
pub const PRIORITY: u8 = 32;

/// The slot of the notification that a worker signals when it is done. The guest may fill the slots after it.
pub const DONE: Slot = Slot(1);
/// The slot of a notification that is never signalled.
const REST: Slot = Slot(63);

/// The number of words of a page.
const WORDS: usize = PAGE_BYTES as usize / 8;

unsafe extern "C" {
    static __text_start: u8;
    static __text_end: u8;
    static __rodata_start: u8;
    static __rodata_end: u8;
}

/// A worker's page, as the worker sees it.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Page(*mut u64);

impl Page {
    /// A word.
    pub fn word(self, index: usize) -> u64 {
        // SAFETY: the page is the worker's, and the index is inside.
        unsafe { self.0.add(index % WORDS).read_volatile() }
    }

    /// Sets a word.
    pub fn set(self, index: usize, value: u64) {
        // SAFETY: as in `word`.
        unsafe { self.0.add(index % WORDS).write_volatile(value) }
    }

    /// The page's address.
    pub fn address(self) -> u64 {
        self.0 as u64
    }

    /// Signals the end of the script, and blocks forever. It is a script by itself.
    pub extern "C" fn done(self) -> ! {
        // If the signal fails, the guest's wait times out.
        let _ = invoke(Signal {
            notification: DONE,
            flags: 1,
        });
        self.rest()
    }

    /// Blocks forever.
    pub fn rest(self) -> ! {
        loop {
            // The wait fails only if the notification is destroyed, and then this domain is destroyed next.
            let _ = invoke(Wait {
                notification: REST,
                deadline: u64::MAX,
            });
        }
    }
}

/// A domain that shares the guest's program.
pub struct Worker {
    /// The pool. Destroying it ends the worker.
    pub pool: Cap<Pool>,
    /// The domain.
    pub domain: Cap<Domain>,
    /// The first thread.
    pub thread: Cap<Thread>,
    threads: u64,
    page: Mapping,
}

impl Worker {
    /// Creates a stopped worker that signals `done` at its end. Its pool has `more` pages beyond those that it needs. `own` is the
    /// guest's own domain.
    ///
    /// # Errors
    /// The kernel's error.
    pub fn new(
        parent: Cap<Pool>,
        own: Cap<Domain>,
        done: Cap<Notification>,
        more: u64,
    ) -> Result<Worker, Error> {
        let pool = parent.split(PageCount(PAGES + more))?;
        let domain = pool.create_domain()?;
        share_program(domain)?;
        let memory = pool.create_populated_memory(PageCount(1))?;
        map(domain, memory, PAGE, 1, Access::ReadWrite)?;
        let page = Mapping::new(own, memory, PageCount(1), Access::ReadWrite)?;
        memory.delete()?;
        domain.install(done, DONE, NotificationRights::SIGNAL, 0)?;
        let rest = pool.create_notification()?;
        domain.install(rest, REST, NotificationRights::WAIT, 0)?;
        rest.delete()?;
        let mut worker = Worker {
            pool,
            domain,
            thread: Cap::from_slot(Slot(0)),
            threads: 0,
            page,
        };
        worker.thread = worker.another_thread()?;
        Ok(worker)
    }

    /// Creates a stopped thread with a stack and a message buffer.
    ///
    /// # Errors
    /// The kernel's error.
    pub fn another_thread(&mut self) -> Result<Cap<Thread>, Error> {
        let number = self.threads;
        self.threads += 1;
        for (address, pages) in [(STACKS, STACK_PAGES), (BUFFERS, 1)] {
            let memory = self.pool.create_populated_memory(PageCount(pages))?;
            let address = address + number * STEP;
            map(self.domain, memory, address, pages, Access::ReadWrite)?;
            memory.delete()?;
        }
        self.domain.create_thread()
    }

    /// The address of a thread's message buffer.
    pub const fn buffer(number: u64) -> u64 {
        BUFFERS + number * STEP
    }

    /// Starts the first thread.
    ///
    /// # Errors
    /// The kernel's error.
    pub fn start(&self, script: Script) -> Result<(), Error> {
        self.start_thread(0, self.thread, script, PRIORITY)
    }

    /// Starts the thread of this number.
    ///
    /// # Errors
    /// The kernel's error.
    pub fn start_thread(
        &self,
        number: u64,
        thread: Cap<Thread>,
        script: Script,
        priority: u8,
    ) -> Result<(), Error> {
        thread.set_priority(priority)?;
        // The stack is aligned as after a call instruction.
        let stack = STACKS + number * STEP + STACK_PAGES * PAGE_BYTES - 8;
        thread.prepare(
            UserAddress(script as usize as u64),
            UserAddress(stack),
            PAGE,
            UserAddress(Worker::buffer(number)),
        )?;
        thread.start()
    }

    /// Installs a copy of a capability.
    ///
    /// # Errors
    /// The kernel's error.
    pub fn give<T: Kind>(&self, capability: Cap<T>, to: Slot) -> Result<(), Error> {
        let rights = capability.inspect()?.rights;
        self.domain.install(capability.erase(), to, rights, 0)
    }

    /// Maps the first pages of a Memory at [`PLAYGROUND`].
    ///
    /// # Errors
    /// The kernel's error.
    pub fn map(&self, memory: Cap<Memory>, pages: u64, access: Access) -> Result<(), Error> {
        map(self.domain, memory, PLAYGROUND, pages, access)
    }

    /// A word of the worker's page.
    pub fn word(&self, index: usize) -> u64 {
        let memory = self.page.memory();
        memory.word64(index * 8).load(Ordering::SeqCst)
    }

    /// Sets a word of the worker's page.
    pub fn set(&self, index: usize, value: u64) {
        let memory = self.page.memory();
        memory.word64(index * 8).store(value, Ordering::SeqCst);
    }

    /// Destroys the worker.
    ///
    /// # Errors
    /// The kernel's error.
    pub fn end(self) -> Result<(), Error> {
        drop(self.page);
        self.pool.destroy()?;
        // The capabilities in these slots went with the pool.
        slots::give_back(self.domain.slot());
        slots::give_back(self.thread.slot());
        Ok(())
    }
}

/// Maps the first pages of a Memory.
///
/// # Errors
/// The kernel's error.
pub fn map(
    domain: Cap<Domain>,
    memory: Cap<Memory>,
    address: u64,
    pages: u64,
    access: Access,
) -> Result<(), Error> {
    let address = UserAddress(address);
    domain.map(memory, address, PageIndex(0), PageCount(pages), access)
}

/// Maps the guest's code and constants into a domain at the same addresses. The kernel created a Memory per segment of the
/// guest's image, in this order: code, constants, data.
///
/// # Errors
/// The kernel's error.
pub fn share_program(domain: Cap<Domain>) -> Result<(), Error> {
    let code = (&raw const __text_start, &raw const __text_end);
    let constants = (&raw const __rodata_start, &raw const __rodata_end);
    for (index, (start, end), access) in
        [(0, code, Access::ReadExecute), (1, constants, Access::Read)]
    {
        let memory = Cap::<Memory>::from_slot(Slot(root_slots::IMAGE.0 + index));
        let pages = (end as u64 - start as u64).div_ceil(PAGE_BYTES);
        map(domain, memory, start as u64, pages, access)?;
    }
    Ok(())
}
