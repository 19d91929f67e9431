//! `device`: lets the device of a driver master the bus. Until its driver asks for that, a device reaches no memory: it may still be
//! running, with addresses that an earlier driver or the firmware gave it.

use runtime::message::Message;
use runtime::protocol::decode;
use runtime::protocol::device::Request;
use runtime::protocol::root::{DomainState, Refusal, done, refused};
use runtime::server::Handled;

use super::now;
use crate::badge::DomainNumber;
use crate::supervisor::Supervisor;

/// Executes a request of this domain about its own device.
pub fn handle(root: &Supervisor, domain: DomainNumber, message: &Message) -> Handled {
    let Ok(Request::MasterBus) = decode(message.words()) else {
        return now(&refused(Refusal::Malformed));
    };
    match master(root, domain) {
        Ok(()) => now(&done()),
        Err(refusal) => now(&refused(refusal)),
    }
}

/// Lets the device of a domain master the bus. A domain that has ended has lost its device, although root still knows which it was.
fn master(root: &Supervisor, domain: DomainNumber) -> Result<(), Refusal> {
    let domain = root.domains.by_number(domain);
    let domain = domain.ok_or(Refusal::NoSuchDomain)?;
    let function = domain.device.ok_or(Refusal::NoSuchObject)?;
    if domain.state != DomainState::Running {
        return Err(Refusal::WrongState);
    }
    root.devices.let_master(function);
    Ok(())
}
