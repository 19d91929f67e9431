//! Pools nested as deep as possible, with a frozen domain in each: [`Nest`]. A change in the innermost pool is counted in all of the
//! domains.

use runtime::abi::record::List;
use runtime::abi::register::PageCount;
use runtime::abi::{NO_DEADLINE, POOL_DEPTH_MAX};
use runtime::capability::{Domain, Pool};
use runtime::{Cap, Error};

use crate::stage::Stage;

/// The number of pages that a pool and its domain take.
const PAGES_EACH: u64 = 5;

/// Nested pools.
pub struct Nest {
    /// The innermost pool, which contains only its domain.
    pub innermost: Cap<Pool>,
    /// The domain of that pool.
    pub domain: Cap<Domain>,
    /// The token of that domain's freeze.
    token: u64,
    outermost: Cap<Pool>,
}

impl Nest {
    /// Creates the pools; the innermost one has this many free pages.
    pub fn new(stage: &Stage, pages: u64) -> Result<Nest, Error> {
        let outermost = stage.split(pages + u64::from(POOL_DEPTH_MAX) * PAGES_EACH)?;
        let (mut domain, mut token) = add_frozen_domain(outermost)?;
        let mut innermost = outermost;
        for depth in 1..POOL_DEPTH_MAX {
            let deeper = u64::from(POOL_DEPTH_MAX - depth);
            innermost = innermost.split(PageCount(pages + deeper * PAGES_EACH))?;
            (domain, token) = add_frozen_domain(innermost)?;
        }
        Ok(Nest {
            innermost,
            domain,
            token,
            outermost,
        })
    }

    /// Retires the innermost domain.
    pub fn retire_innermost(&self) -> Result<(), Error> {
        let version = self.domain.describe(List::Objects, 0)?.version;
        self.domain.retire(version, self.token)
    }

    /// Destroys the pools, with everything inside.
    pub fn end(self) -> Result<(), Error> {
        self.outermost.destroy()
    }
}

/// A frozen domain in this pool, and the token of its freeze.
fn add_frozen_domain(pool: Cap<Pool>) -> Result<(Cap<Domain>, u64), Error> {
    let domain = pool.create_domain()?;
    let freeze = domain.freeze(NO_DEADLINE)?;
    Ok((domain, freeze.token))
}
