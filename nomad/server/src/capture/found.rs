//! A domain that was looked up, before anything is done to it: [`Found`].

use alloc::vec::Vec;

use identity::Name;
use nomad_image::{Names, Verdict, judge};
use runtime::Error;
use runtime::capability::Domain;
use runtime::protocol::root::{DomainRecord, DomainState};

use crate::capture::CaptureError;
use crate::capture::listing::{self, Read};
use crate::capture::names;
use crate::capture::standing::while_frozen;
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
    ///
    /// The lists of a domain that runs need not agree with each other: an object that it makes between two of them looks like
    /// another domain's. So if anything is refused, the domain is listed again while it stands still.
    ///
    /// # Errors
    /// Root or the kernel said no.
    pub fn judge(&mut self, root: Root) -> Result<Vec<Verdict>, CaptureError> {
        let verdicts = judge(&self.read.listing, &self.names);
        if verdicts.iter().all(|verdict| verdict.refusal().is_none()) {
            return Ok(verdicts);
        }
        let domain = self.domain.cap();
        match while_frozen(domain, || listing::read(domain)) {
            Ok(Some(read)) => self.read = read?,
            // It stood still already, or cannot be stopped now.
            Ok(None) | Err(CaptureError::Kernel(Error::WrongState)) => return Ok(verdicts),
            Err(error) => return Err(error),
        }
        names::complete(root, self.record.name, &self.read.listing, &mut self.names)?;
        Ok(judge(&self.read.listing, &self.names))
    }
}

#[cfg(test)]
mod tests;
