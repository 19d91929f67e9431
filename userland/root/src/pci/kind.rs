//! Which functions are devices of the kinds that a manifest names: a new driver's device is added here.

use manifest::DeviceKind;

use super::function::Identity;

const VIRTIO: u16 = 0x1af4;
/// A network card that speaks the modern protocol only, and one that speaks the old one too.
const VIRTIO_NET: [u16; 2] = [0x1041, 0x1000];

/// Whether a function is a device of this kind.
pub fn matches(identity: Identity, kind: DeviceKind) -> bool {
    match kind {
        DeviceKind::VirtioNet => identity.vendor == VIRTIO && VIRTIO_NET.contains(&identity.device),
    }
}
