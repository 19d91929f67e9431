//! The `device` endpoint, through which a driver asks root to let its device reach memory. Every domain that has a device has this
//! endpoint, and the badge names the domain. So no request names a device.
//!
//! ```text
//! call:  Request
//! reply: Ok(()) or a refusal, as in root's other replies
//! ```

use serde::{Deserialize, Serialize};

/// A request to root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// Lets the device master the bus: read and write memory, and send interrupt messages. The driver has reset it, so it knows no address
    /// that an earlier driver or the firmware gave it. Refused with
    /// [`Refusal::NoSuchObject`](crate::root::Refusal::NoSuchObject) if the domain has no device, and with
    /// [`Refusal::WrongState`](crate::root::Refusal::WrongState) if it has ended.
    MasterBus,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Malformed, decode, encode};

    #[test]
    fn the_request_survives_a_message_and_malformed_ones_are_rejected() {
        let request = Request::MasterBus;
        assert_eq!(decode(encode(&request).as_slice()), Ok(request));
        for words in [&[][..], &[1], &[0, 0]] {
            assert_eq!(decode::<Request>(words), Err(Malformed));
        }
    }
}
