//! Freezes a running domain while it is read: [`while_frozen`].

use runtime::capability::Domain;
use runtime::{Cap, Error, clock};

use crate::capture::CaptureError;

/// The maximum time for which a running domain is frozen to be read.
const LOOK_LIMIT_NS: u64 = 5_000_000_000;

/// Freezes a running domain, calls `act`, and thaws the domain. Returns `None` if it was not frozen throughout: another caller
/// froze it, the limit passed, or its destruction began. If this server ends or stalls meanwhile, the kernel thaws the
/// domain.
///
/// # Errors
/// Any other error of the kernel. A retired domain also causes an error.
pub fn while_frozen<T>(
    domain: Cap<Domain>,
    act: impl FnOnce() -> T,
) -> Result<Option<T>, CaptureError> {
    let freeze = match domain.freeze(clock::now_ns().saturating_add(LOOK_LIMIT_NS)) {
        Ok(freeze) => freeze,
        Err(Error::InUse | Error::TimedOut) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let result = act();
    match domain.thaw(freeze.token) {
        Ok(()) => Ok(Some(result)),
        Err(Error::InUse | Error::WrongState) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use abi::Request;
    use abi::register::Slot;
    use runtime::host::{CallResult, DONE, with_kernel};

    use super::*;

    const TOKEN: u64 = 6;

    fn kernel(request: &Request) -> CallResult {
        match request {
            Request::DomainFreeze(_) => Ok([1, TOKEN, 0, 0, 0, 0, 0, 0]),
            _ => DONE,
        }
    }

    #[test]
    fn a_domain_is_frozen_with_a_deadline_while_it_is_read() {
        let began_ns = clock::now_ns();
        let (looked, calls) = with_kernel(kernel, || while_frozen(Cap::from_slot(Slot(8)), || 3));
        assert_eq!(looked, Ok(Some(3)));
        let [Request::DomainFreeze(freeze), Request::DomainThaw(thaw)] = calls[..] else {
            panic!("{calls:?}");
        };
        let deadlines_ns = began_ns + LOOK_LIMIT_NS..=clock::now_ns() + LOOK_LIMIT_NS;
        assert!(deadlines_ns.contains(&freeze.deadline), "{freeze:?}");
        assert_eq!(thaw.token, TOKEN);
    }
}
