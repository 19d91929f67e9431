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
