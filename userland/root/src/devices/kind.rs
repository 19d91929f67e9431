//! The kinds of devices in a manifest, by PCI identity: a new driver's device is added here.

use manifest::DeviceKind;

use super::function::Identity;

const VIRTIO: u16 = 0x1af4;
/// A modern network device, and a transitional one that also supports the legacy interface.
const VIRTIO_NET: [u16; 2] = [0x1041, 0x1000];

/// Whether a function with this identity is of this kind.
pub fn matches(identity: Identity, kind: DeviceKind) -> bool {
    match kind {
        DeviceKind::VirtioNet => identity.vendor == VIRTIO && VIRTIO_NET.contains(&identity.device),
    }
}
