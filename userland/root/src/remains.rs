//! The memory of domains that have left, until the migration server has destroyed it: [`Remains`].

use alloc::vec::Vec;

use abi::Error;
use abi::kind::PoolRights;
use runtime::Cap;
use runtime::capability::{Kind, Pool};
use runtime::protocol::Name;

use crate::handle::Handle;

/// The pools of domains that have left.
#[derive(Debug, Default)]
pub struct Remains(Vec<Remainder>);

/// A pool, and the migration server's capability for it, which root copies to it.
#[derive(Debug)]
struct Remainder {
    domain: Name,
    pool: Handle<Pool>,
    destroyable: Handle<Pool>,
}

impl Remains {
    /// Adds the pool of a domain that has left. Returns the capability for the migration server, which permits only to destroy it.
    ///
    /// # Errors
    /// The kernel's refusal of that capability. Then the pool is destroyed.
    pub fn add(&mut self, domain: Name, pool: Cap<Pool>) -> Result<Cap<Pool>, Error> {
        self.0.retain(Remainder::exists);
        let pool = Handle::new(pool);
        match pool.mint(PoolRights::DESTROY, 0) {
            Ok(destroyable) => {
                self.0.push(Remainder {
                    domain,
                    pool,
                    destroyable: Handle::new(destroyable),
                });
                Ok(destroyable)
            }
            Err(error) => {
                pool.destroy();
                Err(error)
            }
        }
    }

    /// The capability for the pool of the domain of this name, unless that is destroyed.
    pub fn find(&self, domain: Name) -> Option<Cap<Pool>> {
        let mut all = self.0.iter();
        let found = all.find(|remainder| remainder.domain == domain && remainder.exists());
        found.map(|remainder| *remainder.destroyable)
    }

    /// Destroys all pools that are left, because the migration server has ended.
    pub fn destroy_all(&mut self) {
        for remainder in self.0.drain(..) {
            remainder.pool.destroy();
        }
    }
}

impl Remainder {
    fn exists(&self) -> bool {
        let found = self.pool.inspect();
        found.is_ok_and(|found| found.kind == Pool::KIND)
    }
}
