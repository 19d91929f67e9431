//! [`PageSet`], an argument of `DomainPages`.

use crate::Error;
use crate::register::Register;

/// Which of a Memory's pages a bitmap shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum PageSet {
    /// Those that are present.
    Present = 0,
    /// Those written since they last counted as clean; they count as clean from now on. A page that is new is dirty.
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
