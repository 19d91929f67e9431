//! The types of values in registers.
//!
//! A register's content is not trusted. [`Register::from_register`] checks its range and converts it into a typed value.

use crate::page_set::PageSet;
use crate::record::{Held, List};
use crate::{Error, MessageInfo, Rights, numbered};

/// The number of registers that carry arguments, and results.
pub const REGISTER_COUNT: usize = 8;

/// The argument or result registers, in order: RDI RSI RDX R10 R8 R9 R12 R13.
pub type Registers = [u64; REGISTER_COUNT];

/// A value that fits one register.
pub trait Register: Sized {
    /// Decodes the value; fails if it is out of range.
    fn from_register(register: u64) -> Result<Self, Error>;
    /// Encodes the value.
    fn to_register(&self) -> u64;
}

impl Register for u64 {
    fn from_register(register: u64) -> Result<Self, Error> {
        Ok(register)
    }
    fn to_register(&self) -> u64 {
        *self
    }
}

macro_rules! narrow {
    ($($type:ty),*) => {$(
        impl Register for $type {
            fn from_register(register: u64) -> Result<Self, Error> {
                Self::try_from(register).map_err(|_| Error::ArgumentRange)
            }
            fn to_register(&self) -> u64 {
                u64::from(*self)
            }
        }
    )*};
}
narrow!(u8, u16, u32);

impl Register for i64 {
    fn from_register(register: u64) -> Result<Self, Error> {
        Ok(register.cast_signed())
    }
    fn to_register(&self) -> u64 {
        self.cast_unsigned()
    }
}

impl Register for Rights {
    fn from_register(register: u64) -> Result<Self, Error> {
        u16::from_register(register).map(Rights)
    }
    fn to_register(&self) -> u64 {
        u64::from(self.0)
    }
}

impl Register for MessageInfo {
    fn from_register(register: u64) -> Result<Self, Error> {
        MessageInfo::try_from_bits(register)
    }
    fn to_register(&self) -> u64 {
        self.bits()
    }
}

/// A slot in the caller's capability table. It need not exist. An `Option<Slot>` travels as [`Slot::NONE`] if there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(transparent)]
pub struct Slot(pub u32);

impl Slot {
    /// The number that encodes "no slot".
    pub const NONE: Slot = Slot(u32::MAX);
}

impl Register for Slot {
    fn from_register(register: u64) -> Result<Self, Error> {
        u32::from_register(register).map(Slot)
    }
    fn to_register(&self) -> u64 {
        u64::from(self.0)
    }
}

impl Register for Option<Slot> {
    fn from_register(register: u64) -> Result<Self, Error> {
        Slot::from_register(register).map(|slot| (slot != Slot::NONE).then_some(slot))
    }
    fn to_register(&self) -> u64 {
        self.unwrap_or(Slot::NONE).to_register()
    }
}

/// A number of pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
#[repr(transparent)]
pub struct PageCount(pub u64);

impl Register for PageCount {
    fn from_register(register: u64) -> Result<Self, Error> {
        (register <= crate::USER_END / crate::PAGE_BYTES)
            .then_some(PageCount(register))
            .ok_or(Error::ArgumentRange)
    }
    fn to_register(&self) -> u64 {
        self.0
    }
}

/// The index of a page inside a Memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
#[repr(transparent)]
pub struct PageIndex(pub u64);

impl Register for PageIndex {
    fn from_register(register: u64) -> Result<Self, Error> {
        PageCount::from_register(register).map(|count| PageIndex(count.0))
    }
    fn to_register(&self) -> u64 {
        self.0
    }
}

/// An address in a domain. It need not be mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
#[repr(transparent)]
pub struct UserAddress(pub u64);

impl Register for UserAddress {
    fn from_register(register: u64) -> Result<Self, Error> {
        (register < crate::USER_END)
            .then_some(UserAddress(register))
            .ok_or(Error::ArgumentRange)
    }
    fn to_register(&self) -> u64 {
        self.0
    }
}

/// A kernel object's identity: never reused while the machine runs, meaningless on other machines, and in no order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
#[repr(transparent)]
pub struct ObjectId(pub u64);

impl Register for ObjectId {
    fn from_register(register: u64) -> Result<Self, Error> {
        Ok(ObjectId(register))
    }
    fn to_register(&self) -> u64 {
        self.0
    }
}

numbered! {
    /// The access that a mapping permits. Reading is always permitted.
    pub enum Access: u8 {
        /// Read only.
        Read = 0,
        /// Read and write.
        ReadWrite = 1,
        /// Read and execute.
        ReadExecute = 2,
    }
}

numbered! {
    /// The width of an access to a port.
    pub enum Width: u8 {
        /// One byte.
        Byte = 1,
        /// Two bytes.
        Word = 2,
        /// Four bytes.
        Long = 4,
    }
}

macro_rules! numbers {
    ($($type:ty),*) => {$(
        impl Register for $type {
            fn from_register(register: u64) -> Result<Self, Error> {
                let number = register.try_into().ok();
                number.and_then(Self::from_number).ok_or(Error::ArgumentRange)
            }
            fn to_register(&self) -> u64 {
                *self as u64
            }
        }
    )*};
}
numbers!(Access, Width, List, Held, PageSet);
