//! A domain that was looked up, before anything is done to it: [`Found`].

use alloc::vec::Vec;

use nomad_image::{Name, Names, Verdict, judge};
use runtime::capability::Domain;
use runtime::protocol::root::{DomainRecord, DomainState};

use crate::capture::CaptureError;
use crate::capture::listing::{self, Read};
use crate::capture::names;
use crate::owned::Owned;
use crate::root::Root;

/// A domain as it is found: what an operator is told, and what is offered to a target.
#[derive(Debug)]
pub struct Found {
    /// What root says.
    pub record: DomainRecord,
    /// The authority over it.
    pub domain: Owned<Domain>,
    /// What the kernel lists.
    pub read: Read,
    /// What root calls the objects outside.
    pub names: Names,
}

impl Found {
    /// Looks a domain up.
    ///
    /// # Errors
    /// Root or the kernel said no.
    pub fn find(root: Root, name: Name) -> Result<Found, CaptureError> {
        let (record, domain) = root.find(name)?;
        // One that has faulted stays to be looked at.
        let may_move = record.state != DomainState::Stopped;
        let domain = domain.filter(|_| may_move).ok_or(CaptureError::Pinned)?;
        let read = listing::read(domain.cap())?;
        let mut names = Names::new();
        names::complete(root, name, &read.listing, &mut names)?;
        Ok(Found {
            record,
            domain,
            read,
            names,
        })
    }

    /// What would become of each thing that it holds.
    pub fn verdicts(&self) -> Vec<Verdict> {
        judge(&self.read.listing, &self.names)
    }
}
