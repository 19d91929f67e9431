//! The kinds of PCI functions (PCI Code and ID Assignment 1.11, 1).

use alloc::borrow::Cow;
use alloc::format;

/// The class of network cards.
pub const NETWORK: u8 = 0x02;

/// The kind of a function with this class, subclass and programming interface.
pub fn name((class, subclass, interface): (u8, u8, u8)) -> Cow<'static, str> {
    let name = match (class, subclass) {
        (0x01, 0x01) => "IDE controller",
        (0x01, 0x04) => "RAID controller",
        (0x01, 0x06) => "SATA controller",
        (0x01, 0x08) => "NVMe controller",
        (0x01, _) => "storage controller",
        (NETWORK, 0x00) => "Ethernet controller",
        (NETWORK, _) => "network controller",
        (0x03, 0x00) => "VGA controller",
        (0x03, _) => "display controller",
        (0x04, _) => "audio or video device",
        (0x05, _) => "memory controller",
        (0x06, 0x00) => "host bridge",
        (0x06, 0x01) => "ISA bridge",
        (0x06, 0x04) => "PCI bridge",
        (0x06, _) => "bridge",
        (0x07, 0x00) => "serial port",
        (0x07, _) => "communication controller",
        (0x08, 0x05) => "SD host controller",
        (0x08, _) => "system peripheral",
        (0x09, _) => "input device",
        (0x0b, _) => "processor",
        (0x0c, 0x03) => "USB controller",
        (0x0c, 0x05) => "SMBus controller",
        (0x0c, _) => "serial bus controller",
        (0x0d, _) => "wireless controller",
        (0x10, _) => "encryption controller",
        (0x11, _) => "signal processing controller",
        _ => return format!("function of class {class:02x}{subclass:02x}{interface:02x}").into(),
    };
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_has_a_name_or_its_numbers() {
        assert_eq!(name((2, 0, 0)), "Ethernet controller");
        assert_eq!(name((2, 0x80, 0)), "network controller");
        assert_eq!(name((0x0c, 3, 0x30)), "USB controller");
        assert_eq!(name((0, 0xff, 0)), "function of class 00ff00");
    }
}
