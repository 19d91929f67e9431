//! The MTU of a port: [`Mtu`].

use core::fmt;

use serde::{Deserialize, Serialize};

/// The maximum transmission unit of a port: the bytes that a frame may have after its Ethernet header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Mtu(u16);

/// The number is not the MTU of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the MTU {0} is not {least} to {most}", least = Mtu::STANDARD, most = Mtu::MAX)]
pub struct MtuError(u32);

impl Mtu {
    /// The MTU of Ethernet: the default, and the smallest.
    pub const STANDARD: Mtu = Mtu(1500);
    /// The largest MTU.
    pub const MAX: Mtu = Mtu(65_000);

    /// The number of bytes.
    pub const fn bytes(self) -> usize {
        self.0 as usize
    }
}

impl Default for Mtu {
    fn default() -> Mtu {
        Mtu::STANDARD
    }
}

impl TryFrom<u32> for Mtu {
    type Error = MtuError;

    fn try_from(bytes: u32) -> Result<Mtu, MtuError> {
        let mtu = u16::try_from(bytes).map(Mtu);
        let valid = mtu
            .ok()
            .filter(|mtu| (Mtu::STANDARD..=Mtu::MAX).contains(mtu));
        valid.ok_or(MtuError(bytes))
    }
}

impl From<Mtu> for u32 {
    fn from(mtu: Mtu) -> u32 {
        mtu.0.into()
    }
}

impl fmt::Display for Mtu {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::string::ToString;

    #[test]
    fn an_mtu_has_a_smallest_and_a_largest_value() {
        for bytes in [1500, 9000, 65_000] {
            assert_eq!(Mtu::try_from(bytes).map(u32::from), Ok(bytes));
        }
        for bytes in [0, 1499, 65_001, 65_536 + 1500, u32::MAX] {
            assert_eq!(Mtu::try_from(bytes), Err(MtuError(bytes)));
            let error = serde_json::from_str::<Mtu>(&bytes.to_string());
            let error = error.expect_err("no MTU").to_string();
            let expected = std::format!("the MTU {bytes} is not 1500 to 65000");
            assert!(error.contains(&expected), "{error}");
        }
    }
}
