//! The features that the driver accepts (virtio 1.2, 5.1.3 and 6): [`choose`].

use runtime::protocol::Mtu;

/// The NIC reports its MTU, and receives no longer frames.
pub const FEATURE_MTU: u64 = 1 << 3;
/// The NIC has an address of its own.
pub const FEATURE_MAC: u64 = 1 << 5;
/// It reports the state of its link.
pub const FEATURE_LINK: u64 = 1 << 16;
/// It implements version 1, whose layouts this driver uses.
pub const FEATURE_VERSION_1: u64 = 1 << 32;
/// Its addresses go through an IOMMU, if there is one.
pub const FEATURE_PLATFORM: u64 = 1 << 33;

/// The smallest MTU that a NIC may report.
const REPORTED_MTU_MIN: u16 = 68;

/// The result of the negotiation of features.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Negotiated {
    /// The accepted features.
    pub features: u64,
    /// The MTU of frames in both directions.
    pub mtu: u16,
}

/// Chooses among the offered features. The MTU is the smaller one of the MTUs of the port and of the NIC. A NIC without the
/// feature of an MTU has 1500. A driver that accepts the feature promises buffers for the NIC's own MTU.
pub fn choose(offered: u64, reported: impl FnOnce() -> u16, port: Mtu) -> Negotiated {
    let features = offered & (FEATURE_VERSION_1 | FEATURE_MAC | FEATURE_LINK | FEATURE_PLATFORM);
    let port = port.bytes() as u16;
    let reported = (offered & FEATURE_MTU != 0).then(reported);
    match reported.filter(|mtu| *mtu >= REPORTED_MTU_MIN) {
        None => Negotiated {
            features,
            mtu: Mtu::STANDARD.bytes() as u16,
        },
        Some(mtu) if mtu > port => Negotiated {
            features,
            mtu: port,
        },
        Some(mtu) => Negotiated {
            features: features | FEATURE_MTU,
            mtu,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mtu_is_the_smaller_one_of_the_ports_and_the_nics() {
        let base = FEATURE_VERSION_1 | FEATURE_MAC;
        let chosen = |offered, reported, port| {
            let port = Mtu::try_from(port).expect("an MTU");
            let Negotiated { features, mtu } = choose(offered, || reported, port);
            assert_eq!(features & !FEATURE_MTU, base);
            (features & FEATURE_MTU != 0, mtu)
        };
        let offered = base | FEATURE_MTU | 1 << 15;
        assert_eq!(chosen(offered, 65_000, 65_000), (true, 65_000));
        assert_eq!(chosen(offered, 9000, 65_000), (true, 9000));
        assert_eq!(chosen(offered, 1400, 1500), (true, 1400));
        assert_eq!(chosen(offered, 65_535, 9000), (false, 9000));
        assert_eq!(chosen(offered, 67, 9000), (false, 1500));
        assert_eq!(chosen(base, 9000, 9000), (false, 1500));
    }
}
