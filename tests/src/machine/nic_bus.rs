//! The bus on which a machine's network cards are, and QEMU's devices for it: [`NicBus`].

use super::options::Board;

/// The number of a machine's first root bus after bus 0, and the interval to the next one.
const FIRST_ROOT_BUS: usize = 0x40;
const ROOT_BUS_INTERVAL: usize = 0x10;

/// The bus on which a machine's network cards are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NicBus {
    /// The board's own: bus 0.
    Board,
    /// A PCI Express root port for each.
    RootPort,
    /// A PCI bus for each, behind a bridge at a root port.
    Bridge,
    /// A root bus for each, with a root port; or with a PCI bridge on a board without PCI Express.
    RootBus,
}

impl NicBus {
    /// The devices before the NIC with this number, and the NIC's property that names its bus.
    pub(super) fn of_nic(self, number: usize, board: Board) -> (Vec<String>, String) {
        let root_port = format!("pcie-root-port,id=root{number},chassis={number}");
        let root_bus = FIRST_ROOT_BUS + ROOT_BUS_INTERVAL * number;
        match (self, board) {
            (NicBus::Board, _) => (Vec::new(), String::new()),
            (NicBus::RootPort, _) => (vec![root_port], format!(",bus=root{number}")),
            (NicBus::Bridge, _) => {
                let bridge = format!("pcie-pci-bridge,id=bridge{number},bus=root{number}");
                (vec![root_port, bridge], format!(",bus=bridge{number}"))
            }
            // QEMU adds the bridge.
            (NicBus::RootBus, Board::Pc) => {
                let host = format!("pxb,id=host{number},bus_nr={root_bus}");
                (vec![host], format!(",bus=host{number}"))
            }
            (NicBus::RootBus, _) => {
                let host = format!("pxb-pcie,id=host{number},bus_nr={root_bus}");
                let root_port = format!("{root_port},bus=host{number}");
                (vec![host, root_port], format!(",bus=root{number}"))
            }
        }
    }
}
