//! The kernel's messages about faults and absent pages, decoded.

use abi::fault::FaultKind;

use crate::message::Incoming;

/// A fault message. Any reply resumes the thread: it retries its instruction, or continues after a trap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A thread accessed an address without a mapping, accessed memory in a way that its mapping does not permit, or accessed an
    /// absent page of a Memory without a pager.
    Page {
        /// The accessed address.
        address: u64,
        /// The hardware's error code.
        code: u64,
        /// The address of the instruction.
        instruction: u64,
    },
    /// A thread raised another exception.
    Exception {
        /// The exception's vector.
        vector: u64,
        /// The hardware's error code.
        code: u64,
        /// The address of the instruction.
        instruction: u64,
    },
    /// A thread accessed an absent page of a Memory that has a pager.
    AbsentPage {
        /// The page's index in the Memory.
        page: u64,
        /// The hardware's error code.
        code: u64,
        /// The address of the instruction.
        instruction: u64,
    },
}

impl Fault {
    /// Decodes a fault message; `None` if the kernel did not send it, or if it is malformed.
    pub fn decode(incoming: &Incoming) -> Option<Fault> {
        if !incoming.info.is_fault() {
            return None;
        }
        let [kind, place, code, instruction] = *incoming.message.words() else {
            return None;
        };
        match kind {
            kind if kind == FaultKind::Page as u64 => Some(Fault::Page {
                address: place,
                code,
                instruction,
            }),
            kind if kind == FaultKind::Exception as u64 => Some(Fault::Exception {
                vector: place,
                code,
                instruction,
            }),
            kind if kind == FaultKind::AbsentPage as u64 => Some(Fault::AbsentPage {
                page: place,
                code,
                instruction,
            }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Message;
    use abi::MessageInfo;

    fn incoming(info: MessageInfo, words: &[u64]) -> Incoming {
        Incoming {
            badge: 3,
            info,
            message: Message::of(words),
        }
    }

    #[test]
    fn decodes_only_messages_from_the_kernel() {
        let words = [FaultKind::AbsentPage as u64, 17, 4, 0x40_0000];
        let plain = MessageInfo::words_only(4).unwrap();
        assert_eq!(Fault::decode(&incoming(plain, &words)), None);
        assert_eq!(
            Fault::decode(&incoming(plain.as_fault(), &words)),
            Some(Fault::AbsentPage {
                page: 17,
                code: 4,
                instruction: 0x40_0000
            })
        );
    }
}
