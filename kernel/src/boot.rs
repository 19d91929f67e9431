//! Builds the root domain, the first one, from the first file in the boot archive.
//!
//! The kernel reads one header of the archive (ustar, POSIX.1-1988) and one ELF image. It gives root capabilities to all
//! memory, all devices and the archive. After that it makes no policy decisions. `abi::start_page` lists root's slots.

use abi::clock_page::ClockPage;
use abi::kind::Rights;
use abi::register::{Access, Slot};
use abi::start_page::{MAGIC, NamedCapability, Range, StartPage, root_slots};
use abi::{MAP_STEP_BYTES, ObjectKind, PAGE_BYTES, PAGES_PER_TABLE, PRIORITY_MAX};
use capabilities::Place;
use xmas_elf::ElfFile;
use xmas_elf::program::Type;

use crate::arch::{self, BootInformation, Words};
use crate::kernel::Kernel;
use crate::log;
use crate::memory::{ForeignRun, Ref, archive_bytes};
use crate::objects::{self, Attribute, Domain, MemoryObject, Object, Pool};
use crate::paging::{self, MapRequest};

/// Addresses of root's start page, message buffer and clock page.
const START_PAGE: u64 = 0x10_0000_0000;
const MESSAGE_BUFFER: u64 = START_PAGE + MAP_STEP_BYTES;
const CLOCK_PAGE: u64 = START_PAGE + 2 * MAP_STEP_BYTES;
/// The address and size of root's stack.
const STACK: u64 = 0x11_0000_0000;
const STACK_PAGES: u64 = 64;
/// The address and size of root's heap.
const HEAP: u64 = 0x12_0000_0000;
const HEAP_PAGES: u64 = 2048;
/// The size of the heap's pool: the pages, their leaf tables, a directory, the pool and the Memory.
const HEAP_POOL_PAGES: u64 = HEAP_PAGES + HEAP_PAGES.div_ceil(PAGES_PER_TABLE) + 3;
/// The address of the archive in root.
const ARCHIVE: u64 = 0x20_0000_0000;

const ROOT_PRIORITY: u8 = PRIORITY_MAX;

/// Root's capabilities in the start page, by name.
const CAPABILITIES: [(&str, Slot, ObjectKind); 5] = [
    ("pool", root_slots::POOL, ObjectKind::Pool),
    ("domain", root_slots::DOMAIN, ObjectKind::Domain),
    ("thread", root_slots::THREAD, ObjectKind::Thread),
    ("hardware", root_slots::HARDWARE, ObjectKind::Hardware),
    ("archive", root_slots::ARCHIVE, ObjectKind::Memory),
];

/// Bytes of an archive member's header. The member's data is padded to a multiple of this size.
const HEADER_BYTES: usize = 512;
const SIZE_FIELD: core::ops::Range<usize> = 124..136;
const MAGIC_FIELD: core::ops::Range<usize> = 257..262;

/// Spawns root, which runs once the kernel returns to user mode.
///
/// # Panics
/// If root cannot be spawned: there is no archive, no image in it, or too little memory. The message states the cause.
pub fn spawn_root(kernel: &Kernel, boot: &BootInformation) {
    let bytes = archive_bytes(boot);
    let image = first_member(bytes).unwrap_or_else(|reason| panic!("boot archive: {reason}"));
    let root = RootBuilder::new(kernel);
    root.give_authority(boot);
    let entry = root
        .load(image)
        .unwrap_or_else(|reason| panic!("root's image: {reason}"));
    root.make_memory(STACK, STACK_PAGES, Access::ReadWrite);
    root.make_memory(MESSAGE_BUFFER, 1, Access::ReadWrite);
    root.write_clock_page();
    let heap = root.make_heap();
    root.write_start_page(boot, heap);
    root.start(entry);
    log!(
        "root starts at {entry:#x}, {} MiB in its pool",
        kernel.root_pool.limit / 256
    );
}

fn first_member(archive: &[u8]) -> Result<&[u8], &'static str> {
    let header = archive.get(..HEADER_BYTES).ok_or("there is none")?;
    if &header[MAGIC_FIELD] != b"ustar" {
        return Err("it is not a ustar archive");
    }
    let digits =
        core::str::from_utf8(&header[SIZE_FIELD]).map_err(|_| "the first size is not a number")?;
    let size = usize::from_str_radix(digits.trim_matches(['\0', ' ']), 8)
        .map_err(|_| "the first size is not a number")?;
    archive
        .get(HEADER_BYTES..)
        .and_then(|rest| rest.get(..size))
        .ok_or("the first file is truncated")
}

/// Root under construction.
struct RootBuilder<'k> {
    kernel: &'k Kernel,
    pool: Ref<Pool>,
    domain: Ref<Domain>,
    next_slot: core::cell::Cell<u32>,
}

impl<'k> RootBuilder<'k> {
    /// Creates root's domain and its table. [`RootBuilder::give_authority`] then puts the capability to the domain into that
    /// table.
    fn new(kernel: &'k Kernel) -> RootBuilder<'k> {
        let pool = kernel.root_pool;
        let domain = objects::create_first_domain(kernel, pool)
            .expect("the machine has memory for root's domain");
        RootBuilder {
            kernel,
            pool,
            domain,
            next_slot: core::cell::Cell::new(root_slots::IMAGE.0),
        }
    }

    fn place(&self, slot: Slot) -> Place {
        self.domain
            .place(slot)
            .expect("root's first slots are in the first frame of its table")
    }

    fn give_authority(&self, boot: &BootInformation) {
        let (kernel, pool) = (self.kernel, self.pool);
        objects::publish(Object::Pool(pool), self.place(root_slots::POOL));
        objects::publish(Object::Domain(self.domain), self.place(root_slots::DOMAIN));
        let hardware = self.place(root_slots::HARDWARE);
        objects::create_hardware(kernel, pool, hardware).expect("the machine has memory for root");
        let run = ForeignRun::of_archive(boot);
        let place = self.place(root_slots::ARCHIVE);
        let memory = objects::create_memory_of(kernel, pool, run, Attribute::Archive, place)
            .expect("the machine has memory for the archive's tables");
        self.map(memory, place, ARCHIVE, Access::Read);
    }

    /// Loads each segment of the image into a Memory of its own. Returns the entry address.
    fn load(&self, image: &[u8]) -> Result<u64, &'static str> {
        let elf = ElfFile::new(image)?;
        for segment in elf
            .program_iter()
            .filter(|header| header.get_type() == Ok(Type::Load))
        {
            let start = segment.virtual_addr() & !(MAP_STEP_BYTES - 1);
            let lead = segment.virtual_addr() - start;
            let pages = (lead + segment.mem_size()).div_ceil(PAGE_BYTES);
            let access = match (segment.flags().is_write(), segment.flags().is_execute()) {
                (true, true) => return Err("a segment is writable and executable"),
                (true, false) => Access::ReadWrite,
                (false, true) => Access::ReadExecute,
                (false, false) => Access::Read,
            };
            let (from, size) = (segment.offset() as usize, segment.file_size() as usize);
            let bytes = image
                .get(from..)
                .and_then(|rest| rest.get(..size))
                .ok_or("a segment is truncated")?;
            let memory = self.make_memory(start, pages, access);
            write(memory, lead, bytes);
        }
        Ok(elf.header.pt2.entry_point())
    }

    /// Takes the next slot for one of root's own Memories.
    fn take_slot(&self) -> Slot {
        let slot = self.next_slot.get();
        self.next_slot.set(slot + 1);
        assert!(
            slot < root_slots::FIRST_FREE.0,
            "root's image has too many segments"
        );
        Slot(slot)
    }

    /// Creates the heap, whose pages root populates when it needs them, and maps it. It has a pool of its own, so that the pages are there
    /// even if root has given all other memory away.
    fn make_heap(&self) -> NamedCapability {
        let (kernel, slot) = (self.kernel, self.take_slot());
        let into = self.place(self.take_slot());
        let pool = objects::create_pool(kernel, self.pool, HEAP_POOL_PAGES, Rights(0), into)
            .expect("the machine has memory for root");
        let place = self.place(slot);
        let memory = objects::create_memory(kernel, pool, HEAP_PAGES, Attribute::Ordinary, place)
            .expect("the pool has a page for it");
        self.map(memory, place, HEAP, Access::ReadWrite);
        NamedCapability {
            slot: slot.0,
            kind: ObjectKind::Memory as u32,
            address: HEAP,
            bytes: HEAP_PAGES * PAGE_BYTES,
            ..NamedCapability::EMPTY
        }
    }

    /// Creates a populated Memory and maps it.
    fn make_memory(&self, address: u64, pages: u64, access: Access) -> Ref<MemoryObject> {
        let place = self.place(self.take_slot());
        let memory =
            objects::create_memory(self.kernel, self.pool, pages, Attribute::Ordinary, place)
                .expect("the machine has memory for root");
        let mut done = 0;
        while done < pages {
            done += paging::populate(self.kernel, memory, done, pages - done)
                .expect("the machine has memory for root");
        }
        self.map(memory, place, address, access);
        memory
    }

    fn map(&self, memory: Ref<MemoryObject>, through: Place, address: u64, access: Access) {
        let page_count = memory.page_count;
        let request = MapRequest {
            memory,
            through,
            address,
            first_page: 0,
            page_count,
            access,
            is_capture: false,
        };
        paging::map(self.kernel, self.domain, request).expect("root's memories do not overlap");
    }

    /// Writes root's clock page. Root's clock is the machine's.
    fn write_clock_page(&self) {
        let memory = self.make_memory(CLOCK_PAGE, 1, Access::Read);
        let multiplier =
            ((1_000_000_000_u128 << 32) / u128::from(arch::ticks_per_second().max(1))) as u64;
        let clock = ClockPage {
            incarnation: 1,
            multiplier,
            ..ClockPage::default()
        };
        write(memory, 0, &clock.to_bytes());
    }

    fn write_start_page(&self, boot: &BootInformation, heap: NamedCapability) {
        let mut page = StartPage {
            magic: MAGIC,
            heap: range(HEAP, HEAP_PAGES * PAGE_BYTES),
            message_buffer: range(MESSAGE_BUFFER, PAGE_BYTES),
            archive: range(ARCHIVE, boot.archive.byte_count()),
            clock: range(CLOCK_PAGE, PAGE_BYTES),
            first_free_slot: u64::from(root_slots::FIRST_FREE.0),
            ticks_per_second: arch::ticks_per_second(),
            seed: core::array::from_fn(|_| arch::random_seed()),
            ..StartPage::EMPTY
        };
        for (name, slot, kind) in CAPABILITIES {
            let capability = NamedCapability {
                slot: slot.0,
                kind: kind as u32,
                ..NamedCapability::EMPTY
            };
            page.add(name, capability);
        }
        page.add("heap", heap);
        // Added first, so that words of the same names on the command line have no effect.
        if let Some(framebuffer) = boot.framebuffer {
            page.add_argument("framebuffer", format_args!("{framebuffer}"));
        }
        page.add_argument("platform", format_args!("{}", boot.platform));
        page.add_argument("features", format_args!("{}", Words(&boot.cpu.features)));
        page.add_argument("unused", format_args!("{}", Words(&boot.cpu.unused)));
        add_words(&mut page, &boot.command_line);
        let memory = self.make_memory(START_PAGE, 1, Access::Read);
        write(memory, 0, &page.to_bytes());
    }

    fn start(&self, entry: u64) {
        let place = self.place(root_slots::THREAD);
        let thread = objects::create_thread(self.kernel, self.domain, place)
            .expect("the machine has memory for root");
        thread.context.rip.set(entry);
        // The stack looks as after a call instruction: at a function's entry the ABI requires RSP to be 8 bytes off a
        // multiple of 16.
        thread.context.rsp.set(STACK + STACK_PAGES * PAGE_BYTES - 8);
        thread.context.rdi.set(START_PAGE);
        thread.message_buffer.set(MESSAGE_BUFFER);
        thread.priority.set(ROOT_PRIORITY);
        thread.stopped.set(false);
        self.kernel.scheduler.wake(thread);
    }
}

/// Adds the words of the command line to root's arguments, one per line. A word that does not fit is left out completely,
/// since its beginning could be another valid word.
fn add_words(page: &mut StartPage, command_line: &str) {
    for word in command_line.split_ascii_whitespace() {
        let start = page.argument_bytes as usize;
        let end = start + word.len() + 1;
        match page.arguments.get_mut(start..end) {
            Some(argument) => {
                argument[..word.len()].copy_from_slice(word.as_bytes());
                argument[word.len()] = b'\n';
                page.argument_bytes = end as u64;
            }
            None => log!("the command line is too long: {word} is left out"),
        }
    }
}

fn range(start: u64, bytes: u64) -> Range {
    Range { start, bytes }
}

/// Writes bytes into a populated Memory.
fn write(memory: Ref<MemoryObject>, offset: u64, bytes: &[u8]) {
    let mut at = offset;
    let mut rest = bytes;
    while !rest.is_empty() {
        let frame = memory
            .frame(at / PAGE_BYTES)
            .expect("the Memory was populated");
        let (chunk, after) = rest.split_at(rest.len().min((PAGE_BYTES - at % PAGE_BYTES) as usize));
        frame.write_bytes(at % PAGE_BYTES, chunk);
        at += chunk.len() as u64;
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;

    #[test]
    fn the_words_of_the_command_line_are_roots_arguments() {
        let mut page = StartPage::EMPTY;
        assert!(page.add_argument("framebuffer", format_args!("here")));
        add_words(&mut page, "debug-exit framebuffer=there machine=a\tuuid=x");
        assert!(page.check());
        assert_eq!(page.argument("framebuffer"), Some("here"));
        assert_eq!(page.argument("machine"), Some("a"));
        assert_eq!(page.argument("uuid"), Some("x"));
        let mut page = StartPage::EMPTY;
        assert!(page.add_argument("framebuffer", format_args!("here")));
        let long = format!("{} machine=node12 a=b", "ä".repeat(500));
        add_words(&mut page, &long[..long.len() - 2]);
        assert!(page.check());
        assert_eq!(page.argument("framebuffer"), Some("here"));
        assert_eq!(page.argument("machine"), None, "does not fit");
    }
}
