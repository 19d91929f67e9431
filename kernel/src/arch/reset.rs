//! How a machine is restarted: the mechanisms, in the order in which they are tried ([`mechanisms`]).

/// A register whose writing restarts the machine, and the value to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reset {
    /// The register, of one byte.
    pub(super) register: Register,
    /// The byte to write.
    pub(super) value: u8,
}

/// The place of a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Register {
    /// An I/O port.
    Port(u16),
    /// A physical address.
    Memory(u64),
    /// In the configuration space of a function on PCI bus 0.
    Configuration {
        /// 0 to 31.
        device: u8,
        /// 0 to 7.
        function: u8,
        /// In bytes.
        offset: u8,
    },
}

/// A way to restart a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mechanism {
    /// The register that ACPI's FADT names. The firmware's authors have chosen it for this machine, so it is the first.
    Firmware(Reset),
    /// The reset control register of Intel's chipsets, which most others copy: at the port 0xcf9 (Intel ICH9 datasheet, 13.7.5).
    Chipset,
    /// The keyboard controller, whose output 0 is the processor's reset line (IBM PC AT Technical Reference, "keyboard controller":
    /// command 0xfe). Firmware may emulate it.
    KeyboardController,
    /// A fault while the processor delivers a double fault: the processor shuts down, and the chipset then resets it (Intel SDM,
    /// volume 3, 6.15, "double fault exception"). It needs nothing but the processor.
    TripleFault,
}

/// The mechanisms to try, one after the other, for a machine whose FADT names this register.
pub(super) fn mechanisms(firmware: Option<Reset>) -> impl Iterator<Item = Mechanism> {
    let firmware = firmware.map(Mechanism::Firmware);
    firmware.into_iter().chain([
        Mechanism::Chipset,
        Mechanism::KeyboardController,
        Mechanism::TripleFault,
    ])
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::vec::Vec;

    #[test]
    fn firmwares_register_is_tried_first_and_a_fault_last() {
        let reset = Reset {
            register: Register::Port(0xcf9),
            value: 0xf,
        };
        let with: Vec<Mechanism> = mechanisms(Some(reset)).collect();
        assert_eq!(with[0], Mechanism::Firmware(reset));
        assert_eq!(with.last(), Some(&Mechanism::TripleFault));
        let without: Vec<Mechanism> = mechanisms(None).collect();
        assert_eq!(without, with[1..]);
    }
}
