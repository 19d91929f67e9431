//! Reads the built domain back from the kernel and compares it with its description. So a destination that runs
//! a domain has verified the domain itself, and not only the description.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use abi::ObjectKind;
use abi::register::ObjectId;
use nomad_image::{Description, Difference, OutsideKey, ThreadImage, difference};
use runtime::Error;

use crate::capture::listing::{self, ListError};
use crate::machine::Machine;
use crate::restore::RestoreError;
use crate::restore::build::Built;
use crate::restore::error::During;

/// Compares a built domain with its description.
///
/// # Errors
/// [`RestoreError::Differs`], or the error of the kernel.
pub fn verify(
    machine: &Machine,
    built: &Built,
    description: &Description,
) -> Result<(), RestoreError> {
    let found = compare(machine, built, description).during("reading back", 0)?;
    found.map_or(Ok(()), |difference| Err(RestoreError::Differs(difference)))
}

fn compare(
    machine: &Machine,
    built: &Built,
    description: &Description,
) -> Result<Option<Difference>, Error> {
    let read = listing::read(built.domain).map_err(|error| match error {
        ListError::Kernel(error) => error,
        // The description from which it was built was within the limits.
        ListError::TooMany { .. } => Error::ArgumentRange,
    })?;
    let mut threads = BTreeMap::new();
    for thread in read.of_kind(ObjectKind::Thread) {
        let id = ObjectId(thread.id);
        threads.insert(id, ThreadImage(Box::new(built.domain.read_thread(id)?)));
    }
    let identify = |capability: Option<_>| capability.map(|it| machine.identify(it)).transpose();
    let objects: Vec<_> = built.objects().map(identify).collect::<Result<_, _>>()?;
    let key = |capability| {
        Ok(OutsideKey {
            object: machine.identify(capability)?,
            badge: capability.inspect()?.badge,
        })
    };
    let outsiders: Vec<_> = built.outsiders().map(key).collect::<Result<_, Error>>()?;
    let built = nomad_image::Built {
        listing: &read.listing,
        slot_count: read.slot_count,
        threads: &threads,
        objects: &objects,
        outsiders: &outsiders,
    };
    Ok(difference(description, &built))
}
