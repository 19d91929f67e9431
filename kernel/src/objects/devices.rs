//! The authority over all devices, [`Hardware`], and a range of I/O ports, [`IoPorts`]. A device's interrupt has its own file.

use abi::Error;
use capabilities::Place;

use super::{Header, Object, Pool, create};
use crate::kernel::Kernel;
use crate::memory::Ref;

/// The authority over all devices. There is one such object, which root holds.
pub struct Hardware {
    pub header: Header,
}

/// A range of I/O ports.
pub struct IoPorts {
    pub header: Header,
    pub first: u16,
    pub last: u16,
}

/// Creates the Hardware.
///
/// # Errors
/// [`Error::OccupiedSlot`], [`Error::PoolEmpty`].
pub fn create_hardware(
    kernel: &Kernel,
    pool: Ref<Pool>,
    into: Place,
) -> Result<Ref<Hardware>, Error> {
    let make = |header, _| Hardware { header };
    create(kernel, pool, into, Object::Hardware, make)
}

/// Creates the range of the ports from `first` to `last`.
///
/// # Errors
/// [`Error::OccupiedSlot`], [`Error::PoolEmpty`].
pub fn create_ports(
    kernel: &Kernel,
    pool: Ref<Pool>,
    [first, last]: [u16; 2],
    into: Place,
) -> Result<Ref<IoPorts>, Error> {
    let make = |header, _| IoPorts {
        header,
        first,
        last,
    };
    create(kernel, pool, into, Object::IoPorts, make)
}
