//! The workload that revokes: what it derived before a move must be gone after it, and what it maps and hands out as well.

use runtime::abi::Error;
use runtime::abi::calls::{
    CapabilityInspect, CapabilityMint, CapabilityRevoke, DomainMap, MemoryPager, Yield,
};
use runtime::abi::kind::EndpointRights;
use runtime::abi::register::{Access, PageCount, PageIndex, Slot, UserAddress};
use runtime::system_call::invoke;

use crate::board::Board;
use crate::slots::{DERIVED, DERIVED_COUNT, DOMAIN, PAGED, REVOKED};

/// The address at which it maps its Memory.
const ADDRESS: u64 = 20 << 30;

/// Derives from two slots as much as there is to derive, lets time for a move pass, revokes it, and looks whether it is gone.
pub extern "C" fn derives_and_revokes(board: Board) -> ! {
    loop {
        board.check(derive(board.rounds()).is_ok(), 30);
        for _ in 0..board.rounds() % 8 {
            let _ = invoke(Yield {});
        }
        for slot in [REVOKED, PAGED] {
            board.check(invoke(CapabilityRevoke { slot }).is_ok(), 31);
        }
        for number in 0..DERIVED_COUNT {
            let slot = Slot(DERIVED.0 + number);
            let kind = invoke(CapabilityInspect { slot }).map(|(kind, ..)| kind);
            board.check(kind == Ok(0), 32);
        }
        board.round();
    }
}

fn derive(round: u64) -> Result<(), Error> {
    for number in 0..DERIVED_COUNT {
        invoke(CapabilityMint {
            from: REVOKED,
            to: Slot(DERIVED.0 + number),
            rights: EndpointRights::SEND.into(),
            badge: round + 1,
        })?;
    }
    invoke(MemoryPager {
        memory: PAGED,
        pager: Some(REVOKED),
    })?;
    // If the mapping of the round before were still there, this one would overlap it.
    invoke(DomainMap {
        domain: DOMAIN,
        memory: PAGED,
        address: UserAddress(ADDRESS),
        first_page: PageIndex(0),
        page_count: PageCount(1),
        access: Access::Read,
    })
}
