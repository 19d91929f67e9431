//! What a Domain can do: be filled with memory, capabilities and threads; be frozen, read and retired.

use abi::Error;
use abi::calls::{
    CapabilityIdentify, DomainBeginLog, DomainClock, DomainDerive, DomainDescribe, DomainFreeze,
    DomainGrow, DomainHold, DomainInstall, DomainInstallReply, DomainMap, DomainMapCaptured,
    DomainMapOwn, DomainPages, DomainReadPages, DomainReadThread, DomainRemove, DomainRetire,
    DomainThaw, DomainUnmap, DomainUnretire, PageSet, ThreadCreate,
};
use abi::message::DATA_BYTES;
use abi::record::{Held, List, RECORD_WORDS, RECORDS_MAX, RecordWords};
use abi::register::{Access, ObjectId, PageCount, Slot, UserAddress};
use abi::thread_state::ThreadState;

use super::thread::read_state;
use super::{Cap, Domain, Kind, Memory, Thread, created};
use crate::buffer;
use crate::system_call::invoke;

/// Some records of a list about a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Records {
    /// The records; [`abi::record`] knows what they say.
    pub records: heapless::Vec<RecordWords, RECORDS_MAX>,
    /// Where the list goes on; `None` at its end.
    pub next: Option<u64>,
    /// The domain's version.
    pub version: u64,
}

/// A bit for each of some pages of a Memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageBitmap {
    /// The page of the first bit.
    pub first_page: PageCount,
    /// How many pages.
    pub page_count: PageCount,
    bits: [u8; DATA_BYTES],
}

impl PageBitmap {
    /// The pages whose bit is set, in order.
    pub fn pages(&self) -> impl Iterator<Item = PageCount> + '_ {
        let count = (self.page_count.0 as usize).min(DATA_BYTES * 8);
        (0..count)
            .filter(|index| self.bits[index / 8] & 1 << (index % 8) != 0)
            .map(|index| PageCount(self.first_page.0 + index as u64))
    }

    /// The bits, bit 0 of byte 0 for the first page.
    pub fn bits(&self) -> &[u8] {
        &self.bits[..(self.page_count.0 as usize).div_ceil(8).min(DATA_BYTES)]
    }
}

/// Pages of a Memory that are to be copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WantedPages {
    /// The Memory.
    pub memory: ObjectId,
    /// The token of its dirty log, in which the pages count as clean afterwards; zero leaves it alone.
    pub log: u64,
    /// The page of the mask's first bit, a multiple of 64.
    pub first_page: PageCount,
    /// Which pages.
    pub mask: u64,
}

/// The result of copying some pages: masks like the wanted one. A page in none of them is absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CopiedPages {
    /// Not read yet.
    pub remaining: u64,
    /// Copied, one behind the other.
    pub data: u64,
    /// Full of zeros, and not copied.
    pub zero: u64,
}

/// A freeze that belongs to this domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Freeze {
    /// The frozen domain's version.
    pub version: u64,
    /// What proves whose freeze it is.
    pub token: u64,
}

impl Cap<Domain> {
    /// Maps pages of a Memory.
    ///
    /// # Errors
    /// What `DomainMap` says.
    pub fn map(
        self,
        memory: Cap<Memory>,
        address: UserAddress,
        first_page: PageCount,
        page_count: PageCount,
        access: Access,
    ) -> Result<(), Error> {
        invoke(DomainMap {
            domain: self.slot(),
            memory: memory.slot(),
            address,
            first_page,
            page_count,
            access,
        })
    }

    /// Maps pages of the Memory in a slot of the domain's own table, below what that slot holds.
    ///
    /// # Errors
    /// What `DomainMapOwn` says.
    pub fn map_own(
        self,
        memory: Slot,
        address: UserAddress,
        first_page: PageCount,
        page_count: PageCount,
        access: Access,
    ) -> Result<(), Error> {
        invoke(DomainMapOwn {
            domain: self.slot(),
            memory,
            address,
            first_page,
            page_count,
            access,
        })
    }

    /// Puts a copy of what a slot of the domain's own table holds into an object, below what that slot holds.
    ///
    /// # Errors
    /// What `DomainHold` says.
    pub fn hold<T: Kind>(
        self,
        from: Slot,
        holder: Cap<T>,
        held: Held,
        badge: u64,
    ) -> Result<(), Error> {
        invoke(DomainHold {
            domain: self.slot(),
            from,
            holder: holder.slot(),
            held,
            badge,
        })
    }

    /// Unmaps the mapping that begins at this address.
    ///
    /// # Errors
    /// What `DomainUnmap` says.
    pub fn unmap(self, address: UserAddress) -> Result<(), Error> {
        invoke(DomainUnmap {
            domain: self.slot(),
            address,
        })
    }

    /// Copies one of the caller's capabilities into the domain's table.
    ///
    /// # Errors
    /// What `DomainInstall` says.
    pub fn install<T: Kind>(
        self,
        from: Cap<T>,
        to: Slot,
        rights: T::Rights,
        badge: u64,
    ) -> Result<(), Error> {
        invoke(DomainInstall {
            domain: self.slot(),
            from: from.slot(),
            to,
            rights: rights.into(),
            badge,
        })
    }

    /// Empties a slot of the domain's table.
    ///
    /// # Errors
    /// What `DomainRemove` says.
    pub fn remove(self, slot: Slot) -> Result<(), Error> {
        invoke(DomainRemove {
            domain: self.slot(),
            slot,
        })
    }

    /// Derives inside the domain's table.
    ///
    /// # Errors
    /// What `DomainDerive` says.
    pub fn derive(
        self,
        from: Slot,
        to: Slot,
        rights: abi::Rights,
        badge: u64,
    ) -> Result<(), Error> {
        invoke(DomainDerive {
            domain: self.slot(),
            from,
            to,
            rights,
            badge,
        })
    }

    /// The object that a slot of the domain's table refers to.
    ///
    /// # Errors
    /// What `CapabilityIdentify` says.
    pub fn identify(self, slot: Slot) -> Result<ObjectId, Error> {
        invoke(CapabilityIdentify {
            domain: self.slot(),
            slot,
        })
        .map(ObjectId)
    }

    /// Puts the reply right for an awaiting thread of the frozen domain into the domain's table: with `GRANT` as over an
    /// endpoint, or no rights.
    ///
    /// # Errors
    /// What `DomainInstallReply` says.
    pub fn install_reply(
        self,
        thread: Cap<Thread>,
        to: Slot,
        rights: abi::Rights,
    ) -> Result<(), Error> {
        invoke(DomainInstallReply {
            domain: self.slot(),
            thread: thread.slot(),
            to,
            rights,
        })
    }

    /// Grows the table until it has this many slots.
    ///
    /// # Errors
    /// What `DomainGrow` says.
    pub fn grow(self, slots: u32) -> Result<(), Error> {
        invoke(DomainGrow {
            domain: self.slot(),
            slots,
        })
    }

    /// Makes a stopped thread.
    ///
    /// # Errors
    /// What `ThreadCreate` says, or that no slot is free.
    pub fn create_thread(self) -> Result<Cap<Thread>, Error> {
        created(|into| {
            invoke(ThreadCreate {
                domain: self.slot(),
                into,
            })
        })
    }

    /// Stops the domain until a deadline in this domain's time, or [`abi::NO_DEADLINE`].
    ///
    /// # Errors
    /// What `DomainFreeze` says: [`Error::InUse`] if it is frozen, [`Error::WrongState`] if it is retired, and otherwise
    /// [`Error::TimedOut`] if the deadline has passed.
    pub fn freeze(self, deadline_ns: u64) -> Result<Freeze, Error> {
        let (version, token) = invoke(DomainFreeze {
            domain: self.slot(),
            deadline: deadline_ns,
            progress: 0,
        })?;
        Ok(Freeze { version, token })
    }

    /// Lets the frozen domain run.
    ///
    /// # Errors
    /// What `DomainThaw` says: [`Error::WrongState`] if it is not frozen, [`Error::InUse`] if another froze it.
    pub fn thaw(self, token: u64) -> Result<(), Error> {
        invoke(DomainThaw {
            domain: self.slot(),
            token,
        })
    }

    /// Reads a list about the domain, from zero or from [`Records::next`] on.
    ///
    /// # Errors
    /// What `DomainDescribe` says.
    pub fn describe(self, list: List, cursor: u64) -> Result<Records, Error> {
        let (count, next, version) = invoke(DomainDescribe {
            domain: self.slot(),
            list,
            cursor,
        })?;
        let mut data = [0; DATA_BYTES];
        buffer::read_data(&mut data);
        Ok(Records {
            records: data
                .chunks_exact(RECORD_WORDS * 8)
                .take(count as usize)
                .map(record)
                .collect(),
            next: (next != u64::MAX).then_some(next),
            version,
        })
    }

    /// Retires the frozen domain if it is still at this version.
    ///
    /// # Errors
    /// [`Error::VersionMoved`], and otherwise as for [`Cap::thaw`].
    pub fn retire(self, version: u64, token: u64) -> Result<(), Error> {
        invoke(DomainRetire {
            domain: self.slot(),
            version,
            token,
        })
    }

    /// Makes the retired domain frozen again, until a deadline as for [`Cap::freeze`].
    ///
    /// # Errors
    /// What `DomainUnretire` says: [`Error::WrongState`] if it is not retired.
    pub fn unretire(self, deadline_ns: u64) -> Result<Freeze, Error> {
        let (version, token) = invoke(DomainUnretire {
            domain: self.slot(),
            deadline: deadline_ns,
        })?;
        Ok(Freeze { version, token })
    }

    /// Sets the domain's clock to the machine's plus `offset_ns`; returns the machine's time.
    ///
    /// # Errors
    /// What `DomainClock` says.
    pub fn set_clock(self, offset_ns: i64) -> Result<u64, Error> {
        invoke(DomainClock {
            domain: self.slot(),
            offset: offset_ns,
        })
    }

    /// Reads a thread of the frozen domain.
    ///
    /// # Errors
    /// What `DomainReadThread` says.
    pub fn read_thread(self, thread: ObjectId) -> Result<ThreadState, Error> {
        invoke(DomainReadThread {
            domain: self.slot(),
            thread,
        })?;
        Ok(read_state())
    }

    /// Copies some of the wanted pages to pages of `into`, from `into_page` on.
    ///
    /// # Errors
    /// What `DomainReadPages` says.
    pub fn read_pages(
        self,
        wanted: WantedPages,
        into: Cap<Memory>,
        into_page: PageCount,
    ) -> Result<CopiedPages, Error> {
        let (remaining, data, zero) = invoke(DomainReadPages {
            domain: self.slot(),
            memory: wanted.memory,
            log: wanted.log,
            first_page: wanted.first_page,
            wanted: wanted.mask,
            into: into.slot(),
            into_page,
        })?;
        Ok(CopiedPages {
            remaining,
            data,
            zero,
        })
    }

    /// Takes over the dirty log of one of the domain's Memories; returns its token.
    ///
    /// # Errors
    /// What `DomainBeginLog` says.
    pub fn begin_log(self, memory: ObjectId) -> Result<u64, Error> {
        invoke(DomainBeginLog {
            domain: self.slot(),
            memory,
        })
    }

    /// Maps one of the domain's Memories read-only into another domain.
    ///
    /// # Errors
    /// What `DomainMapCaptured` says.
    pub fn map_captured(
        self,
        memory: ObjectId,
        into: Cap<Domain>,
        address: UserAddress,
    ) -> Result<(), Error> {
        invoke(DomainMapCaptured {
            domain: self.slot(),
            memory,
            into: into.slot(),
            address,
        })
    }

    /// Reads which pages of one of the domain's Memories are present, of at most `page_count`.
    ///
    /// # Errors
    /// What `DomainPages` says.
    pub fn present_pages(
        self,
        memory: ObjectId,
        first_page: PageCount,
        page_count: PageCount,
    ) -> Result<PageBitmap, Error> {
        self.page_set(memory, 0, first_page, page_count, PageSet::Present)
    }

    /// Reads which pages of one of the domain's Memories are dirty in the log with this token, of at most `page_count`.
    /// They count as clean from then on.
    ///
    /// # Errors
    /// What `DomainPages` says.
    pub fn take_dirty_pages(
        self,
        memory: ObjectId,
        log: u64,
        first_page: PageCount,
        page_count: PageCount,
    ) -> Result<PageBitmap, Error> {
        self.page_set(memory, log, first_page, page_count, PageSet::Dirty)
    }

    fn page_set(
        self,
        memory: ObjectId,
        log: u64,
        first_page: PageCount,
        page_count: PageCount,
        which: PageSet,
    ) -> Result<PageBitmap, Error> {
        let page_count = invoke(DomainPages {
            domain: self.slot(),
            memory,
            log,
            first_page,
            page_count,
            which,
        })?;
        let mut bits = [0; DATA_BYTES];
        buffer::read_data(&mut bits[..(page_count as usize).div_ceil(8).min(DATA_BYTES)]);
        Ok(PageBitmap {
            first_page,
            page_count: PageCount(page_count),
            bits,
        })
    }
}

fn record(bytes: &[u8]) -> RecordWords {
    let mut words = [0; RECORD_WORDS];
    for (word, chunk) in words.iter_mut().zip(bytes.chunks_exact(8)) {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(chunk);
        *word = u64::from_le_bytes(bytes);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bitmap_lists_its_pages_and_no_bits_beyond_them() {
        let mut bits = [0; DATA_BYTES];
        bits[0] = 0b1000_0001;
        bits[1] = 0b0000_0110;
        let bitmap = PageBitmap {
            first_page: PageCount(512),
            page_count: PageCount(10),
            bits,
        };
        let pages: std::vec::Vec<u64> = bitmap.pages().map(|page| page.0).collect();
        assert_eq!(pages, [512, 519, 521]);
        assert_eq!(bitmap.bits().len(), 2);
    }

    #[test]
    fn records_are_little_endian_words() {
        let mut bytes = [0; RECORD_WORDS * 8];
        bytes[0] = 1;
        bytes[57] = 2;
        assert_eq!(record(&bytes), [1, 0, 0, 0, 0, 0, 0, 0x200]);
    }
}
