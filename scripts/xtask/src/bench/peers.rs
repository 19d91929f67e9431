//! Figures of other systems for comparison with the benchmark: seL4, and the live migration of QEMU.
//!
//! seL4 is the master branch of August 2026: gcc 12 -O2, with the fast path, without Meltdown mitigation, PCID, IOMMU and
//! debugging. Its figures are for threads of equal priority in different address spaces, in QEMU 10.0.2. They include the
//! instructions of the user threads.
//!
//! The live migration is that of QEMU 10.0.2, with a downtime limit of 10 ms and our workload in a Linux guest of 144 MiB. It
//! runs between two QEMU processes on one host, over a bridge limited to 1 Gbit/s. Its times depend on that host, so only its bytes are
//! here: the benchmark of migration measures the times of QEMU's mover itself.
//!
//! The benchmark of networking measures Redis on Linux itself.

/// Figures of the live migration, in our units.
const MIGRATION: &[(&str, f64)] = &[
    ("migration.wire_overhead.wws.first.median", 1.004),
    ("migration.wire_overhead.wws.return.median", 1.004),
];

/// Figures of the kernel, in our units.
const KERNEL: &[(&str, u64)] = &[
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

/// The other system for which this figure is known, and its value there.
pub fn of(figure: &str) -> Option<(&'static str, f64)> {
    let kernel = KERNEL
        .iter()
        .map(|(name, value)| (*name, "seL4", *value as f64));
    let migration = MIGRATION
        .iter()
        .map(|(name, value)| (*name, "QEMU", *value));
    let mut all = kernel.chain(migration);
    let found = all.find(|(name, ..)| *name == figure);
    found.map(|(_, peer, value)| (peer, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_without_a_peer_has_none() {
        assert_eq!(of("ipc.call_reply.0"), Some(("seL4", 425.0)));
        let overhead = of("migration.wire_overhead.wws.first.median");
        assert_eq!(overhead, Some(("QEMU", 1.004)));
        assert_eq!(of("migration.gap_ms.wws.first.median"), None);
        assert_eq!(of("domain.freeze.64_mib"), None);
    }

    #[test]
    fn each_figure_is_listed_once() {
        for (index, (name, _)) in KERNEL.iter().enumerate() {
            assert!(KERNEL[..index].iter().all(|(other, _)| other != name));
        }
    }
}
