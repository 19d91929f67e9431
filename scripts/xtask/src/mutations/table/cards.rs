//! Faults in the drivers of network cards.

use crate::mutations::Finder::{self, Host};
use crate::mutations::Mutation;

const VIRTIO: Finder = Host("virtio-net", "");
const PACE: Finder = Host("nic", "pace");
const DRIVER: Finder = Host("nic", "driver");
const BUS: Finder = Host("root", "devices");
const MASTERING: Finder = Host("root", "device");

mutations! {
    "unread-events" in "userland/drivers/virtio-net/src/virtio_net.rs":
        "has_unread: true," => "has_unread: false,";
        "a link that is lost while a frame is in the ring stays up for the driver"; VIRTIO;
    "used-beyond-lent" in "userland/drivers/virtio-net/src/queue.rs":
        "if used > self.published.wrapping_sub(self.taken) {" => "if false {";
        "a card that skips entries of the used ring delivers old frames again"; VIRTIO;
    "longer-than-buffer" in "userland/drivers/virtio-net/src/virtio_net.rs":
        "if bytes > self.receive.frame_bytes() {" => "if false {";
        "a driver goes on with a card that reports writes beyond its buffers"; VIRTIO;
    "torn-address" in "userland/drivers/virtio-net/src/device.rs":
        "if self.common.read_byte(GENERATION) == before {" => "if true {";
        "a card's address is half of one and half of another"; VIRTIO;
    "hasty-reset" in "userland/drivers/virtio-net/src/device.rs":
        "if self.common.read_byte(STATUS) == 0 {" => "if true {";
        "a restarted driver sets a card up that is still being reset"; VIRTIO;
    "foreign-notification" in "userland/drivers/virtio-net/src/device.rs":
        "if !self.notify.has(offset, NOTIFY_BYTES) ||" => "if false &&";
        "a driver's panic in place of the reason why a card cannot be used"; VIRTIO;
    "busy-beyond-budget" in "userland/drivers/nic/src/pace.rs":
        "if self.remaining == Remaining::More && !is_due {" => "if self.remaining == Remaining::More && !is_due && !has_interrupt {";
        "a card with endless invalid frames keeps all other domains from running"; PACE;
    "events-are-frames" in "userland/drivers/nic/src/driver.rs":
        "self.pace.record(acknowledged, has_moved, remaining);" => "self.pace.record(acknowledged, has_moved || acknowledged, remaining);";
        "a card that reports its link with every interrupt keeps all other domains from running"; DRIVER;
    "nothing-remains" in "userland/drivers/nic/src/driver.rs":
        "self.pace.record(acknowledged, has_moved, remaining);" => "self.pace.record(acknowledged, has_moved, crate::pace::Remaining::Nothing);";
        "the driver of a card with more frames than its budget gives no other domain a turn"; DRIVER;
    "buffers-that-overlap" in "userland/drivers/virtio-net/src/virtio_net.rs":
        "let bytes = self.receive.frame_bytes();\n" => "let bytes = self.receive.layout.slot_bytes();\n";
        "a card writes beyond the buffers that the driver has lent"; VIRTIO;

    // When a card may master the bus.
    "master-at-start" in "userland/root/src/start.rs":
        "from.devices.enable_messages(function, parts);" => "from.devices.enable_messages(function, parts);\n        from.devices.let_master(function);";
        "a card that an earlier driver left running writes into memory that has another owner"; MASTERING;
    "master-after-the-end" in "userland/root/src/api/device.rs":
        "if domain.state != DomainState::Running {" => "if false {";
        "a card masters the bus although its driver has ended"; MASTERING;
    "master-before-reset" in "userland/drivers/nic/src/card.rs":
        "card.reset()?;\n    let_master()?;" => "let_master()?;\n    card.reset()?;";
        "a card masters the bus with the rings of an earlier driver"; Host("nic", "card");
    "foreign-pending-rings" in "userland/drivers/e1000/src/open.rs":
        "chipset::replace_rings(&self.registers, [&receive, &send]);" => "let _ = (receive, send);";
        "the rings of an earlier driver are emptied into memory that has another owner"; Host("e1000", "");

    // The search for functions on the bus.
    "zeros-as-function" in "userland/root/src/devices/function.rs":
        "!matches!(vendor, 0 | u16::MAX)" => "vendor != u16::MAX";
        "a machine that reads zeros where there is no function has thousands of them"; BUS;
    "mirrored-bus" in "userland/root/src/devices/bus.rs":
        "if is_known || self.is_mirror(bus) {" => "if is_known {";
        "a machine that repeats its first bus has each card many times"; BUS;
    "half-configured-bridge" in "userland/root/src/devices/bus.rs":
        "if address.bus < first {" => "if first <= last {";
        "a bridge without numbers hides the cards of further root buses, which go on writing to memory"; BUS;
    "all-system-parts" in "userland/root/src/devices/bus.rs":
        "matches!(kind, SYSTEM_INTERRUPTS | SYSTEM_IOMMU | SYSTEM_ERRORS)" => "true";
        "a memory card's host that the firmware used goes on writing to memory"; BUS;
    "wrapped-capability" in "userland/root/src/devices/capability.rs":
        "(id == wanted.id && fits)" => "(id == wanted.id && (fits || true))";
        "a card's reset is written to its command register"; BUS;
    "wrapped-message" in "userland/root/src/devices/messages.rs":
        "msi.filter(|msi| msi.fits(configuration))" => "msi.filter(|_| true)";
        "a card's interrupt message is written to its identity and its command register"; BUS;
    "placed-once" in "userland/root/src/devices/function.rs":
        "wait();\n            self.place(configuration, placed)" => "wait();\n            self.place(configuration, placed) || true";
        "a card that is ready late after its reset loses its registers"; BUS;
    "closed-bridge" in "userland/root/src/devices/path.rs":
        "if command & bits != bits {" => "if false {";
        "a card behind a bridge that firmware left closed moves no frame"; BUS;
    "opened-for-all" in "userland/root/src/devices/bus.rs":
        "if keeps_mastering(class) && self.is_reached(address)" => "if keeps_mastering(class)";
        "opening a bridge lets another device write where firmware told it to"; BUS;
    "left-asleep" in "userland/root/src/devices/power.rs":
        "if is_asleep {" => "if false {";
        "a card that firmware left asleep has no registers"; BUS;
    "touched-parts" in "userland/root/src/devices/function.rs":
        "if command & COMMAND_BUS_MASTER != 0 {" => "if true {";
        "registers of parts of the machine are written that only look like devices"; BUS;
}
