//! The pages of a fake domain: [`Memory`]. A page is absent, or has content; a page that was populated is zero.

use std::convert::Infallible;

use nomad_shell::arriving_pages::Pages;

/// The content of a page; `None` if it is absent.
pub type Page = Option<u64>;

/// The content of a page that is all zeros.
pub const ZERO: Page = Some(0);

/// The pages of a domain.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Memory {
    pages: Vec<Page>,
}

/// A use that a domain makes of one of its pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageUse {
    /// It writes the page. An absent page becomes present.
    Write,
    /// It fills the page with zeros.
    Clear,
    /// It populates the page. A page that is present keeps its content.
    Populate,
    /// It discards the page.
    Discard,
}

impl PageUse {
    /// The use with this number, modulo the number of uses. Most are writes.
    pub fn of_number(number: u64) -> PageUse {
        match number % 8 {
            0 => PageUse::Discard,
            1 => PageUse::Populate,
            2 => PageUse::Clear,
            _ => PageUse::Write,
        }
    }
}

impl Memory {
    /// Pages that are all zeros.
    pub fn populated(count: usize) -> Memory {
        Memory {
            pages: vec![ZERO; count],
        }
    }

    /// Pages that are all absent.
    pub fn absent(count: usize) -> Memory {
        Memory {
            pages: vec![None; count],
        }
    }

    /// The number of pages, present or not.
    pub fn page_count(&self) -> usize {
        self.pages.len()
    }

    /// A page.
    pub fn get(&self, page: usize) -> Page {
        self.pages[page]
    }

    /// Writes an arriving page.
    ///
    /// # Panics
    /// If the page is absent. On a machine the migration server would fault.
    pub fn write(&mut self, page: usize, content: u64) {
        *self.present_page(page) = content;
    }

    fn present_page(&mut self, page: usize) -> &mut u64 {
        let present = self.pages[page].as_mut();
        present.unwrap_or_else(|| panic!("page {page} is written although it is absent"))
    }

    /// The numbers of the pages that are present.
    pub fn present(&self) -> impl Iterator<Item = usize> {
        let pages = self.pages.iter().enumerate();
        pages.filter_map(|(number, page)| page.map(|_| number))
    }

    /// Makes a use of a page. A write writes `content`. Returns whether the page is dirty afterwards; `None` if that has not
    /// changed. A new page is dirty, and an absent one is not.
    pub fn apply(&mut self, page: usize, page_use: PageUse, content: u64) -> Option<bool> {
        let before = self.pages[page];
        let (after, is_dirty) = match page_use {
            PageUse::Write => (Some(content), Some(true)),
            PageUse::Clear => (ZERO, Some(true)),
            PageUse::Populate => (before.or(ZERO), before.is_none().then_some(true)),
            PageUse::Discard => (None, Some(false)),
        };
        self.pages[page] = after;
        is_dirty
    }
}

impl Pages for Memory {
    type Error = Infallible;

    fn populate(&mut self, first: u64, count: u64) -> Result<(), Infallible> {
        for page in &mut self.pages[first as usize..(first + count) as usize] {
            *page = page.or(ZERO);
        }
        Ok(())
    }

    fn discard(&mut self, first: u64, count: u64) -> Result<(), Infallible> {
        self.pages[first as usize..(first + count) as usize].fill(None);
        Ok(())
    }

    fn clear(&mut self, page: u64) {
        *self.present_page(page as usize) = 0;
    }
}
