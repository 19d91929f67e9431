//! The location of the NIC's registers: the virtio capabilities in its configuration space (virtio 1.2, 4.1.4).
//!
//! ```text
//! 0 id = 9   1 next   2 length   3 kind   4 bar   8 offset: u32   12 length: u32   16 notify multiplier: u32
//! ```

use nic::identity::CONFIGURATION_BYTES;

const FIRST: usize = 0x34;
const VENDOR: u8 = 9;
const LIST_START: usize = 0x40;
const CAPABILITY_BYTES: usize = 16;
/// The number of capabilities that fit into the space: a longer list is cyclic.
const CAPABILITIES_MAX: usize = 48;

/// The location of a block of registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The index of the base address register.
    pub bar: u8,
    /// The offset in that region.
    pub offset: u32,
    /// The length in bytes.
    pub bytes: u32,
}

/// The kind of a register block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// Features, status and queues.
    Common = 1,
    /// Notifying the NIC of new buffers in a queue.
    Notify = 2,
    /// Specific to network devices.
    Device = 4,
}

/// A copy of a configuration space.
#[derive(Clone, Debug)]
pub struct Configuration([u8; CONFIGURATION_BYTES]);

impl Configuration {
    pub fn new(bytes: [u8; CONFIGURATION_BYTES]) -> Configuration {
        Configuration(bytes)
    }

    /// The location of the registers of this kind.
    pub fn place(&self, kind: Kind) -> Option<Place> {
        let at = self.find(kind)?;
        Some(Place {
            bar: self.0[at + 4],
            offset: self.word(at + 8)?,
            bytes: self.word(at + 12)?,
        })
    }

    /// The distance between the queues' notify registers.
    pub fn notify_multiplier(&self) -> Option<u32> {
        self.word(self.find(Kind::Notify)? + CAPABILITY_BYTES)
    }

    /// The offset of the first complete capability of this kind.
    fn find(&self, kind: Kind) -> Option<usize> {
        let mut at = usize::from(self.0[FIRST] & !3);
        for _ in 0..CAPABILITIES_MAX {
            if at < LIST_START || at + CAPABILITY_BYTES > CONFIGURATION_BYTES {
                return None;
            }
            if self.0[at] == VENDOR && self.0[at + 3] == kind as u8 {
                return Some(at);
            }
            at = usize::from(self.0[at + 1] & !3);
        }
        None
    }

    fn word(&self, at: usize) -> Option<u32> {
        let bytes = self.0.get(at..)?.first_chunk()?;
        Some(u32::from_le_bytes(*bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(capabilities: &[(u8, [u8; 20])]) -> Configuration {
        let mut bytes = [0; CONFIGURATION_BYTES];
        bytes[FIRST] = capabilities.first().map_or(0, |(at, _)| *at);
        for (at, content) in capabilities {
            let at = usize::from(*at);
            bytes[at..at + 20].copy_from_slice(content);
        }
        Configuration::new(bytes)
    }

    #[test]
    fn finds_registers_behind_other_capabilities() {
        let configuration = with(&[
            (
                0x40,
                [
                    0x11, 0x60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                ],
            ),
            (
                0x60,
                [
                    9, 0x80, 20, 2, 4, 0, 0, 0, 0, 0x30, 0, 0, 0, 0x10, 0, 0, 4, 0, 0, 0,
                ],
            ),
            (
                0x80,
                [9, 0, 16, 1, 4, 0, 0, 0, 0, 0, 0, 0, 56, 0, 0, 0, 0, 0, 0, 0],
            ),
        ]);
        assert_eq!(
            configuration.place(Kind::Notify),
            Some(Place {
                bar: 4,
                offset: 0x3000,
                bytes: 0x1000
            })
        );
        assert_eq!(configuration.notify_multiplier(), Some(4));
        assert_eq!(configuration.place(Kind::Common).unwrap().bytes, 56);
        assert_eq!(configuration.place(Kind::Device), None);
    }

    #[test]
    fn cyclic_and_truncated_lists_end() {
        let circle = [
            0x11, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        ];
        assert_eq!(with(&[(0x40, circle)]).place(Kind::Common), None);
        let over_the_edge = [
            0x11, 0xfc, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        ];
        assert_eq!(with(&[(0x40, over_the_edge)]).place(Kind::Common), None);
        assert_eq!(with(&[]).place(Kind::Common), None);
    }
}
