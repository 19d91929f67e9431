//! The counter of the test machines: its addresses, and options to probe it.

use std::net::{Ipv4Addr, SocketAddr};

use crate::MacAddress;
use crate::prober::{Heap, Options};

/// Its IP address.
pub const IP: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 20);
/// Its Ethernet address.
pub const MAC: MacAddress = MacAddress([0x52, 0x54, 0x00, 0x4d, 0x00, 0x14]);
/// The UDP and TCP port of its service.
pub const PORT: u16 = 7000;

/// The line that it logs once it serves.
pub const READY: &str = "[counter] counter: ready";

/// The heap of the counter in the manifests for users.
pub const LARGE: Heap = Heap {
    mib: 64,
    working_mib: 4,
};
/// The heap of the counter in the manifests `wws16-a` and `whole-wws16`.
pub const BUSY: Heap = Heap {
    mib: 64,
    working_mib: 16,
};
/// The heap of the counter in the manifests `idle-a` and `whole-idle`.
pub const IDLE: Heap = Heap {
    mib: 4,
    working_mib: 1,
};
/// The heap of the counter in the manifests `big-a` and `whole-big`.
pub const BIG: Heap = Heap {
    mib: 1000,
    working_mib: 1,
};
/// The heap of the counter in the manifest `usual-a`.
pub const USUAL: Heap = Heap {
    mib: 16,
    working_mib: 1,
};
/// The heap of the counter in the manifests with migration servers that can be held.
pub const SMALL: Heap = Heap {
    mib: 2,
    working_mib: 1,
};

/// The number of pages that it dirties per second, unless its manifest sets another number.
pub const PAGES_PER_SECOND: u64 = 500;

/// Options to probe a counter with this heap, otherwise as [`Options::new`].
pub fn options(heap: Heap) -> Options {
    Options {
        heap,
        ..Options::new(SocketAddr::from((IP, PORT)))
    }
}
