//! A domain's device, and the drivers of such devices.

use serde::{Deserialize, Serialize};

/// A device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Device {
    /// The kind of device.
    pub kind: DeviceKind,
    /// Its index among the machine's devices of this kind that have a driver, in the order of the bus scan.
    #[serde(default)]
    pub index: u32,
}

/// The kinds of devices with drivers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeviceKind {
    /// A network card.
    Nic,
}

/// A driver: a program, and the devices that it operates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Driver {
    /// The name of the program, as in a domain's `image`.
    pub image: &'static str,
    /// The PCI vendor identifier of its devices.
    pub vendor: u16,
    /// Their device identifiers.
    pub devices: &'static [u16],
}

/// The drivers of network cards: a new driver is added here.
const NIC_DRIVERS: [Driver; 5] = [
    Driver {
        image: "virtio-net",
        vendor: 0x1af4,
        // A modern device, and a transitional one that also supports the legacy interface.
        devices: &[0x1041, 0x1000],
    },
    Driver {
        image: "e1000",
        vendor: 0x8086,
        // 82540EM, 82574L; I217 and I218; I219, to (12).
        devices: &[
            0x100e, 0x10d3, 0x153a, 0x153b, 0x15a0, 0x15a1, 0x155a, 0x1559, 0x15a2, 0x15a3, 0x156f,
            0x1570, 0x15b7, 0x15b8, 0x15b9, 0x15d7, 0x15d8, 0x15e3, 0x15d6, 0x15bd, 0x15be, 0x15bb,
            0x15bc, 0x15df, 0x15e0, 0x15e1, 0x15e2, 0x0d4e, 0x0d4f, 0x0d4c, 0x0d4d, 0x0d53, 0x0d55,
        ],
    },
    Driver {
        image: "igb",
        vendor: 0x8086,
        // 82576, I350, I210, I211; I225-LM, -V, -I, -IT, -K, -K2, I220-V; I226-LM, -V, -IT, -K, I221-V.
        devices: &[
            0x10c9, 0x1521, 0x1533, 0x1539, 0x15f2, 0x15f3, 0x15f8, 0x0d9f, 0x3100, 0x3101, 0x15f7,
            0x125b, 0x125c, 0x125d, 0x3102, 0x125e,
        ],
    },
    Driver {
        image: "realtek",
        vendor: 0x10ec,
        // 8139C+, 8168, 8125.
        devices: &[0x8139, 0x8168, 0x8125],
    },
    Driver {
        image: "vmxnet3",
        vendor: 0x15ad,
        devices: &[0x07b0],
    },
];

impl DeviceKind {
    /// The drivers of devices of this kind.
    pub fn drivers(self) -> &'static [Driver] {
        match self {
            DeviceKind::Nic => &NIC_DRIVERS,
        }
    }

    /// The driver of the device with these PCI identifiers, if it is of this kind and has one.
    pub fn driver(self, vendor: u16, device: u16) -> Option<&'static Driver> {
        let mut drivers = self.drivers().iter();
        drivers.find(|driver| driver.vendor == vendor && driver.devices.contains(&device))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_has_at_most_one_driver() {
        let nic = DeviceKind::Nic;
        for driver in nic.drivers() {
            for device in driver.devices {
                assert_eq!(nic.driver(driver.vendor, *device), Some(driver));
            }
        }
        assert_eq!(nic.driver(0x8086, 0x1572), None);
    }
}
