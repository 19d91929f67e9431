//! The `inventory` endpoint, through which a report on the hardware reads what root knows of the machine: its PCI functions, and its log.
//! Nothing is changed by it. Facts that do not change are arguments of the domain.
//!
//! ```text
//! call:  Request
//! reply: a FunctionRecord, a Line or a refusal, as in root's other replies
//! ```

use core::fmt;

use identity::Name;
use serde::{Deserialize, Serialize};

use crate::root::DomainState;

/// The number of base address registers of a function.
pub const REGION_COUNT: usize = 6;

/// A request to root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// The PCI function at this index of the list. Reply: a [`FunctionRecord`], or
    /// [`Refusal::NoSuchObject`](crate::root::Refusal::NoSuchObject) at the end.
    Function {
        /// From 0, without gaps.
        index: u32,
    },
    /// The line of the log with this number, or the oldest kept line after it. Reply: a [`Line`](crate::journal::Line), or
    /// [`Refusal::NoSuchObject`](crate::root::Refusal::NoSuchObject) if there is none yet.
    ReadLog {
        /// The number of the line.
        from: u64,
    },
}

/// A PCI function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionRecord {
    /// Its bus, device and function.
    pub address: (u8, u8, u8),
    /// Its vendor's identifier, and the vendor's identifier of the device.
    pub identity: (u16, u16),
    /// Its class, subclass and programming interface.
    pub class: (u8, u8, u8),
    /// The beginnings of its regions.
    pub regions: [Region; REGION_COUNT],
    /// The interrupt messages that it can send.
    pub messages: Messages,
    /// The program that drives it.
    pub driver: Option<Name>,
    /// The domain that has it, and that domain's state.
    pub domain: Option<(Name, DomainState)>,
}

/// A base address register.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Region {
    /// It does not exist, or has no address.
    None,
    /// Registers in memory.
    Memory(u64),
    /// I/O ports.
    Ports(u16),
}

/// The interrupt messages that a function can send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Messages {
    /// It has interrupt lines at most.
    None,
    /// Message-signalled interrupts (MSI): a message in the configuration space.
    Msi,
    /// MSI-X: a table of messages in memory.
    MsiX,
}

impl fmt::Display for Messages {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Messages::None => "no interrupt messages",
            Messages::Msi => "MSI",
            Messages::MsiX => "MSI-X",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::root::{Refusal, decode_reply, granted};
    use crate::{Malformed, decode, encode};

    #[test]
    fn the_longest_record_survives_a_message_and_a_truncated_one_is_rejected() {
        let name = Name::try_new("exactly-twenty-four-byte").expect("a name");
        let record = FunctionRecord {
            address: (u8::MAX, 31, 7),
            identity: (u16::MAX, u16::MAX),
            class: (u8::MAX, u8::MAX, u8::MAX),
            regions: [Region::Memory(u64::MAX); REGION_COUNT],
            messages: Messages::MsiX,
            driver: Some(name),
            domain: Some((name, DomainState::Outlived)),
        };
        let words = granted(&record);
        let words = words.as_slice();
        assert_eq!(decode_reply(words), Ok(record));
        for count in 0..words.len() {
            let read = decode_reply::<FunctionRecord>(&words[..count]);
            assert_eq!(read, Err(Refusal::Malformed), "{count}");
        }
    }

    #[test]
    fn requests_survive_a_message_and_malformed_ones_are_rejected() {
        for request in [Request::Function { index: 4 }, Request::ReadLog { from: 5 }] {
            assert_eq!(decode(encode(&request).as_slice()), Ok(request));
        }
        assert_eq!(decode::<Request>(&[3]), Err(Malformed));
    }
}
