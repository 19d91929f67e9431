//! The workload that revokes: capabilities, a mapping and a pager derived before a move must be gone after a revocation.

use runtime::abi::Error;
use runtime::abi::calls::{CapabilityMint, CapabilityRevoke, DomainMap, MemoryPager};
use runtime::abi::kind::EndpointRights;
use runtime::abi::register::{Access, PageCount, PageIndex, Slot, UserAddress};
use runtime::system_call::invoke;

use crate::board::Board;
use crate::calls::{are_empty, yield_times};
use crate::slots::{DERIVED, DERIVED_COUNT, DOMAIN, PAGED, REVOKED};

/// The address at which the workload maps its Memory.
const ADDRESS: u64 = 20 << 30;

/// Derives everything that can be derived from two slots, leaves time for a move, revokes it, and checks that it is gone.
pub extern "C" fn derives_and_revokes(board: Board) -> ! {
    loop {
        board.check(derive(board.rounds()).is_ok(), 30);
        yield_times(board.rounds() % 8);
        for slot in [REVOKED, PAGED] {
            board.check(invoke(CapabilityRevoke { slot }).is_ok(), 31);
        }
        board.check(are_empty(DERIVED, DERIVED_COUNT), 32);
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
    // If the previous round's mapping still existed, this one would overlap it.
    invoke(DomainMap {
        domain: DOMAIN,
        memory: PAGED,
        address: UserAddress(ADDRESS),
        first_page: PageIndex(0),
        page_count: PageCount(1),
        access: Access::Read,
    })
}
