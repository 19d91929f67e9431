//! Pages of a domain's Memories: present, dirty, copied, granted.

use abi::Error;
use abi::calls::{
    DomainBeginLog, DomainGrantPages, DomainMapCaptured, DomainPages, DomainReadPages, PageSet,
};
use abi::message::DATA_BYTES;
use abi::register::{ObjectId, PageCount, PageIndex, UserAddress};

use crate::buffer;
use crate::capability::{Cap, Domain, Memory};
use crate::system_call::invoke;

/// A bitmap of consecutive pages of a Memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageBitmap {
    /// The page of the first bit.
    pub first_page: PageIndex,
    /// The number of pages.
    pub page_count: PageCount,
    bits: [u8; DATA_BYTES],
}

impl PageBitmap {
    /// The pages with a set bit, in order.
    pub fn pages(&self) -> impl Iterator<Item = PageIndex> + '_ {
        let count = (self.page_count.0 as usize).min(DATA_BYTES * 8);
        (0..count)
            .filter(|index| self.bits[index / 8] & 1 << (index % 8) != 0)
            .map(|index| PageIndex(self.first_page.0 + index as u64))
    }

    /// The bits; bit 0 of byte 0 is the first page.
    pub fn bits(&self) -> &[u8] {
        &self.bits[..(self.page_count.0 as usize).div_ceil(8).min(DATA_BYTES)]
    }
}

/// Pages of a Memory to be copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WantedPages {
    /// The Memory.
    pub memory: ObjectId,
    /// The token of its dirty log, in which copied pages become clean; zero leaves the log unchanged.
    pub log: u64,
    /// The page of the mask's first bit, a multiple of 64.
    pub first_page: PageIndex,
    /// The pages, one bit each.
    pub mask: u64,
}

/// The result of copying pages: masks like that of [`WantedPages`]. A page in none of them is absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CopiedPages {
    /// Not read yet.
    pub remaining: u64,
    /// Copied, one after the other.
    pub data: u64,
    /// All zeros, and not copied.
    pub zero: u64,
}

impl Cap<Domain> {
    /// Copies some of the wanted pages to pages of `into`, from `into_page` on.
    ///
    /// # Errors
    /// The error of `DomainReadPages`.
    pub fn read_pages(
        self,
        wanted: WantedPages,
        into: Cap<Memory>,
        into_page: PageIndex,
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
    /// The error of `DomainBeginLog`.
    pub fn begin_log(self, memory: ObjectId) -> Result<u64, Error> {
        invoke(DomainBeginLog {
            domain: self.slot(),
            memory,
        })
    }

    /// Maps one of the domain's Memories read-only into another domain.
    ///
    /// # Errors
    /// The error of `DomainMapCaptured`.
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

    /// Moves pages of one of the retired domain's Memories, with their frames, to the same positions of a Memory of another pool;
    /// returns the number of pages moved. Pages that the target has already stay in the domain. After an error, a part of the
    /// pages may have been moved. A domain that has lost a page cannot be made frozen again.
    ///
    /// # Errors
    /// The error of `DomainGrantPages`: [`Error::WrongState`] unless the domain is retired and both Memories are ordinary ones,
    /// [`Error::ArgumentRange`] unless both have these pages, [`Error::Gone`] for a target in a retired domain's pool, and
    /// [`Error::PoolEmpty`] if the target's pool cannot pay for them.
    pub fn grant_pages(
        self,
        memory: ObjectId,
        target: Cap<Memory>,
        first_page: PageIndex,
        page_count: PageCount,
    ) -> Result<PageCount, Error> {
        invoke(DomainGrantPages {
            domain: self.slot(),
            memory,
            target: target.slot(),
            first_page,
            page_count,
            progress: 0,
        })
        .map(PageCount)
    }

    /// Lists the present pages of one of the domain's Memories, out of at most `page_count` from `first_page` on.
    ///
    /// # Errors
    /// The error of `DomainPages`.
    pub fn present_pages(
        self,
        memory: ObjectId,
        first_page: PageIndex,
        page_count: PageCount,
    ) -> Result<PageBitmap, Error> {
        self.page_set(memory, 0, first_page, page_count, PageSet::Present)
    }

    /// Takes the dirty pages of one of the domain's Memories, out of at most `page_count` from `first_page` on, from the log with
    /// this token. The taken pages become clean.
    ///
    /// # Errors
    /// The error of `DomainPages`.
    pub fn take_dirty_pages(
        self,
        memory: ObjectId,
        log: u64,
        first_page: PageIndex,
        page_count: PageCount,
    ) -> Result<PageBitmap, Error> {
        self.page_set(memory, log, first_page, page_count, PageSet::Dirty)
    }

    fn page_set(
        self,
        memory: ObjectId,
        log: u64,
        first_page: PageIndex,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bitmap_lists_only_its_own_pages() {
        let mut bits = [0; DATA_BYTES];
        bits[0] = 0b1000_0001;
        bits[1] = 0b0000_0110;
        let bitmap = PageBitmap {
            first_page: PageIndex(512),
            page_count: PageCount(10),
            bits,
        };
        let pages: std::vec::Vec<u64> = bitmap.pages().map(|page| page.0).collect();
        assert_eq!(pages, [512, 519, 521]);
        assert_eq!(bitmap.bits().len(), 2);
    }
}
