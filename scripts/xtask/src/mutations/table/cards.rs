//! Faults in the drivers of network cards.

use crate::mutations::Finder::{self, Host};
use crate::mutations::Mutation;

const VIRTIO: Finder = Host("virtio-net", "");
const PACE: Finder = Host("nic", "pace");

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
        "if has_interrupt && (is_storm || self.remaining == Remaining::More) {" => "if has_interrupt && is_storm {";
        "a card with endless invalid frames keeps all other domains from running"; PACE;
}
