//! What another kernel takes for the same, measured in the same way, so that every figure stands beside its peer's.
//!
//! seL4, master of August 2026: gcc 12 -O2, fast path on, no defence against Meltdown, PCID and IOMMU off, no debugging.
//! Between threads of equal priority in different address spaces, the user side included, in QEMU 10.0.2.

/// The kernel of [`value`].
pub const NAME: &str = "seL4";

/// The figures, in the units of ours.
const VALUES: &[(&str, u64)] = &[
    ("syscall.null", 85),
    ("ipc.call_reply.0", 425),
    ("ipc.call_reply.4", 467),
    ("ipc.call_reply.64", 2_239),
    ("ipc.call_reply.0.vectors", 453),
    ("notification.signal_nobody", 385),
    ("notification.wait_signalled", 248),
    ("notification.wake_round_trip", 951),
    ("yield.round_trip", 519),
    ("fault.page", 2_029),
    ("fault.exception", 1_271),
    ("map.page", 768),
    ("unmap.page", 622),
    ("object.create.memory_page", 933),
    ("object.create.thread", 3_829),
    ("object.create.endpoint", 918),
    ("capability.copy", 870),
    ("capability.mint", 893),
    ("capability.move", 740),
    ("capability.delete", 720),
    ("capability.revoke_1000", 257_005),
    ("destroy.1000_endpoints", 348_047),
    ("destroy.1000_pages", 384_049),
    ("boot.kernel_to_user_without_waits", 3_280_000),
    ("size.kernel_text_bytes", 108 << 10),
];

/// The peer's value, where it has the same thing.
pub fn value(figure: &str) -> Option<u64> {
    let mut values = VALUES.iter();
    values
        .find(|(name, _)| *name == figure)
        .map(|(_, value)| *value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_without_a_peer_has_none() {
        assert_eq!(value("ipc.call_reply.0"), Some(425));
        assert_eq!(value("domain.freeze.64_mib"), None);
    }

    #[test]
    fn each_figure_is_listed_once() {
        for (index, (name, _)) in VALUES.iter().enumerate() {
            assert!(VALUES[..index].iter().all(|(other, _)| other != name));
        }
    }
}
