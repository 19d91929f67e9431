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
use crate::capture::while_frozen::while_frozen;
use crate::owned::Owned;
use crate::root::Root;

/// A domain that was looked up to be reported to an operator or offered to a destination.
#[derive(Debug)]
pub struct Found {
    /// Root's record of it.
    pub record: DomainRecord,
    /// The authority over it.
    pub domain: Owned<Domain>,
    /// The kernel's lists.
    pub read: Read,
    /// Root's names of the objects outside.
    pub names: Names,
}

impl Found {
    /// Looks a domain up.
    ///
    /// # Errors
    /// The error of root or of the kernel.
    pub fn find(root: Root, name: Name) -> Result<Found, CaptureError> {
        let (record, domain) = root.find(name)?;
        let may_move = record.movable && record.state != DomainState::Stopped;
        let domain = domain.filter(|_| may_move);
        let domain = domain.ok_or_else(|| obstacle(&record))?;
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

    /// The verdict on each of its objects and capabilities.
    ///
    /// The lists of a running domain may disagree: an object that it creates between two lists looks like another
    /// domain's. So if anything is refused, the domain is frozen for a moment and listed again.
    ///
    /// # Errors
    /// The error of root or of the kernel.
    pub fn judge(&mut self, root: Root) -> Result<Vec<Verdict>, CaptureError> {
        let verdicts = judge(&self.read.listing, &self.names);
        if verdicts.iter().all(|verdict| verdict.refusal().is_none()) {
            return Ok(verdicts);
        }
        let domain = self.domain.cap();
        match while_frozen(domain, || listing::read(domain)) {
            Ok(Some(read)) => self.read = read?,
            // The domain was already frozen or retired, or cannot be frozen now.
            Ok(None) | Err(CaptureError::Kernel(Error::WrongState)) => return Ok(verdicts),
            Err(error) => return Err(error),
        }
        names::complete(root, self.record.name, &self.read.listing, &mut self.names)?;
        Ok(judge(&self.read.listing, &self.names))
    }
}

/// The reason a domain with this record does not move.
fn obstacle(record: &DomainRecord) -> CaptureError {
    match record.state {
        _ if !record.movable => CaptureError::Pinned,
        DomainState::Stopped if record.is_here() => CaptureError::Faulted,
        state => CaptureError::NotRunning(state),
    }
}

#[cfg(test)]
mod tests;
