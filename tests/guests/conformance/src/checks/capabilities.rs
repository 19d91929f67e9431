//! Copies, badges and revocation.

use runtime::abi::Rights;
use runtime::abi::calls::{CapabilityCopy, CapabilityMint, CapabilityMove, EndpointCreate};
use runtime::abi::kind::EndpointRights;
use runtime::system_call::invoke;
use runtime::{Cap, Error};

use crate::fixture::{Failure, Fixture, expect, expect_refusal, require};

fn rights<T: runtime::capability::Kind>(capability: Cap<T>) -> Result<u64, Failure> {
    Ok(capability.inspect()?.rights.0.into())
}

pub fn mint(fixture: &Fixture) -> Result<(), Failure> {
    let endpoint = fixture.pool.create_endpoint()?;
    let all = EndpointRights::all().bits();
    let single = (0..16).map(|bit| 1 << bit).filter(|bit| all & bit != 0);
    for kept in single.clone() {
        let some = endpoint.erase().mint(Rights(kept), 0)?;
        expect("the rights of a copy", rights(some)?, kept.into())?;
        for wanted in single.clone().filter(|wanted| *wanted != kept) {
            let more = some.mint(Rights(wanted | kept), 0);
            expect_refusal("more rights", more, Error::MissingRight)?;
        }
        some.delete()?;
    }
    Ok(())
}

pub fn badge(fixture: &Fixture) -> Result<(), Failure> {
    let endpoint = fixture.pool.create_endpoint()?;
    let badged = endpoint.mint(EndpointRights::SEND, 5)?;
    expect_refusal(
        "another badge",
        badged.mint(EndpointRights::SEND, 6),
        Error::BadgeFixed,
    )?;
    let copy = badged.mint(EndpointRights::SEND, 0)?;
    expect("the copy's badge", copy.inspect()?.badge, 5)
}

pub fn revoke(fixture: &Fixture) -> Result<(), Failure> {
    let origin = fixture.pool.create_endpoint()?;
    let sibling = origin.duplicate()?;
    let parent = origin.duplicate()?;
    let child = parent.duplicate()?;
    let grandchild = child.duplicate()?;
    let moved = grandchild.duplicate()?;
    let other = fixture.pool.create_endpoint()?;
    // The children of a deleted capability become children of its parent.
    child.delete()?;
    parent.revoke()?;
    for gone in [grandchild, moved] {
        require("empty slot", gone.inspect()?.kind.is_none())?;
        gone.forget();
    }
    for there in [origin, sibling, parent, other] {
        require("capability that stays", there.inspect()?.kind.is_some())?;
    }
    Ok(())
}

pub fn occupied(fixture: &Fixture) -> Result<(), Failure> {
    let (one, two) = (
        fixture.pool.create_endpoint()?,
        fixture.pool.create_notification()?,
    );
    let spent = fixture.pool.report()?.spent;
    let (from, to) = (one.slot(), two.slot());
    let rights = EndpointRights::SEND.into();
    let mint = CapabilityMint {
        from,
        to,
        rights,
        badge: 0,
    };
    let create = EndpointCreate {
        pool: fixture.pool.slot(),
        into: to,
    };
    expect_refusal(
        "a copy",
        invoke(CapabilityCopy { from, to }),
        Error::OccupiedSlot,
    )?;
    expect_refusal("a mint", invoke(mint), Error::OccupiedSlot)?;
    expect_refusal(
        "a move",
        invoke(CapabilityMove { from, to }),
        Error::OccupiedSlot,
    )?;
    expect_refusal("an object", invoke(create), Error::OccupiedSlot)?;
    expect(
        "the pool's spent pages",
        fixture.pool.report()?.spent.0,
        spent.0,
    )?;
    two.signal(1)?;
    Ok(())
}
