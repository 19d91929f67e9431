//! The moved services and the machines between which they move: [`WORKLOADS`].

use harness::machine::Options;
use harness::qemu_migration::Setup;
use harness::{Fleet, counter};

use crate::service::Service;

/// A service that is moved.
pub struct Workload {
    pub name: &'static str,
    pub service: Service,
    /// The machines between which it is moved.
    pub fleet: fn() -> Fleet,
    /// The machine with the same service that QEMU moves.
    pub whole: Whole,
    /// Whether a stranger sends datagrams to both migration servers.
    pub has_flood: bool,
}

/// A machine that QEMU moves. All workloads of one service have the same.
#[derive(Clone, Copy)]
pub struct Whole {
    /// The name of its figures.
    pub name: &'static str,
    archive: &'static str,
    memory_mib: u32,
}

impl Workload {
    /// The machine that QEMU moves.
    pub fn setup(&self) -> Setup {
        Setup {
            archive: self.whole.archive,
            memory_mib: self.whole.memory_mib,
            nic: self.service.mac(),
            ready: self.service.ready(),
        }
    }
}

const WWS: Whole = whole("wws", "whole", 148);

/// All workloads.
pub const WORKLOADS: [Workload; 8] = [
    Workload {
        name: "wws",
        service: Service::Counter(counter::LARGE),
        fleet: Fleet::start_shown,
        whole: WWS,
        has_flood: false,
    },
    Workload {
        name: "wws.mtu9000",
        service: Service::Counter(counter::LARGE),
        fleet: Fleet::start_jumbo,
        whole: WWS,
        has_flood: false,
    },
    Workload {
        name: "wws.mtu65000",
        service: Service::Counter(counter::LARGE),
        fleet: || Fleet::start_largest("largest-a", with_largest_mtu),
        whole: WWS,
        has_flood: false,
    },
    Workload {
        name: "wws16",
        service: Service::Counter(counter::BUSY),
        fleet: || Fleet::start_largest("wws16-a", with_largest_mtu),
        whole: whole("wws16", "whole-wws16", 148),
        has_flood: false,
    },
    Workload {
        name: "idle",
        service: Service::Counter(counter::IDLE),
        fleet: || Fleet::start_largest("idle-a", with_largest_mtu),
        whole: whole("idle", "whole-idle", 80),
        has_flood: false,
    },
    Workload {
        name: "big",
        service: Service::Counter(counter::BIG),
        fleet: || Fleet::start_largest("big-a", |it| with_largest_mtu(it).memory_mib(1536)),
        whole: whole("big", "whole-big", 1088),
        has_flood: false,
    },
    Workload {
        name: "wws.flood",
        service: Service::Counter(counter::LARGE),
        fleet: || Fleet::start_largest("largest-a", with_largest_mtu),
        whole: WWS,
        has_flood: true,
    },
    Workload {
        name: "kv",
        service: Service::Store,
        fleet: start_store,
        whole: whole("kv", "whole-store", 164),
        has_flood: false,
    },
];

const fn whole(name: &'static str, archive: &'static str, memory_mib: u32) -> Whole {
    Whole {
        name,
        archive,
        memory_mib,
    }
}

/// Starts the machines between which the store moves.
pub fn start_store() -> Fleet {
    Fleet::start_largest("store-a", with_largest_mtu)
}

/// A NIC that offers the largest MTU.
pub fn with_largest_mtu(options: Options) -> Options {
    options.host_mtu(65_000)
}
