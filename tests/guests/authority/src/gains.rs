//! The capabilities that a call may add to its caller's table: [`check_gain`].

use abi::register::Slot;
use abi::{PoolRights, Request, Rights};

use super::{View, Violation};

/// Checks the capability that a successful call has added to its caller's table, given the table before and after the call.
///
/// # Errors
/// The violation.
pub fn check_gain(
    request: &Request,
    before: impl Fn(Slot) -> View,
    after: impl Fn(Slot) -> View,
) -> Result<(), Violation> {
    let Some((slot, most)) = gain(request, before) else {
        return Ok(());
    };
    match after(slot) {
        View::Holds { rights, .. } if !most.contains(rights) => {
            Err(Violation::Gained(slot, rights))
        }
        _ => Ok(()),
    }
}

/// The slot that a call fills, and the most rights that the capability in it may have. `None` if no limit is checked: for a new
/// object, over which the caller may have all rights, and for every other call.
fn gain(request: &Request, before: impl Fn(Slot) -> View) -> Option<(Slot, Rights)> {
    let held = |slot| match before(slot) {
        View::Holds { rights, .. } => rights,
        View::Beyond | View::Empty => Rights(0),
    };
    match *request {
        Request::CapabilityCopy(call) => Some((call.to, held(call.from))),
        Request::CapabilityMint(call) => Some((call.to, Rights(held(call.from).0 & call.rights.0))),
        Request::CapabilityMove(call) => Some((call.to, held(call.from))),
        // A child pool is new, but the right DMA exposes the whole machine's bus addresses, so a child has it only if its parent has.
        Request::PoolSplit(call) => {
            let dma = Rights::from(PoolRights::DMA).0;
            let all = Rights::from(PoolRights::all()).0;
            Some((call.into, Rights(all & !dma | held(call.pool).0 & dma)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use abi::ObjectKind;
    use abi::calls::{CapabilityMint, PoolSplit};
    use abi::register::PageCount;

    use super::*;

    const FROM: Slot = Slot(1);
    const TO: Slot = Slot(2);

    /// A table with one capability to a pool.
    fn table(holder: Slot, rights: PoolRights) -> impl Fn(Slot) -> View {
        move |slot| {
            if slot != holder {
                return View::Empty;
            }
            View::Holds {
                kind: ObjectKind::Pool,
                rights: rights.into(),
                badge: 0,
            }
        }
    }

    #[test]
    fn a_child_pool_has_dma_only_if_its_parent_has() {
        let split = Request::PoolSplit(PoolSplit {
            pool: FROM,
            pages: PageCount(1),
            into: TO,
        });
        let all = PoolRights::all();
        let less = all - PoolRights::DMA;
        let gains = |parent, child| check_gain(&split, table(FROM, parent), table(TO, child));
        assert_eq!(gains(all, all), Ok(()));
        assert_eq!(gains(PoolRights::CREATE, less), Ok(()));
        let violation = Err(Violation::Gained(TO, all.into()));
        assert_eq!(gains(less, all), violation);
    }

    #[test]
    fn a_minted_copy_has_only_requested_rights_of_the_original() {
        let mint = Request::CapabilityMint(CapabilityMint {
            from: FROM,
            to: TO,
            rights: PoolRights::CREATE.into(),
            badge: 0,
        });
        let before = table(FROM, PoolRights::CREATE | PoolRights::REPORT);
        let gains = |child| check_gain(&mint, &before, table(TO, child));
        assert_eq!(gains(PoolRights::CREATE), Ok(()));
        assert!(gains(PoolRights::CREATE | PoolRights::REPORT).is_err());
    }
}
