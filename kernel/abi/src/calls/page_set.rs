//! [`PageSet`], an argument of `DomainPages`.

use crate::Error;
use crate::register::Register;

/// The set of a Memory's pages that a bitmap shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum PageSet {
    /// The present pages.
    Present = 0,
    /// The pages that were written since they were last marked clean, and new pages. Reading the set marks them clean.
    Dirty = 1,
}

impl Register for PageSet {
    fn from_register(register: u64) -> Result<Self, Error> {
        match register {
            0 => Ok(PageSet::Present),
            1 => Ok(PageSet::Dirty),
            _ => Err(Error::ArgumentRange),
        }
    }
    fn to_register(&self) -> u64 {
        *self as u64
    }
}
