//! A look at a running domain, which stands still meanwhile: [`while_frozen`].

use runtime::capability::Domain;
use runtime::{Cap, Error, clock};

use crate::capture::CaptureError;

/// How long a running domain stands still at most while it is looked at.
const LOOK_LIMIT_NS: u64 = 5_000_000_000;

/// Does something while the running domain stands still; nothing if it does not for long enough: another has frozen it for
/// a moment, or the limit came first. Should this server end or stall meanwhile, the kernel lets the domain run on.
///
/// # Errors
/// What else the kernel says, of a domain that is retired too.
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
    use runtime::host::{Answer, DONE, with_kernel};

    use super::*;

    const TOKEN: u64 = 6;

    fn kernel(request: &Request) -> Answer {
        match request {
            Request::DomainFreeze(_) => Ok([1, TOKEN, 0, 0, 0, 0, 0, 0]),
            _ => DONE,
        }
    }

    #[test]
    fn a_domain_that_is_looked_at_runs_on_by_itself_if_nobody_thaws_it() {
        let began_ns = clock::now_ns();
        let (looked, calls) = with_kernel(kernel, || while_frozen(Cap::from_slot(Slot(8)), || 3));
        assert_eq!(looked, Ok(Some(3)));
        let [Request::DomainFreeze(freeze), Request::DomainThaw(thaw)] = calls[..] else {
            panic!("{calls:?}");
        };
        let stands_ns = began_ns + LOOK_LIMIT_NS..=clock::now_ns() + LOOK_LIMIT_NS;
        assert!(stands_ns.contains(&freeze.deadline), "{freeze:?}");
        assert_eq!(thaw.token, TOKEN);
    }
}
