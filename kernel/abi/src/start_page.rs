//! The start page, which a domain finds at its first instruction: RDI of thread 0 is its address.
//!
//! The domain's creator fills it: the kernel for root, and root for the other domains. It is mapped read-only. It is plain data,
//! which the domain checks with [`StartPage::check`] before use.

use core::fmt;

use crate::register::Slot;

/// The magic number: "caravan" and the version of this layout.
pub const MAGIC: u64 = u64::from_le_bytes(*b"caravan\x02");

/// The largest number of named capabilities in a start page.
pub const NAMED_MAX: usize = 48;

/// Bytes of a capability's name.
pub const NAME_BYTES: usize = 24;

/// Whether a text is a valid name of a domain, a machine or a service: 1 to [`NAME_BYTES`] letters, digits, `-`, `_`, `.` or
/// `:`. Every log, list and message shows such a name unchanged.
pub fn is_name(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
    (1..=NAME_BYTES).contains(&text.len()) && text.bytes().all(allowed)
}

/// Bytes for arguments.
pub const ARGUMENT_BYTES: usize = 1024;

/// A range of the domain's addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[repr(C)]
pub struct Range {
    /// The first address.
    pub start: u64,
    /// The number of bytes; zero for no range.
    pub bytes: u64,
}

/// A capability that the domain starts with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct NamedCapability {
    /// UTF-8, ends at the first zero.
    pub name: [u8; NAME_BYTES],
    /// Its slot.
    pub slot: u32,
    /// Its [`crate::ObjectKind`].
    pub kind: u32,
    /// The address of a Memory that the creator mapped, else zero.
    pub address: u64,
    /// The size of a Memory that the creator mapped, else zero.
    pub bytes: u64,
}

impl NamedCapability {
    /// No capability.
    pub const EMPTY: NamedCapability = NamedCapability {
        name: [0; NAME_BYTES],
        slot: Slot::NONE.0,
        kind: 0,
        address: 0,
        bytes: 0,
    };

    /// The name.
    pub fn name(&self) -> &str {
        text(&self.name)
    }

    /// The slot.
    pub fn slot(&self) -> Slot {
        Slot(self.slot)
    }
}

/// The start page.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(4096))]
pub struct StartPage {
    /// [`MAGIC`].
    pub magic: u64,
    /// The number of valid `capabilities`.
    pub capability_count: u64,
    /// The number of valid bytes of `arguments`.
    pub argument_bytes: u64,
    /// The part of the heap that the domain's creator promises: its pool can pay for these pages. They are the first of a Memory with the
    /// capability `heap`, and absent until the runtime populates them.
    pub heap: Range,
    /// Thread 0's message buffer: one page.
    pub message_buffer: Range,
    /// The boot archive, read-only. Only root has one.
    pub archive: Range,
    /// The clock page ([`crate::clock_page::ClockPage`]), read-only.
    pub clock: Range,
    /// The first slot for the domain's own use; all above it are free too.
    pub first_free_slot: u64,
    /// Ticks of the time-stamp counter per second. Zero except for root: other domains have the clock page.
    pub ticks_per_second: u64,
    /// The domain's id.
    pub domain_id: [u8; 16],
    /// Random bits to seed a generator with.
    pub seed: [u64; 4],
    /// The domain's initial capabilities.
    pub capabilities: [NamedCapability; NAMED_MAX],
    /// UTF-8: lines of `key=value`. Root's arguments are `framebuffer`, `platform`, `features` and `unused`
    /// (what the kernel found out about the machine), and the words of the kernel's command line.
    pub arguments: [u8; ARGUMENT_BYTES],
}

const _: () = assert!(size_of::<StartPage>() == 4096);

impl StartPage {
    /// An empty start page with its magic number.
    pub const EMPTY: StartPage = StartPage {
        magic: MAGIC,
        capability_count: 0,
        argument_bytes: 0,
        heap: Range { start: 0, bytes: 0 },
        message_buffer: Range { start: 0, bytes: 0 },
        archive: Range { start: 0, bytes: 0 },
        clock: Range { start: 0, bytes: 0 },
        first_free_slot: 0,
        ticks_per_second: 0,
        domain_id: [0; 16],
        seed: [0; 4],
        capabilities: [NamedCapability::EMPTY; NAMED_MAX],
        arguments: [0; ARGUMENT_BYTES],
    };

    /// The page's bytes, little-endian, as the domain finds them.
    pub fn to_bytes(&self) -> [u8; 4096] {
        let mut writer = Writer {
            bytes: [0; 4096],
            at: 0,
        };
        let ranges = [self.heap, self.message_buffer, self.archive, self.clock];
        [self.magic, self.capability_count, self.argument_bytes]
            .into_iter()
            .for_each(|word| writer.word(word));
        ranges
            .into_iter()
            .flat_map(|range| [range.start, range.bytes])
            .for_each(|word| writer.word(word));
        [self.first_free_slot, self.ticks_per_second]
            .into_iter()
            .for_each(|word| writer.word(word));
        writer.put(&self.domain_id);
        self.seed.into_iter().for_each(|word| writer.word(word));
        for capability in &self.capabilities {
            writer.put(&capability.name);
            writer.put(&capability.slot.to_le_bytes());
            writer.put(&capability.kind.to_le_bytes());
            writer.word(capability.address);
            writer.word(capability.bytes);
        }
        writer.put(&self.arguments);
        writer.bytes
    }

    /// Whether this is a start page of this version whose counts are within its arrays.
    pub fn check(&self) -> bool {
        self.magic == MAGIC
            && self.capability_count <= NAMED_MAX as u64
            && self.argument_bytes <= ARGUMENT_BYTES as u64
    }

    /// The capabilities.
    pub fn capabilities(&self) -> &[NamedCapability] {
        &self.capabilities[..(self.capability_count as usize).min(NAMED_MAX)]
    }

    /// The capability of this name.
    pub fn find(&self, name: &str) -> Option<&NamedCapability> {
        self.capabilities()
            .iter()
            .find(|capability| capability.name() == name)
    }

    /// Adds a capability; returns `false` if the page is full or the name too long.
    pub fn add(&mut self, name: &str, capability: NamedCapability) -> bool {
        let index = self.capability_count as usize;
        if index >= NAMED_MAX || name.len() > NAME_BYTES {
            return false;
        }
        let mut bytes = [0; NAME_BYTES];
        bytes[..name.len()].copy_from_slice(name.as_bytes());
        self.capabilities[index] = NamedCapability {
            name: bytes,
            ..capability
        };
        self.capability_count += 1;
        true
    }

    /// Adds an argument; returns `false`, and leaves the page as it is, if its text does not fit.
    pub fn add_argument(&mut self, key: &str, value: fmt::Arguments<'_>) -> bool {
        let start = (self.argument_bytes as usize).min(ARGUMENT_BYTES);
        let mut rest = ArgumentWriter(&mut self.arguments[start..]);
        if fmt::write(&mut rest, format_args!("{key}={value}\n")).is_err() {
            return false;
        }
        self.argument_bytes = (ARGUMENT_BYTES - rest.0.len()) as u64;
        true
    }

    /// The arguments' text.
    pub fn arguments(&self) -> &str {
        let bytes = (self.argument_bytes as usize).min(ARGUMENT_BYTES);
        core::str::from_utf8(&self.arguments[..bytes]).unwrap_or("")
    }

    /// The value of `key` in the arguments.
    pub fn argument(&self, key: &str) -> Option<&str> {
        self.arguments()
            .lines()
            .filter_map(|line| line.split_once('='))
            .find(|(name, _)| *name == key)
            .map(|(_, value)| value)
    }
}

/// The free bytes of the arguments.
struct ArgumentWriter<'a>(&'a mut [u8]);

impl fmt::Write for ArgumentWriter<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let free = core::mem::take(&mut self.0);
        let (place, rest) = free.split_at_mut_checked(text.len()).ok_or(fmt::Error)?;
        place.copy_from_slice(text.as_bytes());
        self.0 = rest;
        Ok(())
    }
}

struct Writer {
    bytes: [u8; 4096],
    at: usize,
}

impl Writer {
    fn put(&mut self, bytes: &[u8]) {
        self.bytes[self.at..self.at + bytes.len()].copy_from_slice(bytes);
        self.at += bytes.len();
    }

    fn word(&mut self, word: u64) {
        self.put(&word.to_le_bytes());
    }
}

fn text(bytes: &[u8]) -> &str {
    let end = bytes
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(bytes.len());
    core::str::from_utf8(&bytes[..end]).unwrap_or("")
}

/// Root's fixed slots.
pub mod root_slots {
    use super::Slot;

    /// The root pool: all memory.
    pub const POOL: Slot = Slot(1);
    /// Root's own domain.
    pub const DOMAIN: Slot = Slot(2);
    /// Root's first thread.
    pub const THREAD: Slot = Slot(3);
    /// The Hardware: all devices.
    pub const HARDWARE: Slot = Slot(4);
    /// The boot archive's Memory.
    pub const ARCHIVE: Slot = Slot(5);
    /// The first of the slots of root's own Memories: segments, stack, heap, start page, message buffer, clock.
    pub const IMAGE: Slot = Slot(8);
    /// The first slot that root may use.
    pub const FIRST_FREE: Slot = Slot(32);
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;

    #[test]
    fn an_argument_that_does_not_fit_is_left_out() {
        let mut page = StartPage::EMPTY;
        assert!(page.add_argument("one", format_args!("{} {}", 1, 2)));
        let long = "x".repeat(ARGUMENT_BYTES);
        assert!(!page.add_argument("long", format_args!("{long}")));
        assert!(page.add_argument("two", format_args!("3")));
        assert_eq!(page.arguments(), "one=1 2\ntwo=3\n");
        assert_eq!(page.argument("two"), Some("3"));
    }

    /// Offsets of the layout that `to_bytes` writes and domains read in place.
    #[test]
    fn bytes_are_at_the_offsets_of_the_fields() {
        let mut page = StartPage {
            seed: [1, 2, 3, 4],
            ..StartPage::EMPTY
        };
        assert!(page.add(
            "log",
            NamedCapability {
                slot: 9,
                kind: 5,
                address: 7,
                bytes: 8,
                ..NamedCapability::EMPTY
            }
        ));
        page.arguments[3] = 42;
        let bytes = page.to_bytes();
        let word =
            |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
        assert_eq!(word(core::mem::offset_of!(StartPage, seed) + 8), 2);
        let first = core::mem::offset_of!(StartPage, capabilities);
        assert_eq!(&bytes[first..first + 4], b"log\0");
        assert_eq!(
            word(first + core::mem::offset_of!(NamedCapability, address)),
            7
        );
        assert_eq!(
            bytes[first + core::mem::offset_of!(NamedCapability, slot)],
            9
        );
        assert_eq!(bytes[core::mem::offset_of!(StartPage, arguments) + 3], 42);
    }
}
